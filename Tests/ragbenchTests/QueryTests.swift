import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct QueryTests {
  private let retriever = ["--retriever", Command.model]

  @Test func aPersonGetsRankScoreIdTitleAndText() throws {
    let command = try Command.ready.get()
    let arguments = ["query", "treatment of gout", "--corpus", "medqa", "--k", "3"] + retriever
    let shown = try command.run(arguments)
    #expect(shown.status == 0, "\(shown.errorText)")
    let lines = shown.outputText.split(separator: "\n")
    #expect(lines.count == 6)
    let value = try command.json(arguments)
    let results = try #require(value["results"]?.arrayValue)
    #expect(results.count == 3)
    for (position, result) in results.enumerated() {
      #expect(result["rank"]?.intValue == position + 1)
      let id = try #require(result["id"]?.stringValue)
      #expect(lines[2 * position].contains(id))
    }
    let scores = results.compactMap { $0["score"]?.doubleValue }
    #expect(scores == scores.sorted(by: >))
  }

  @Test func aLineThatIsWrongCostsThatLine() throws {
    let command = try Command.ready.get()
    let input = [
      "gout", "", #"{"query": "sleep", "k": 2, "id": 7}"#, #"{"query": "#,
      #"{"query": "x", "k": 0}"#, #"{"query": "x", "k": 10001}"#, #"{"query": "x", "k": "2"}"#,
      #"{"qeury": "x"}"#, #"{"k": 1}"#, "\u{200B}", #"{"query": "last", "k": 1}"#,
    ].joined(separator: "\n")
    // One more line that is not UTF-8, and the end without a newline.
    let bytes = Array((input + "\n").utf8) + [0xFF, 0xFE]
    let result = try ChildProcess.run(
      Command.executable(), ["query", "--corpus", "medqa"] + retriever,
      environment: command.environment, input: bytes)
    #expect(result.status == 0, "\(result.errorText)")
    let answers = try result.outputText.split(separator: "\n").map {
      try JSONParser.parse(String($0))
    }
    try #require(answers.count == 11, "\(result.outputText)")
    #expect(answers[0]["query"]?.stringValue == "gout")
    #expect(answers[0]["results"]?.arrayValue?.count == 10)
    #expect(answers[1]["id"]?.intValue == 7)
    #expect(answers[1]["results"]?.arrayValue?.count == 2)
    let faults: [(Int, Int, String)] = [
      (2, 65, "JSON"), (3, 64, "1 to 10000"), (4, 64, "1 to 10000"), (5, 65, "'k'"),
      (6, 65, "did you mean 'query'"), (7, 65, "'query'"), (8, 65, "embedded"),
      (10, 65, "UTF-8"),
    ]
    for (position, status, text) in faults {
      let fault = try #require(answers[position]["error"], "\(answers[position])")
      #expect(fault["status"]?.intValue == status)
      #expect(fault["message"]?.stringValue?.contains(text) == true, "\(fault)")
      // Line 2 is blank, so answers and lines are one apart.
      #expect(fault["line"]?.intValue == position + 2)
    }
    #expect(answers[9]["results"]?.arrayValue?.count == 1)
  }

  @Test func aLineBeyondTheLimitIsSkipped() throws {
    let command = try Command.ready.get()
    let result = try command.shell(
      """
      (head -c 17000000 /dev/zero | tr '\\0' a; echo; echo gout) \
      | "$RAGBENCH" query --corpus medqa --k 1 --retriever tiny-bert
      """)
    #expect(result.status == 0, "\(result.errorText)")
    let answers = try result.outputText.split(separator: "\n").map {
      try JSONParser.parse(String($0))
    }
    #expect(answers.count == 2)
    #expect(answers.first?["error"]?["message"]?.stringValue?.contains("17000000") == true)
    #expect(answers.last?["results"]?.arrayValue?.count == 1)
  }

  @Test func questionsOfALineAndAloneHaveTheSameAnswers() throws {
    let command = try Command.ready.get()
    let alone = try command.json(["query", "iron deficiency", "--corpus", "medqa"] + retriever)
    let lines = try command.run(
      ["query", "--corpus", "medqa", "--threads", "1"] + retriever,
      input: "gout\niron deficiency\n")
    let last = try #require(lines.outputText.split(separator: "\n").last)
    #expect(try JSONParser.parse(String(last)) == alone)
  }

  /// Against the formula of Cormack et al. 2009, over the two rankings as other commands show them.
  @Test func fusionAddsReciprocalRanks() throws {
    let command = try Command()
    try command.installModel()
    try command.installCorpus("tiny", count: 60)
    let question = "gout and sleep"  // the corpus's query q1
    let asked = ["query", question, "--corpus", "tiny", "--k", "60"] + retriever
    var scores: [String: Double] = [:]
    let dense = try command.json(asked)["results"]?.arrayValue ?? []
    #expect(dense.count == 60)
    for (position, result) in dense.enumerated() {
      scores[try #require(result["id"]?.stringValue), default: 0] += 1 / Double(61 + position)
    }
    let run = command.directory.file("bm25.trec")
    _ = try command.json(["eval", "--corpus", "tiny", "--bm25", "--write-run", run.string])
    let lines = String(decoding: try FileBytes.read(run, limit: 1 << 20), as: UTF8.self)
      .split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let words = lines.filter { $0[0] == "q1" }
    #expect(!words.isEmpty)
    for line in words { scores[line[2], default: 0] += 1 / (60 + (Double(line[3]) ?? .nan)) }
    let expected = scores.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let fused = try command.json(asked + ["--hybrid", "bm25"])["results"]?.arrayValue ?? []
    #expect(fused.compactMap { $0["id"]?.stringValue } == expected.map(\.key))
    expectClose(
      fused.compactMap { $0["score"]?.doubleValue }, expected.map(\.value), absolute: 1e-15)
  }
}
