import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Reports

/// SARIF 2.1.0: what its schema requires, and what viewers ask for beyond it. The files were also held
/// against the OASIS schema by hand.
@Suite struct SARIFTests {
  private static func flag(
    _ document: String, detector: String = "mahalanobis/feature=pair", payload: String? = nil,
    file: String? = "passages.jsonl", line: Int? = 7, p: Double = 0.004, score: Double = 3.5
  ) throws -> String {
    var object: JSONObject = [
      "retriever": "r", "set": "exam", "detector": .string(detector), "document": .string(document),
      "payload": payload.map { .string($0) } ?? .null, "query": "q1", "lists": 2,
    ]
    object["score"] = .number(score)
    object["threshold"] = 2.25
    object["nominal"] = 0.05
    object["pValue"] = .number(p)
    object["in"] = payload == nil ? "corpus" : "run"
    object["file"] = file.map { .string($0) } ?? .null
    object["line"] = line.map { JSONValue($0) } ?? .null
    return try JSONValue.object(object).serialized() + "\n"
  }

  private func log(_ flags: [String]) throws -> JSONObject {
    let directory = try TemporaryDirectory()
    let path = try RunFixture().write(directory)
    try directory.write("run/flags.jsonl", text: flags.joined())
    let read = try #require(try FlagRecord.all(in: path))
    let rule = SARIFReport.Rule(name: "mahalanobis", title: "distance", source: "a paper")
    let text = try SARIFReport(ReportData(RunRecord(path)), read, rules: [rule]).text
    return try JSONParser.parse(text).requiredObject()
  }

  private func run(_ flags: [String]) throws -> JSONObject {
    try #require(try log(flags)["runs"]?.arrayValue?.first?.objectValue)
  }

  @Test func aFlagIsAResultWithItsPlace() throws {
    let log = try log([
      Self.flag("d1"), Self.flag("p1", payload: "pii", file: "poisoned.jsonl", line: 3, p: 0.0005),
    ])
    #expect(log["version"]?.stringValue == "2.1.0")
    #expect(log["$schema"]?.stringValue?.hasSuffix("/sarif-schema-2.1.0.json") == true)
    let run = try #require(log["runs"]?.arrayValue?.first?.objectValue)
    let driver = try #require(run["tool"]?.objectValue?["driver"]?.objectValue)
    #expect(driver["name"]?.stringValue == "ragbench" && driver["version"]?.stringValue == "0")
    let rules = driver.objects(named: "rules")
    #expect(rules.map { $0["id"]?.stringValue } == ["mahalanobis/feature=pair"])
    let help = rules[0]["help"]?.objectValue?["text"]?.stringValue ?? ""
    #expect(help.contains("Its choices: feature=pair.") && help.contains("a paper"), "\(help)")
    let results = run.objects(named: "results")
    try #require(results.count == 2)
    #expect(results.map { $0["level"]?.stringValue } == ["warning", "error"])
    #expect(results.allSatisfy { $0["ruleIndex"]?.intValue == 0 })
    let message = results[0]["message"]?.objectValue?["text"]?.stringValue ?? ""
    for text in ["d1", "3.5000", "2.2500", "5.0 %", "p = 0.0040", "1 more"] {
      #expect(message.contains(text), "\(text): \(message)")
    }
    let places = results.compactMap {
      $0.objects(named: "locations").first?["physicalLocation"]?.objectValue
    }
    let files = places.compactMap { $0["artifactLocation"]?.objectValue }
    #expect(files.map { $0["uri"]?.stringValue } == ["passages.jsonl", "poisoned.jsonl"])
    #expect(files.map { $0["uriBaseId"]?.stringValue } == ["CORPUS", "RUN"])
    #expect(places.map { $0["region"]?.objectValue?["startLine"]?.intValue } == [7, 3])
  }

  /// The fingerprint is that of the finding: score, line and order may change.
  @Test func fingerprintsAreStable() throws {
    func prints(_ flags: [String]) throws -> [String] {
      try run(flags).objects(named: "results").compactMap {
        $0["partialFingerprints"]?.objectValue?["document/v1"]?.stringValue
      }
    }
    let one = try prints([Self.flag("d1"), Self.flag("d2")])
    let two = try prints([Self.flag("d2", line: 70, score: 9), Self.flag("d1", p: 0.01)])
    #expect(one.count == 2 && one == two.reversed())
    #expect(try prints([Self.flag("d1", detector: "similarity")]) != [one[0]])
  }

  @Test func hostileNamesAreText() throws {
    let name = "[x](javascript:alert(1)) {0} \u{202E}\u{0}<b>"
    let run = try run([
      Self.flag(name, file: "a b/\"é%:\u{1}.jsonl"), Self.flag("x", file: "/tmp/é", line: nil),
      Self.flag("y", file: nil, line: nil),
    ])
    let results = run.objects(named: "results")
    let text = results[0]["message"]?.objectValue?["text"]?.stringValue ?? ""
    #expect(
      text.hasPrefix("\\[x](javascript:alert(1)) {{0}} U+202EU+0000<b>, a passage"), "\(text)")
    let files = results.map {
      $0.objects(named: "locations").first?["physicalLocation"]?.objectValue
    }
    let uris = files.map { $0?["artifactLocation"]?.objectValue?["uri"]?.stringValue }
    #expect(uris == ["a%20b/%22%C3%A9%25%3A%01.jsonl", "file:///tmp/%C3%A9", nil])
    #expect(files[1]?["region"] == nil)
  }

  @Test func whatIsLeftOutIsSaid() throws {
    let flags = try (0..<SARIFReport.maximumResults + 3).map {
      try Self.flag("d\($0)", p: $0 < 3 ? 0.05 : 0.002)
    }
    let run = try run(flags)
    #expect(run.objects(named: "results").count == SARIFReport.maximumResults)
    let invocation = try #require(run.objects(named: "invocations").first)
    let note = invocation.objects(named: "toolExecutionNotifications").first?["message"]
    #expect(note?.objectValue?["text"]?.stringValue?.hasPrefix("3 of 5003 flags") == true)
    // The least p-values stay.
    let text = run.objects(named: "results")[0]["message"]?.objectValue?["text"]?.stringValue
    #expect(text?.hasPrefix("d3,") == true)
  }

  @Test func aDamagedFileNamesItsLine() throws {
    let directory = try TemporaryDirectory()
    try directory.write("flags.jsonl", text: try Self.flag("d1") + "{\"set\":1}\n")
    let error = #expect(throws: InputError.self) { try FlagRecord.all(in: directory.path) }
    #expect(error?.description.contains("flags.jsonl:2") == true, "\(String(describing: error))")
    #expect(try FlagRecord.all(in: directory.file("none")) == nil)
  }

  @Test func levelsFollowThePValue() {
    #expect(
      [0, 0.001, 0.0011, 0.01, 0.011, 1].map(SARIFReport.level) == [
        "error", "error", "warning", "warning", "note", "note",
      ])
  }
}
