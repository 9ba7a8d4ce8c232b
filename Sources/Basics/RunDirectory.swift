import Foundation
import Synchronization
public import SystemPackage

/// The directory of one run: it can be interrupted at any moment and resumed.
///
/// It holds `run.json` (arguments, seeds, versions, checksums), `events.jsonl` (one line for each
/// finished piece of work), and, once the run is finished, `results.json` (no times in it) and
/// `timings.json`. One process at a time writes, under the lock file `lock`.
public final class RunDirectory: Sendable {
  /// Arguments, seeds, versions, checksums.
  public static let descriptionName = "run.json"
  static let eventsName = "events.jsonl"
  /// What came of the run; it is there once the run is finished.
  public static let resultsName = "results.json"
  static let timingsName = "timings.json"
  static let lockName = "lock"
  /// Documents that detectors flagged, a line each.
  public static let flagsName = "flags.jsonl"
  /// The poisoned documents of an attack, a line each.
  public static let poisonName = "poisoned.jsonl"
  /// Files that ``finish(results:timings:)`` and reports add, removed when a run is redone.
  private static let derivedNames = [
    resultsName, timingsName, flagsName, poisonName, "report.html", "report.md",
    "report.tex", "report.sarif", "success.csv", "geometry.csv", "detection.csv", "junit.xml",
    "comparison.html", "comparison.md", "comparison.csv", "comparison.json", "predictions.jsonl",
  ]
  /// Folders of trained models, likewise.
  private static let derivedFolders = ["model", "adapter"]

  /// The directory.
  public let path: FilePath
  /// What the results depend on: the content of `run.json`.
  public let description: JSONObject
  /// The events that an interrupted earlier run completed, in their order.
  public let completedEvents: [JSONObject]
  /// What to tell the user: a torn last line, a lock taken over.
  public let warnings: [String]

  private let lock: FileLock
  private let files: any FileSystem
  private let log: Mutex<EventLog>

  /// Creates the directory, or resumes the unfinished run in it.
  ///
  /// - Parameters:
  ///   - path: The directory; missing ones above it are created.
  ///   - description: Arguments, seeds, versions, checksums: all that the results depend on.
  ///   - force: Whether a run that is finished, or has another description, is thrown away.
  ///   - wait: How long to wait for another process that writes here.
  ///   - files: The system calls.
  /// - Throws: `UsageError` if the run is finished or its description differs, with each
  ///   difference, or if the directory holds something else; `LockedError`; `FileError` with 73 or
  ///   74; `InputError` if a file of the run is damaged.
  public init(
    _ path: FilePath, description: JSONObject, force: Bool = false, wait: Duration = .zero,
    files: any FileSystem = LiveFileSystem()
  ) throws {
    self.path = path
    self.description = description
    self.files = files
    try DirectoryListing.create(path, files: files)
    _ = try Self.isFresh(path)  // before a lock file is put beside somebody's other files
    lock = try FileLock(path.appending(Self.lockName), wait: wait)
    AtomicFile.removeAbandoned(in: path)
    var isFresh = try Self.isFresh(path)
    if !isFresh {
      let mayRedo = try Self.checkResumable(path, description, force: force)
      if mayRedo {
        try Self.clear(path, files)
        isFresh = true
      }
    }
    var contents = EventLog.Contents()
    let logPath = path.appending(Self.eventsName)
    if isFresh {
      try AtomicFile.write(
        description.serialized(pretty: true) + "\n", to: path.appending(Self.descriptionName),
        files: files)
    } else if RunRecord.exists(logPath) {
      contents = try EventLog.read(logPath)
    }
    completedEvents = contents.events
    warnings = [lock.warning, contents.warning].compactMap { $0 }
    log = Mutex(try EventLog(logPath, validBytes: contents.validBytes, files: files))
  }

  deinit { log.withLock { $0.close() } }

  /// Appends events; when this returns they survive a crash.
  ///
  /// - Parameter events: Objects with a string `event`; a batch costs one sync.
  /// - Throws: `FileError` with exit status 74, then none of them is in the log; `InputError` for a
  ///   number that is not finite.
  public func append(_ events: [JSONObject]) throws {
    try log.withLock { try $0.append(events) }
  }

