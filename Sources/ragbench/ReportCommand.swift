import ArgumentParser
import Basics
import Defenses
import Reports
import SystemPackage

/// `ragbench report`: a finished run as pages, tables and verdicts.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Turns a finished run into pages and tables.",
    discussion: """
      Writes report.html (one page that stands on its own), report.md, report.tex and the CSV files \
      behind the pictures into the run directory; for a run of attack or detect also report.sarif, \
      the flagged documents as code scanners report findings. Limits make it a check: a missed one ends the \
      command with status 1 and stands in junit.xml.

      Example: ragbench report runs/bundled
      Example: ragbench report runs/bundled --fail-over attack.success@5=0.2 \
      --fail-under combined.tpr@5%=0.9
      """)

  @Argument(help: "Run directory of attack, detect or sweep.") var directory: String
  @Option(help: "Folder for the files (default: the run directory).") var output: String?
  @Option(help: "METRIC=VALUE: a figure above it is a miss, such as attack.success@5=0.2.")
  var failOver: [String] = []
  @Option(help: "METRIC=VALUE: a figure below it is a miss, such as combined.tpr@5%=0.9.")
  var failUnder: [String] = []
  @OptionGroup var options: SharedOptions

  func run() throws {
    let gates =
      try failOver.map { try Gate(parsing: $0, .over) }
      + failUnder.map { try Gate(parsing: $0, .under) }
    let record = try RunRecord(FilePath(directory))
    let data = try ReportData(record)
    let folder = FilePath(output ?? directory)
    try DirectoryListing.create(folder)
    var files = [
      ("report.html", HTMLReport(data).html), ("report.md", MarkdownReport(data).text),
      ("report.tex", LaTeXReport(data).text),
    ]
    files += CSVReport(data).files.map { ($0.name, $0.text) }
    if let flags = try FlagRecord.all(in: record.path) {
      let rules = DetectorRegistry.all.map { detector in
        let metadata = detector.metadata
        return SARIFReport.Rule(
          name: metadata.name, title: metadata.title, source: metadata.source)
      }
      files.append(("report.sarif", try SARIFReport(data, flags, rules: rules).text))
    }
    let results = try gates.map { (gate: $0, findings: try $0.findings(in: data)) }
    if !results.isEmpty { files.append(("junit.xml", JUnitReport(results).xml)) }
    for (name, text) in files { try AtomicFile.write(text, to: folder.appending(name)) }
    for (name, _) in files { Output.result(folder.appending(name).shown) }
    var isMissed = false
    for (gate, findings) in results {
      for finding in findings where finding.isMissed {
        isMissed = true
        let value = finding.value.map { Format.decimals($0, 4) } ?? "not applicable"
        Output.error(
          "missed \(TerminalText.escaped(gate.text)): \(TerminalText.escaped(finding.name)) is"
            + " \(value)")
      }
    }
    if isMissed { throw ExitCode(ExitStatus.limitMissed.rawValue) }
  }
}
