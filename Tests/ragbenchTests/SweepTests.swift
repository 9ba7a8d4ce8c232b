import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Grids through the binary: whole, in parts, interrupted (FAULTS.md, rows 44 and 45), and their
/// reports.
@Suite(.serialized) struct SweepTests {
  private static let isThorough = ProcessInfo.processInfo.environment["RAGBENCH_VERIFY"] == "1"

  /// A grid of two corpora (one cut to 100 passages), two attacks, 16 cells.
  private func grid(_ command: Command) throws -> String {
    try command.directory.write(
      "grid.toml",
      text: """
        name = "test"
        corpora = ["medqa"]
        retrievers = ["\(Command.model)"]
        query-sets = ["exam", "research"]
        payloads = ["pii", "web"]
        k = [2, 5]
        questions = 40
        passages = 100
        seeds = [1, 2]

        [[attacks]]
        name = "verbatim"
        [[attacks]]
        name = "adaptive"
        among = ["verbatim"]
        wordings = 2

        [detection]
        detectors = ["similarity", "mahalanobis"]
        transfer = ["query-set", "corpus"]
        contamination = [0.5]
        """
    ).string
  }

  private func results(_ folder: FilePath) throws -> [UInt8] {
    try FileBytes.read(folder.appending("results.json"), limit: 1 << 30)
  }

  private func sweep(_ grid: String, _ output: FilePath, _ more: [String] = []) -> [String] {
    ["sweep", grid, "--output", output.string, "--quiet"] + more
  }

  @Test func partsJoinToTheWholeByteForByte() throws {
    let command = try Command.withIndex()
    let grid = try grid(command)
    let whole = command.directory.file("whole")
    let result = try command.run(sweep(grid, whole))
    try #require(result.status == 0, "\(result.errorText)")
    let value = try JSONParser.parse(contentsOf: whole.appending("results.json"))
    #expect(value["cells"]?.arrayValue?.count == 16)
    for key in ["detection", "contamination", "transfer"] {
      #expect(value[key]?.arrayValue?.count == 8, "\(key)")
    }
    try expectSense(value)
    #expect(value["corpora"]?[0]?["passages"]?.intValue.map { $0 >= 100 && $0 < 255 } == true)

    let parts = (1...3).map { command.directory.file("part-\($0)") }
    for (number, part) in parts.enumerated() {
      let result = try command.run(sweep(grid, part, ["--shard", "\(number + 1)/3"]))
      #expect(result.status == 0, "\(result.errorText)")
    }
    let joined = command.directory.file("joined")
    // In any order.
    let merge = ["sweep", "merge"] + parts.reversed().map(\.string)
    let merged = try command.run(merge + ["--output", joined.string])
    #expect(merged.status == 0, "\(merged.errorText)")
    #expect(try results(joined) == results(whole))

    let missing = try command.run(
      ["sweep", "merge", parts[0].string, parts[2].string, "--output", joined.string, "--force"])
    #expect(missing.status == 64 && missing.errorText.contains("part 2 of 3 is missing"))
    let twice = try command.run(
      ["sweep", "merge", parts[0].string, parts[0].string, "--output", joined.string, "--force"])
    #expect(twice.status == 64 && twice.errorText.contains("twice"))
    let mixed = try command.run(
      ["sweep", "merge", parts[0].string, whole.string, "--output", joined.string, "--force"])
    #expect(mixed.status == 64 && mixed.errorText.contains("without --shard"))
  }

