import ArgumentParser
import Basics
import Retrieval

/// `ragbench doctor`: whether everything that is installed is as it was written.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Checks models, corpora, indexes, caches and runs.",
    discussion: """
      Reads every file whole and compares it with its checksum, so it takes the time of reading \
      them. Says for each finding what to do; repairs nothing. Exit status 65 if something is \
      damaged.

      Example: ragbench doctor
      """)

  @OptionGroup var options: SharedOptions

  func run() throws {
    let doctor = Doctor(try Locations.current())
    var findings: [Doctor.Finding] = []
    for area in Doctor.Area.allCases {
      var examined = 0
      let found = try doctor.examine(area) { name in
        examined += 1
        Output.note("\(area.rawValue): \(TerminalText.escaped(name))", options)
      }
      findings += found
      if options.format == .human, found.isEmpty {
        let count = examined > 0 ? " (\(examined))" : ""
        Output.result("\(area.rawValue)\(count): nothing found")
      } else if options.format == .human {
        show(found, area)
      }
    }
    if options.format != .human {
      let values = findings.map {
        JSONValue.object([
          "area": .string($0.area.rawValue), "subject": .string($0.subject),
          "problem": .string($0.problem), "advice": .string($0.advice),
          "damage": .bool($0.isDamage),
        ])
      }
      try Output.list(values, options.format)
    }
    if findings.contains(where: \.isDamage) {
      throw ArgumentParser.ExitCode(ExitStatus.badData.rawValue)
    }
  }

  private func show(_ findings: [Doctor.Finding], _ area: Doctor.Area) {
    let style = options.style
    Output.result("\(area.rawValue):")
    for finding in findings {
      let mark = finding.isDamage ? style.red("damaged") : style.yellow("note")
      Output.result("  \(mark)  \(style.bold(finding.subject)): \(finding.problem)")
      Output.result("  \(finding.isDamage ? "       " : "    ")  → \(finding.advice)")
    }
  }
}
