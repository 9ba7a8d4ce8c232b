import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Training pairs of a corpus, and a retriever held against others, through the binary.
@Suite struct TrainPairsTests {
  @Test func negativesAreNotJudgedRelevant() throws {
    let command = try Command.withIndex()
    let file = command.directory.file("pairs.jsonl")
    let result = try command.run([
      "train", "pairs", "--corpus", "medqa", "--queries", "exam", "--retriever", Command.model,
      "--negatives", "3", "--output", file.string, "--quiet",
    ])
    try #require(result.status == 0, "\(result.errorText)")
    let lines = try String(contentsOfFile: file.string, encoding: .utf8).split(separator: "\n")
    let pairs = try lines.map { try JSONParser.parse(String($0)).requiredObject() }
    // 120 vignettes, each with one passage or more.
    #expect(pairs.count >= 120)
    var answers: [String: Set<String>] = [:]
    for pair in pairs {
      answers[try pair.string("query"), default: []].insert(try pair.string("positive"))
    }
    for pair in pairs {
      let negatives = try pair.strings("negatives")
      #expect(negatives.count == 3 && Set(negatives).count == 3)
      let own = answers[try pair.string("query")] ?? []
      #expect(own.isDisjoint(with: negatives))
    }
    // What is written can be trained on.
    let output = command.directory.file("run")
    let trained = try command.run([
      "train", "contrastive", file.string, "--model", Command.model, "--output", output.string,
      "--quiet",
    ])
    #expect(trained.status == 0, "\(trained.errorText)")

    let compared = try command.run([
      "eval", "--corpus", "medqa", "--queries", "exam", "--retriever", Command.model, "--against",
      "\(Command.model),run:\(output.string)", "--metrics", "nDCG@10", "--format", "json",
      "--quiet",
    ])
    try #require(compared.status == 0, "\(compared.errorText)")
    let metric = try JSONParser.parse(compared.outputText).requiredObject().object("metrics")
      .object("nDCG@10")
    let each = try metric.doubles("each")
    let before = try metric.double("before")
    #expect(each.count == 2 && each[0] == before, "the first is the same retriever")
    expectClose(try metric.double("after"), (each[0] + each[1]) / 2, absolute: 1e-12)
    let difference = try metric.object("difference")
    expectClose(
      try difference.double("value"), (each[1] - before) / 2, absolute: 1e-12)
    #expect(try difference.double("lower") <= difference.double("upper"))
  }

  @Test func mistakesAreNamed() throws {
    let command = try Command.withIndex()
    let file = command.directory.file("pairs.jsonl").string
    for (arguments, status, text) in [
      (["--corpus", "medqa", "--queries", "research"], Int32(64), "judgements"),
      (["--corpus", "medqa", "--negatives", "1001"], 64, "--negatives"),
      (["--corpus", "medqb"], 64, "medqa"),
    ] {
      let result = try command.run(
        ["train", "pairs", "--retriever", Command.model, "--output", file] + arguments)
      #expect(
        result.status == status && result.errorText.contains(text), "\(result.errorText)")
    }
  }
}