  /// An attacker who chooses is never caught more often; detectors carried to another set learnt from
  /// this one; half of the anchor questions held poison.
  private func expectSense(_ results: JSONValue) throws {
    let units = try #require(results["detection"]?.arrayValue).map { try $0.requiredObject() }
    func evading(_ unit: JSONObject, _ detector: String) throws -> [Int] {
      let fit = try #require(
        try unit.objects("fits").first { $0["detector"]?.stringValue == detector })
      return try fit.objects("cells").filter {
        $0["positives"]?.stringValue == "reached" && $0["negatives"]?.stringValue == "hard"
      }.map { cell in
        try #require(
          cell["truePositives"]?.arrayValue?.last?["evading"]?["successes"]?.intValue)
      }
    }
    for unit in units where unit["attack"]?.stringValue == "verbatim" {
      let second = try #require(
        units.first {
          $0["attack"]?.stringValue == "adaptive" && $0["set"] == unit["set"]
            && $0["seed"] == unit["seed"]
        })
      for detector in ["similarity", "mahalanobis"] {
        for (blind, seeing) in try zip(evading(unit, detector), evading(second, detector)) {
          #expect(seeing >= blind, "\(detector)")
        }
      }
    }
    for entry in results["transfer"]?.arrayValue ?? [] {
      #expect(entry["to"]?["set"] != entry["set"] && entry["to"]?["corpus"] == entry["corpus"])
      #expect(entry["fits"]?.arrayValue?.count == 2)
    }
    for entry in results["contamination"]?.arrayValue ?? [] {
      let passages = try #require(entry["poisonedPassages"]?.intValue)
      // 40 questions, of which the attacker had reached at most a half.
      #expect(entry["share"]?.doubleValue == 0.5 && passages > 0 && passages <= 20)
    }
  }

  @Test func aKilledSweepIsResumed() throws {
    let seed = UInt64.random(in: .min ... .max)
    print("SweepTests: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let command = try Command.withIndex()
    let grid = try grid(command)
    let whole = command.directory.file("whole")
    let duration = try ContinuousClock().measure {
      let result = try command.run(sweep(grid, whole))
      try #require(result.status == 0, "\(result.errorText)")
    }
    let expected = try results(whole)
    var killed = 0
    for round in 0..<(Self.isThorough ? 30 : 10) {
      let output = command.directory.file("round-\(round)")
      for _ in 0..<2 {
        let delay = Int.random(in: 0...Int(duration / .microseconds(1)), using: &random)
        let child = try command.start(sweep(grid, output))
        usleep(UInt32(delay))
        child.send(signal: SIGKILL)
        guard child.wait().signal == SIGKILL else { break }
        killed += 1
      }
      let completed = try command.run(sweep(grid, output))
      #expect(
        completed.status == 0 || completed.errorText.contains("finished"),
        "seed \(seed), round \(round): \(completed.errorText)")
      #expect(try results(output) == expected, "seed \(seed), round \(round)")
      let events = try RunRecord(output).events.map { try JSONValue.object($0).serialized() }
      #expect(events.count == 40 && Set(events).count == 40, "none is missing, none twice")
    }
    print("SweepTests: \(killed) kills")
    #expect(killed > 0)
    let other = try command.run(sweep(grid, whole, ["--except", "seed=2"]))
    #expect(other.status == 64 && other.errorText.contains("seeds"), "\(other.errorText)")
  }

  @Test func refusalsComeBeforeTheWork() throws {
    let command = try Command.withIndex()
    let grid = try grid(command)
    let output = command.directory.file("x")
    let refusals: [([String], Int32, String)] = [
      (["--only", "corpus=medqaa"], 64, "medqa"), (["--shard", "4/3"], 64, "--shard"),
      (["--only", "retreiver=x"], 64, "retriever"),
    ]
    for (more, status, text) in refusals {
      let result = try command.run(sweep(grid, output, more))
      #expect(result.status == status && result.errorText.contains(text), "\(result.errorText)")
      #expect(!FileManager.default.fileExists(atPath: output.string))
    }
    let text = try String(contentsOfFile: grid, encoding: .utf8)
    for (old, new, status, hint) in [
      ("[\"medqa\"]", "[\"medqb\"]", Int32(64), "medqa"), ("\"web\"", "\"webb\"", 64, "web"),
      ("\"research\"", "\"reserch\"", 64, "research"), ("tiny-bert", "tiny-brt", 64, "tiny-bert"),
      ("similarity", "similrity", 65, "similarity"),
    ] {
      let file = try command.directory.write(
        "bad.toml", text: text.replacing(old, with: new))
      let result = try command.run(sweep(file.string, output))
      #expect(
        result.status == status || result.status == 66, "\(new): \(result.errorText)")
      #expect(result.errorText.contains(hint), "\(result.errorText)")
      #expect(!FileManager.default.fileExists(atPath: output.string))
    }
    let estimate = try command.run(["sweep", grid, "--dry-run"])
    #expect(estimate.status == 0, "\(estimate.errorText)")
    #expect(estimate.outputText.contains("16 cells"), "\(estimate.outputText)")
  }

  @Test func reportsAreWrittenAndLimitsJudged() throws {
    let command = try Command.withIndex()
    let run = command.directory.file("run")
    let attacked = try command.run([
      "attack", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam", "--payload",
      "pii", "--output", run.string, "--quiet",
    ])
    try #require(attacked.status == 0, "\(attacked.errorText)")
    let report = try command.run(["report", run.string])
    #expect(report.status == 0, "\(report.errorText)")
    for name in ["report.html", "report.md", "report.tex", "success.csv", "detection.csv"] {
      #expect(FileManager.default.fileExists(atPath: run.appending(name).string), "\(name)")
    }
    let missed = try command.run([
      "report", run.string, "--fail-over", "attack.success@2=0", "--fail-under",
      "verbatim-overlap.tpr@5%=0.5",
    ])
    #expect(missed.status == 1, "\(missed.errorText)")
    #expect(missed.errorText.contains("missed attack.success@2=0: exam · pii is"))
    #expect(FileManager.default.fileExists(atPath: run.appending("junit.xml").string))
    let met = try command.run(["report", run.string, "--fail-over", "attack.success@2=1"])
    #expect(met.status == 0, "\(met.errorText)")
    let wrong = try command.run(["report", run.string, "--fail-over", "attack.sucess@2=1"])
    #expect(wrong.status == 64)
    let other = command.directory.file("other")
    let again = try command.run([
      "attack", "--corpus", "medqa", "--retriever", Command.model, "--queries", "exam", "--payload",
      "pii", "--seed", "9", "--output", other.string, "--quiet",
    ])
    try #require(again.status == 0, "\(again.errorText)")
    let compared = try command.run(["report", run.string, other.string])
    #expect(compared.status == 0, "\(compared.errorText)")
    #expect(compared.outputText.contains("seed: 1 → 9"), "\(compared.outputText)")
    for name in ["comparison.html", "comparison.md", "comparison.csv", "comparison.json"] {
      #expect(FileManager.default.fileExists(atPath: other.appending(name).string), "\(name)")
      #expect(!FileManager.default.fileExists(atPath: run.appending(name).string), "\(name)")
    }
    if let browser = try Browser() {
      for page in [run.appending("report.html"), other.appending("comparison.html")] {
        let visit = try browser.visit(page, width: 360)
        #expect(visit.overflow == 0 && visit.console.isEmpty, "\(visit.overflowing)")
        #expect(visit.requests.count == 1 && visit.active.isEmpty, "\(visit.active)")
      }
    }
    let json = try command.json(["report", run.string, other.string])
    #expect(json["rows"]?.arrayValue?.isEmpty == false)
    for refused in [
      [run.string, other.string, "--fail-over", "attack.success@2=1"],
      [run.string, run.string, "x"],
    ] {
      #expect(try command.run(["report"] + refused).status == 64)
    }
    let nothing = try command.run(["report", command.directory.file("no").string])
    #expect(nothing.status == 66, "\(nothing.errorText)")
  }
}
