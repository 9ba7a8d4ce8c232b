public import SystemPackage

/// What a run directory holds, read without changing or locking it.
public struct RunRecord: Sendable {
  /// The directory.
  public let path: FilePath
  /// `run.json`: arguments, seeds, versions, checksums.
  public let description: JSONObject
  /// The whole events of `events.jsonl`.
  public let events: [JSONObject]
  /// `results.json`, `nil` while the run is not finished.
  public let results: JSONObject?
  /// `timings.json`, `nil` while the run is not finished.
  public let timings: JSONObject?
  /// What to tell the user, such as a torn last line.
  public let warnings: [String]

  /// Reads a run directory.
  ///
  /// - Parameter path: The directory.
  /// - Throws: `FileError` with exit status 66 if there is no `run.json`; `InputError` if a file is
  ///   damaged.
  public init(_ path: FilePath) throws {
    self.path = path
    description = try Self.object(path.appending(RunDirectory.descriptionName))
    let log = path.appending(RunDirectory.eventsName)
    let contents =
      Self.exists(log) ? try EventLog.read(log) : EventLog.Contents()
    events = contents.events
    warnings = contents.warning.map { [$0] } ?? []
    results = try Self.optionalObject(path.appending(RunDirectory.resultsName))
    timings = try Self.optionalObject(path.appending(RunDirectory.timingsName))
  }

  /// Whether the run was completed.
  public var isFinished: Bool { results != nil }

  static func object(_ path: FilePath) throws -> JSONObject {
    try JSONParser.parse(contentsOf: path).requiredObject(at: Place(file: path.shown))
  }

  private static func optionalObject(_ path: FilePath) throws -> JSONObject? {
    exists(path) ? try object(path) : nil
  }

  static func exists(_ path: FilePath) -> Bool {
    (try? LiveFileSystem().linkStatus(path)) != nil
  }
}
