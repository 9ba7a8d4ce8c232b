public import ArgumentParser
import Basics
import Foundation
import Glibc

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case human
  case json
  case jsonl
}

extension TerminalStyle.Choice: ExpressibleByArgument {}

/// Flags that every command understands.
struct SharedOptions: ParsableArguments {
  @Option(help: "Threads to use (default: all processors).")
  var threads: Int?

  @Option(help: "How results are printed: human, json or jsonl.")
  var format: OutputFormat = .human

  @Option(help: "Colours: auto, always or never; NO_COLOR is respected.")
  var color: TerminalStyle.Choice = .auto

  @Flag(name: .shortAndLong, help: "No progress and no notes.")
  var quiet = false

  @Option(help: "TOML file with options, for those that the command line leaves out.")
  var config: String?

  mutating func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads), expected 1 to 1024")
    }
  }

  /// Colours for standard output.
  var style: TerminalStyle {
    TerminalStyle(
      color, isTerminal: Terminal.isTerminal(STDOUT_FILENO),
      environment: ProcessInfo.processInfo.environment)
  }

  /// Threads at work.
  var threadCount: Int { threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// A list of names or numbers between commas.
struct CommaList: ExpressibleByArgument {
  let items: [String]

  init(items: [String]) { self.items = items }

  var defaultValueDescription: String { items.joined(separator: ",") }

  init?(argument: String) {
    items = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    if items.contains("") { return nil }
  }
}
