import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Reports

@Suite struct GateTests {
  @Test(arguments: [
    "attack.success@5=0.2", "attack.joint@10=1", "attack.any@1=0", "combined.tpr@5%=0.9",
    "detector.fpr@1%=0.1", "lof.evading@0.5%=0.5", "mahalanobis.auroc=0.8",
  ]) func limitsAreRead(text: String) throws {
    #expect(try Gate(parsing: text, .over).text == text)
  }

  @Test(arguments: [
    "", "=", "attack=1", "attack.success=0.2", "attack.success@0=0.2", "attack.success@x=0.2",
    "attack.succes@5=0.2", "attack.success@5=2", "attack.success@5=nan", "attack.success@5=-1",
    "combined.tpr@5=0.9", "combined.tpr@0%=0.9", "combined.tpr@100%=0.9", "combined.auroc@5%=0.9",
    "combined.tpr@5%=0.9=1", "tpr@5%=0.9",
  ]) func otherTextIsRefused(text: String) {
    #expect(throws: UsageError.self) { try Gate(parsing: text, .under) }
  }

  /// A small finished run, as a sweep writes it.
  static func data(_ directory: TemporaryDirectory, rate: String = "0.25") throws -> ReportData {
    let share = #"{"successes":1,"trials":4,"rate":\#(rate),"wilson95":[0.04,0.7]}"#
    let found =
      #"{"nominal":0.05,"unit":"pair","found":3,"rate":0.75,"interval":[0.3,0.9],"#
      + #""evading":{"successes":1,"trials":8,"rate":0.125,"wilson95":[0.01,0.4]}}"#
    let fit = """
      {"querySet":"q","detector":"combined","parameters":{},"falsePositives":[{"nominal":0.05,\
      "unit":"pair","pairRate":{"value":0.06,"interval":[0.01,0.1]}}],"cells":[{"payload":"pii",\
      "positives":"reached","negatives":"hard","positiveCount":4,"negativeCount":40,\
      "auroc":{"value":0.9,"interval":[0.8,1]},"auprc":{"notApplicable":"none"},\
      "truePositives":[\(found)]}]}
      """
    let place = #""corpus":"c","retriever":"r","set":"q","attack":"a","seed":1"#
    try directory.write(
      "run/run.json",
      text: #"{"command":"sweep","plan":{},"version":"0","instructionSet":"portable"}"#)
    try directory.write("run/timings.json", text: #"{"seconds":3}"#)
    try directory.write(
      "run/results.json",
      text: """
        {"plan":{"title":"T","k":[2],"payloads":["pii"]},"corpora":[{"name":"c","origin":"bundled",\
        "passages":3,"checksum":"00"}],"cells":[{\(place),"payload":"pii","questions":4,\
        "success":[{"mode":"solo","k":2,"own":\(share),"any":\(share)}]}],"detection":[{\(place),\
        "fits":[\(fit)]}]}
        """)
    return try ReportData(RunRecord(directory.file("run")))
  }

  @Test func aMissIsOnTheWrongSideAndNotApplicableIsAMiss() throws {
    let data = try Self.data(TemporaryDirectory())
    func missed(_ text: String, _ side: Gate.Side) throws -> [Bool] {
      try Gate(parsing: text, side).findings(in: data).map(\.isMissed)
    }
    #expect(try missed("attack.success@2=0.25", .over) == [false])
    #expect(try missed("attack.success@2=0.24", .over) == [true])
    #expect(try missed("attack.success@2=0.25", .under) == [false])
    #expect(try missed("attack.success@2=0.26", .under) == [true])
    #expect(try missed("combined.tpr@5%=0.75", .under) == [false])
    #expect(try missed("detector.tpr@5%=0.76", .under) == [true])
    #expect(try missed("combined.evading@5%=0.12", .over) == [true])
    #expect(try missed("combined.fpr@5%=0.06", .over) == [false])
    #expect(try missed("combined.auroc=0.95", .under) == [true])
    // There is no joint figure, and no rate at 1 %.
    #expect(try missed("attack.joint@2=1", .over) == [true])
    #expect(try missed("combined.tpr@1%=0", .under) == [true])
    #expect(throws: UsageError.self) { try missed("attack.success@3=1", .over) }
    #expect(throws: UsageError.self) { try missed("combinde.auroc=1", .over) }
  }

  @Test func junitHasOneCaseAFigure() throws {
    let data = try Self.data(TemporaryDirectory())
    let gates = [
      try Gate(parsing: "attack.success@2=0.2", .over),
      try Gate(parsing: "combined.auroc=0.5", .under),
    ]
    let xml = JUnitReport(try gates.map { (gate: $0, findings: try $0.findings(in: data)) }).xml
    #expect(xml.contains(#"<testsuite name="attack.success@2=0.2" tests="1" failures="1">"#))
    #expect(xml.contains(#"<failure message="0.25, at most 0.2"/>"#))
    #expect(xml.contains(#"<testsuite name="combined.auroc=0.5" tests="1" failures="0">"#))
  }

  @Test func theReportHasItsFigures() throws {
    let data = try Self.data(TemporaryDirectory())
    let html = HTMLReport(data).html
    for text in ["25.0", "1/4 = 25.0 [4.0, 70.0]", "75.0", "1/8 = 12.5", "combined"] {
      #expect(html.contains(text), "\(text)")
    }
    #expect(MarkdownReport(data).text.contains("| 25.0 \\[4.0, 70.0\\] |"))
    #expect(LaTeXReport(data).text.contains("q & 25.0 \\\\"))
    let csv = CSVReport(data).files
    #expect(csv.map(\.name) == ["success.csv", "detection.csv"])
    #expect(csv[0].text.contains("c,r,q,a,1,pii,solo,own,2,1,4,0.25,0.04,0.7\n"))
  }

  @Test func anUnfinishedRunIsRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.write("run/run.json", text: #"{"command":"attack"}"#)
    #expect(throws: UsageError.self) { try ReportData(RunRecord(directory.file("run"))) }
  }
}
