import ArgumentParser
import Basics
import Foundation
import Retrieval
import Statistics
import SystemPackage
import Tensors

/// `ragbench env`: where things are and what the program is made of.
struct EnvCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "env", abstract: "Shows locations, versions, processors and caches.",
    discussion: "Example: ragbench env --format json")

  @OptionGroup var options: SharedOptions

  /// Variables that change what is done.
  private static let variables = [
    "RAGBENCH_HOME", "RAGBENCH_SHARE", "XDG_DATA_HOME", "HOME", "NO_COLOR", "TERM", "http_proxy",
    "https_proxy", "no_proxy",
  ]

  func run() throws {
    let locations = try Locations.current()
    let environment = ProcessInfo.processInfo.environment
    let folders: [(String, FilePath)] = [
      ("models", locations.models), ("corpora", locations.home.appending("corpora")),
      ("indexes", locations.indexes), ("caches", locations.caches), ("runs", locations.runs),
    ]
    let sizes = folders.map { ($0.0, $0.1, FolderSize.bytes(of: $0.1)) }
    let versions: [(String, String)] = [
      ("ragbench", Ragbench.version), ("Swift", Self.compiler),
      ("SQLite", SQLiteLibrary.version), ("FAISS", FaissLibrary.version),
      ("OpenBLAS", LinearAlgebraLibrary.configuration),
    ]
    if options.format != .human {
      let value = JSONObject([
        ("home", .string(locations.home.shown)),
        ("share", locations.share.map { .string($0.shown) } ?? .null),
        ("executable", .string(Locations.currentExecutable().shown)),
        ("versions", .object(JSONObject(versions.map { ($0.0, .string($0.1)) }))),
        ("instructionSet", .string(ComputeContext.instructionSet)),
        ("processors", JSONValue(ProcessInfo.processInfo.activeProcessorCount)),
        ("threads", JSONValue(options.threadCount)),
        (
          "folders",
          .object(
            JSONObject(
              sizes.map {
                ($0.0, .object(["path": .string($0.1.shown), "bytes": JSONValue($0.2)]))
              }))
        ),
        (
          "environment",
          .object(
            JSONObject(Self.variables.map { ($0, environment[$0].map { .string($0) } ?? .null) }))
        ),
      ])
      return try Output.results([.object(value)], options.format)
    }
    var table = TextTable([.init("setting"), .init("value"), .init("size", .right)])
    table.append(["home", locations.home.shown, ""])
    for (name, path, bytes) in sizes { table.append([name, path.shown, Format.bytes(bytes)]) }
    table.append(["shipped data", locations.share?.shown ?? "not found", ""])
    table.append(["executable", Locations.currentExecutable().shown, ""])
    for (name, version) in versions { table.append([name, version, ""]) }
    table.append(["instruction set", ComputeContext.instructionSet, ""])
    let processors = ProcessInfo.processInfo.activeProcessorCount
    table.append(["threads", "\(options.threadCount) of \(processors) processors", ""])
    for name in Self.variables {
      table.append(["$\(name)", environment[name] ?? "not set", ""])
    }
    Output.table(table, options)
  }

  /// The compiler's version as far as it can be asked while compiling.
  private static var compiler: String {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }
}
