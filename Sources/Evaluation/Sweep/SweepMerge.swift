public import Basics
public import SystemPackage

/// Joins the parts of one grid: the result is that of the undivided run, byte for byte.
public struct SweepMerge {
  private let description: JSONObject
  private let events: [JSONObject]

  /// Reads the parts.
  ///
  /// - Parameter parts: Run directories of `sweep --shard`, in any order.
  /// - Throws: `FileError` if one is missing; `UsageError` if they are not all the parts of one grid,
  ///   with what differs or is missing; `InputError` for a damaged file.
  public init(_ parts: [FilePath]) throws {
    let records = try parts.map { try RunRecord($0) }
    guard let first = records.first else { throw UsageError("there is nothing to merge") }
    let common = Self.withoutShard(first.description)
    var numbers: Set<Int> = []
    var count = 0
    for record in records {
      let place = Place(file: record.path.shown)
      let differences = JSONDifference.between(common, Self.withoutShard(record.description))
      guard differences.isEmpty else {
        throw UsageError(
          "'\(record.path.shown)' is no part of the same grid as '\(first.path.shown)':"
            + differences.map { "\n  " + $0.description }.joined())
      }
      guard let shard = record.description["shard"]?.objectValue else {
        throw UsageError("'\(record.path.shown)' was made without --shard")
      }
      let number = try shard.int("number", at: place)
      count = try shard.int("count", at: place)
      guard numbers.insert(number).inserted else {
        throw UsageError("part \(number) of \(count) is given twice")
      }
      guard record.isFinished else {
        throw UsageError("'\(record.path.shown)' is not finished; run its command again")
      }
    }
    let missing = (1...max(1, count)).filter { !numbers.contains($0) }
    guard missing.isEmpty else {
      throw UsageError(
        "part \(missing.map(String.init).joined(separator: ", ")) of \(count) is missing")
    }
    description = common
    // The order of the undivided run.
    events = records.sorted { Self.number($0) < Self.number($1) }.flatMap(\.events)
  }

  private static func number(_ record: RunRecord) -> Int {
    record.description["shard"]?.objectValue?["number"]?.intValue ?? 0
  }

  private static func withoutShard(_ description: JSONObject) -> JSONObject {
    var description = description
    description["shard"] = .null
    return description
  }

  /// Writes the joined run.
  ///
  /// - Parameters:
  ///   - path: A new directory.
  ///   - force: Whether a run that is there is thrown away.
  /// - Returns: The content of `results.json`.
  /// - Throws: `UsageError` if the directory holds another run; `FileError`.
  public func write(to path: FilePath, force: Bool) throws -> JSONObject {
    let run = try RunDirectory(path, description: description, force: force)
    if run.completedEvents.isEmpty { try run.append(events) }
    let results = SweepResults.json(description, events.compactMap { SweepResults.Entry($0) })
    try run.finish(results: results, timings: [:])
    return results
  }
}
