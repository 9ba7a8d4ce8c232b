import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Claims of the papers on private training through the binary, at a size at which verdicts say
/// nothing.
@Suite struct ReproducePrivacyTests {
  static let papers = [
    (
      "disk",
      ["D1", "D2", "D3", "D3", "D4", "D4", "D4", "D4", "D4", "D4", "D5", "D5", "D5", "D6", "D6"]
    ),
    (
      "dp-core",
      [
        "C1", "C1", "C1", "C2", "C2", "C4", "C4", "C5", "C5", "C6", "C6", "C7", "C7", "C7", "C8",
      ]
    ),
    (
      "dp-continual-pretraining",
      [
        "P1", "P1", "P1", "P1", "P1", "P1", "P2", "P2", "P3", "P4", "P4", "P4", "P4", "P4", "P5",
        "P5", "P7", "P7",
      ]
    ),
  ]

  private func arguments(_ paper: String, _ output: FilePath) -> [String] {
    ["reproduce", paper, "--tiny", "--quiet", "--output", output.string, "--format", "json"]
  }

  /// Rows without those that are measurements of this machine.
  private func rows(_ text: String) throws -> [JSONObject] {
    try JSONParser.parse(text).requiredObject().objects("rows").filter {
      $0["id"]?.stringValue != "D6"
    }
  }

  @Test(arguments: papers) func everyClaimGetsAVerdict(paper: String, ids: [String]) throws {
    let command = try Command()
    let output = command.directory.file("run")
    let result = try command.run(arguments(paper, output) + ["--threads", "2"])
    try #require(result.status == 0, "\(result.errorText)")
    let object = try JSONParser.parse(result.outputText).requiredObject()
    let rows = try object.objects("rows")
    #expect(rows.compactMap { $0["id"]?.stringValue } == ids)
    // What no size can excuse.
    for row in rows where ["C1", "C2", "C4", "C5", "C8", "D1", "D3"].contains(try row.string("id"))
    {
      #expect(try row.string("verdict") == "holds", "\(row)")
    }
    let page = try command.run(["report", output.string, "--quiet"])
    try #require(page.status == 0, "\(page.errorText)")
    let html = try String(contentsOfFile: output.appending("report.html").string, encoding: .utf8)
    #expect(html.contains("checks hold") && html.contains("INSECURE"))
    for row in rows {
      #expect(["holds", "does not hold"].contains(try row.string("verdict")))
      for key in ["claim", "paper", "ours", "note"] { #expect(try !row.string(key).isEmpty) }
    }
    // The noise is named wherever the run is described.
    for file in ["run.json", "results.json"] {
      let text = try String(contentsOfFile: output.appending(file).string, encoding: .utf8)
      #expect(text.contains("INSECURE"), "\(file)")
    }
    // Another number of threads, and again: the same figures.
    let other = try command.run(
      arguments(paper, command.directory.file("other")) + ["--threads", "1"])
    #expect(try self.rows(other.outputText) == self.rows(result.outputText))
    let again = try command.run(arguments(paper, output))
    #expect(again.status == 64 && again.errorText.contains("finished"))
    let seeded = try command.run(arguments(paper, output) + ["--seed", "2"])
    #expect(seeded.status == 64 && seeded.errorText.contains("seed"), "\(seeded.errorText)")
    let shown = try command.run([
      "reproduce", paper, "--tiny", "--output", output.string, "--force", "--threads", "2",
    ])
    #expect(shown.status == 0 && shown.errorText.contains("INSECURE"))
    #expect(shown.outputText.contains("verdict") && shown.outputText.contains(ids[0]))
    // What stands against a private step is printed for each evaluation of the public phase.
    let isContinual = paper == "dp-continual-pretraining"
    #expect(shown.outputText.contains("decelerator  its share") == isContinual)
    #expect(html.contains("What stands against a private step") == isContinual)
  }

  /// Killed at any time, it goes on with what is finished and ends with the same results.
  @Test(arguments: papers.map(\.0)) func aKilledRunGoesOn(paper: String) throws {
    let command = try Command()
    let whole = command.directory.file("whole")
    let clock = ContinuousClock()
    let start = clock.now
    let expected = try rows(command.run(arguments(paper, whole)).outputText)
    let duration = clock.now - start
    var random = SeededGenerator(seed: 11)
    var (killed, kept) = (0, 0)
    for round in 0..<4 {
      let output = command.directory.file("round-\(round)")
      let child = try command.start(arguments(paper, output))
      usleep(UInt32(Int.random(in: 0...Int(duration / .microseconds(1)), using: &random)))
      child.send(signal: SIGKILL)
      killed += child.wait().signal == SIGKILL ? 1 : 0
      let log = output.appending("events.jsonl")
      let before = (try? String(contentsOfFile: log.string, encoding: .utf8)) ?? ""
      kept += before.isEmpty ? 0 : 1
      let result = try command.run(arguments(paper, output))
      // The kill came after the end.
      if result.status == 64 { continue }
      try #require(result.status == 0, "round \(round): \(result.errorText)")
      #expect(try rows(result.outputText) == expected, "round \(round)")
      let after = try String(contentsOfFile: log.string, encoding: .utf8)
      let lines = after.split(separator: "\n")
      #expect(Set(lines).count == lines.count, "round \(round): a part was measured twice")
      let whole = before.split(separator: "\n").dropLast()
      #expect(lines.starts(with: whole), "round \(round): a finished part is gone")
    }
    print("\(paper): \(killed) of 4 killed, \(kept) with finished parts")
  }
}

/// The same at the size that the pages of `docs/papers` quote, some minutes each: `make verify`.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == "1"))
struct ReproducePrivacyVerdictTests {
  /// How many rows of each kind do not hold, as the pages say; all others do.
  @Test(arguments: [
    ("disk", ["D5": 1]), ("dp-core", [:]), ("dp-continual-pretraining", ["P1": 6, "P4": 2]),
  ]) func verdictsAreThoseOfThePages(paper: String, failing: [String: Int]) throws {
    let command = try Command()
    let result = try command.run(
      [
        "reproduce", paper, "--quiet", "--output", command.directory.file("run").string,
        "--format", "json",
      ], timeout: .seconds(3600))
    try #require(result.status == 0, "\(result.errorText)")
    let rows = try JSONParser.parse(result.outputText).requiredObject().objects("rows")
    var found: [String: Int] = [:]
    for row in rows where try row.string("verdict") != "holds" {
      found[try row.string("id"), default: 0] += 1
    }
    #expect(found == failing)
  }
}