  /// Writes the timings, then the results, which marks the run as finished.
  ///
  /// - Parameters:
  ///   - results: Everything that the same description gives again; no times.
  ///   - timings: Times and other measurements of this machine.
  /// - Throws: `FileError` with exit status 73 or 74; `InputError` for a number that is not finite.
  public func finish(results: JSONObject, timings: JSONObject) throws {
    let resultText = try results.serialized(pretty: true) + "\n"
    let timingText = try timings.serialized(pretty: true) + "\n"
    try AtomicFile.write(timingText, to: path.appending(Self.timingsName), files: files)
    try AtomicFile.write(resultText, to: path.appending(Self.resultsName), files: files)
  }

  /// The directory of a run for which `--output` names none:
  /// `$RAGBENCH_HOME/runs/<command>-<corpus>-<UTC>`, with `-2`, `-3` … if that exists.
  ///
  /// - Parameters:
  ///   - command: The subcommand.
  ///   - corpus: The corpus; what cannot stand in a file name becomes `_`.
  ///   - locations: Where runs are.
  ///   - time: The start.
  /// - Returns: A path at which nothing is yet.
  public static func defaultPath(
    command: String, corpus: String, in locations: Locations, at time: UTCTime = .now()
  ) -> FilePath {
    let name = "\(fileName(command))-\(fileName(corpus))-\(time.compact)"
    var path = locations.runs.appending(name)
    var number = 2
    while RunRecord.exists(path) {
      path = locations.runs.appending("\(name)-\(number)")
      number += 1
    }
    return path
  }

  private static func fileName(_ text: String) -> String {
    let allowed = text.unicodeScalars.prefix(80).map { scalar -> Character in
      let isPlain =
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
        || ("0"..."9").contains(scalar) || "._-".unicodeScalars.contains(scalar)
      return isPlain ? Character(scalar) : "_"
    }
    return String(allowed)
  }

  /// Whether the directory holds no run; throws if it holds something else.
  private static func isFresh(_ path: FilePath) throws -> Bool {
    let names = try DirectoryListing.names(in: path).filter { $0 != lockName }
    if names.contains(descriptionName) { return false }
    guard let other = names.first(where: { TemporaryFileName.owner(of: $0) == nil }) else {
      return true
    }
    throw UsageError(
      "'\(path.shown)' holds '\(TerminalText.excerpt(other))' and no \(descriptionName): "
        + "it is no run directory; give --output an empty or a new one")
  }

  /// Compares the run that is there with the one that is wanted.
  ///
  /// - Returns: Whether the old run is to be thrown away.
  private static func checkResumable(
    _ path: FilePath, _ description: JSONObject, force: Bool
  ) throws -> Bool {
    if force { return true }
    // Through the parser, so that both sides have taken the same way.
    let wanted = try JSONParser.parse(description.serialized()).requiredObject()
    let old = try RunRecord.object(path.appending(descriptionName))
    let differences = JSONDifference.between(old, wanted)
    guard differences.isEmpty else {
      let list = differences.map { "\n  " + $0.description }.joined()
      throw UsageError(
        "'\(path.shown)' holds a run with other arguments; use another --output, or --force to "
          + "throw that run away:\(list)")
    }
    if RunRecord.exists(path.appending(resultsName)) {
      throw UsageError(
        "'\(path.shown)' holds this run, finished; use --force to run it again")
    }
    return false
  }

  /// Removes the files of a run; `run.json` last, so that a crash leaves a directory of that run.
  private static func clear(_ path: FilePath, _ files: any FileSystem) throws {
    for name in derivedFolders where path.appending(name).isDirectory {
      let folder = path.appending(name)
      do {
        try FileManager.default.removeItem(atPath: folder.string)
      } catch {
        throw FileError(cannot: "remove", folder, errno: .ioError, exitStatus: .cannotCreate)
      }
    }
    for name in derivedNames + [eventsName, descriptionName] {
      let file = path.appending(name)
      do {
        try files.unlink(file)
      } catch Errno.noSuchFileOrDirectory {
        continue
      } catch {
        throw FileError(cannot: "remove", file, errno: error, exitStatus: .cannotCreate)
      }
    }
  }
}
