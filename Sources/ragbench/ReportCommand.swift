import ArgumentParser
import Basics
import Defenses
import Reports
import SystemPackage

/// `ragbench report`: a finished run as pages, tables and verdicts, or two runs side by side.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Turns a finished run into pages and tables, or compares two.",
    discussion: """
      Writes report.html (one page that stands on its own), report.md, report.tex and the CSV files \
      behind the pictures into the run directory; for a run of attack or detect also report.sarif, \
      the flagged documents as code scanners report findings. Limits make it a check: a missed one \
      ends the command with status 1 and stands in junit.xml.

      Two runs are compared, the second less the first, in the cells that both have: \
      comparison.html, comparison.md, comparison.csv and comparison.json, in the second run's \
      directory. A run of train becomes report.html.

      Example: ragbench report runs/bundled
      Example: ragbench report runs/bundled --fail-over attack.success@5=0.2 \
      --fail-under combined.tpr@5%=0.9
      Example: ragbench report runs/before runs/after
      """)

  @Argument(help: "Run directory of attack, detect, sweep or train; two are compared.")
  var directories: [String]
  @Option(help: "Folder for the files (default: the run directory, of two the second).")
  var output: String?
  @Option(help: "METRIC=VALUE: a figure above it is a miss, such as attack.success@5=0.2.")
  var failOver: [String] = []
  @Option(help: "METRIC=VALUE: a figure below it is a miss, such as combined.tpr@5%=0.9.")
  var failUnder: [String] = []
  @OptionGroup var options: SharedOptions

  func run() throws {
    switch directories.count {
    case 1: try report(on: FilePath(directories[0]))
    case 2: try compare(FilePath(directories[0]), FilePath(directories[1]))
    default:
      throw UsageError("\(directories.count) run directories, expected one, or two to compare")
    }
  }

  private func report(on directory: FilePath) throws {
    let gates =
      try failOver.map { try Gate(parsing: $0, .over) }
      + failUnder.map { try Gate(parsing: $0, .under) }
    let record = try RunRecord(directory)
    let page =
      try TrainingPage.isTraining(record)
      ? TrainingPage(record).html
      : ReproductionPage.isReproduction(record) ? ReproductionPage(record).html : nil
    if let page {
      guard gates.isEmpty else {
        throw UsageError("--fail-over and --fail-under are about attacks and detectors")
      }
      let files = [("report.html", page)]
      for path in try write(files, to: output.map { FilePath($0) } ?? directory) {
        Output.result(path.shown)
      }
      return
    }
    let data = try ReportData(record)
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
    let paths = try write(files, to: output.map { FilePath($0) } ?? directory)
    for path in paths { Output.result(path.shown) }
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

  private func compare(_ first: FilePath, _ second: FilePath) throws {
    guard failOver.isEmpty, failUnder.isEmpty else {
      throw UsageError("--fail-over and --fail-under are about one run, not about two")
    }
    let comparison = try RunComparison(
      ReportData(RunRecord(first)), ReportData(RunRecord(second)),
      names: (first.shown, second.shown))
    let tables = ComparisonTables(comparison)
    let paths = try write(
      [
        ("comparison.html", ComparisonPage(comparison).html),
        ("comparison.md", tables.markdown), ("comparison.csv", tables.csv),
        ("comparison.json", try JSONValue.object(tables.json).serialized(pretty: true) + "\n"),
      ], to: output.map { FilePath($0) } ?? second)
    if options.format != .human {
      return try Output.results([.object(tables.json)], options.format)
    }
    for line in ComparisonTables.summary(comparison) {
      Output.result(TerminalText.escaped(line))
    }
    for path in paths { Output.result(path.shown) }
  }

  private func write(_ files: [(name: String, text: String)], to folder: FilePath) throws
    -> [FilePath]
  {
    try DirectoryListing.create(folder)
    for (name, text) in files { try AtomicFile.write(text, to: folder.appending(name)) }
    return files.map { folder.appending($0.name) }
  }
}
