import ArgumentParser
import Basics
import Glibc
import SystemPackage
import Tensors

/// Flags of commands that leave a run directory.
struct RunOptions: ParsableArguments {
  @Option(help: "Seed of every random choice; recorded with the run.")
  var seed: UInt64 = 1

  @Option(help: "Run directory (default: $RAGBENCH_HOME/runs/COMMAND-CORPUS-TIME).")
  var output: String?

  @Flag(help: "Redo a run that is finished or was made with other arguments.")
  var force = false

  /// Opens or resumes the run directory.
  ///
  /// - Parameters:
  ///   - command: the command's name.
  ///   - corpus: the corpus's name.
  ///   - description: all that the results depend on.
  ///   - locations: where runs lie unless `--output` says otherwise.
  ///   - options: for warnings.
  /// - Returns: the directory, locked.
  /// - Throws: `UsageError` if the run there is finished or another; `LockedError`; `FileError`.
  func directory(
    _ command: String, corpus: String, description: JSONObject, locations: Locations,
    options: SharedOptions
  ) throws -> RunDirectory {
    var description = description
    description["command"] = .string(command)
    description["corpus"] = .string(corpus)
    description["seed"] = Int64(exactly: seed).map { .integer($0) } ?? .string("\(seed)")
    description["version"] = .string(Ragbench.version)
    description["instructionSet"] = .string(ComputeContext.instructionSet)
    let path =
      output.map { FilePath($0) }
      ?? RunDirectory.defaultPath(command: command, corpus: corpus, in: locations)
    let run = try RunDirectory(path, description: description, force: force)
    for warning in run.warnings { Output.error("ragbench: warning: \(warning)") }
    return run
  }
}
