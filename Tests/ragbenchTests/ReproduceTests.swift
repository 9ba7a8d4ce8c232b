import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// A paper's claims through the binary.
@Suite struct ReproduceTests {
  @Test func everyClaimOfRagPoisoningGetsAVerdict() throws {
    let command = try Command.withIndex()
    let output = command.directory.file("run")
    let arguments = [
      "reproduce", "rag-poisoning", "--corpus", "medqa", "--retriever",
      "\(Command.model),\(Command.model)@l2", "--questions", "30", "--output", output.string,
      "--quiet",
    ]
    let result = try command.run(arguments + ["--format", "json"])
    try #require(result.status == 0, "\(result.errorText)")
    let rows = try JSONParser.parse(result.outputText).requiredObject().objects("rows")
    let ids = Set(rows.compactMap { $0["id"]?.stringValue })
    #expect(ids == Set((1...10).map { "R\($0)" } + (1...5).map { "L\($0)" }))
    for row in rows {
      let verdict = try row.string("verdict")
      #expect(
        ["holds", "does not hold", "not testable here", "not in the paper"].contains(verdict))
      #expect(try (row.string("id").hasPrefix("L")) == (verdict == "not in the paper"))
      for key in ["claim", "paper", "ours", "note"] { #expect(try !row.string(key).isEmpty) }
    }
    // Neither the paper's encoders nor its corpora are here.
    for id in ["R1", "R2", "R4"] {
      let row = try #require(rows.first { $0["id"]?.stringValue == id })
      #expect(try row.string("verdict") == "not testable here")
    }
    let repeated = try #require(rows.first { $0["id"]?.stringValue == "R10" })
    #expect(try repeated.string("verdict") == "holds")

    let again = try command.run(arguments)
    #expect(again.status == 64 && again.errorText.contains("finished"))
    let report = try command.run(["report", output.string])
    #expect(report.status == 0, "\(report.errorText)")
    let html = try String(
      contentsOfFile: output.appending("report.html").string, encoding: .utf8)
    for title in ["Paper and ours", "Detectors elsewhere", "Poisoned anchors", "Under “adaptive”"] {
      #expect(html.contains(title), "\(title)")
    }
    let shown = try command.run(arguments + ["--force"])
    #expect(shown.status == 0 && shown.outputText.contains("not testable here"))
    #expect(shown.outputText.contains("\(Command.model)@l2"))
  }

  @Test func papersAreListedAndMistakesNamed() throws {
    let command = try Command.withIndex()
    let list = try command.run(["reproduce"])
    for paper in ["rag-poisoning", "disk", "dp-core", "dp-continual-pretraining"] {
      #expect(list.status == 0 && list.outputText.contains(paper))
    }
    for (arguments, text) in [
      (["rag-poisoning", "--retriever", "tiny-brt"], "tiny-bert"),
      (["rag-poisoning", "--corpus", "medqb", "--retriever", Command.model], "medqa"),
      (["rag-poisoning", "--questions", "-1"], "--questions"),
      (["rag-poison"], "did you mean 'rag-poisoning'"),
      (["dp-cor"], "did you mean 'dp-core'"),
    ] {
      let result = try command.run(["reproduce"] + arguments)
      #expect(result.status == 64 && result.errorText.contains(text), "\(result.errorText)")
    }
  }
}
