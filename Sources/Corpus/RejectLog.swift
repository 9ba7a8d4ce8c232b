public import Basics
public import SystemPackage

/// The records of an import that were refused: counted, named, written down one a line.
///
/// One bad record costs one record. Reading goes on to the end, so that every bad record is
/// listed; whether their number is accepted is asked afterwards. Not for use from two threads.
public final class RejectLog {
  /// How many refused records are accepted.
  public let maximum: Int
  /// How many records were refused.
  public private(set) var count = 0
  /// The first refusals, at most ``shownCount``.
  public private(set) var first: [InputError] = []
  /// Where the refusals are written, `nil` if nowhere.
  public let path: FilePath?
  /// The number of refusals kept for a message.
  public static let shownCount = 10

  private var writer: AtomicFile.Writer?

  /// A log without entries.
  ///
  /// - Parameters:
  ///   - path: A file that is created at the first refusal, `nil` to write nothing.
  ///   - maximum: How many refused records are accepted.
  public init(path: FilePath? = nil, maximum: Int = 0) {
    self.path = path
    self.maximum = maximum
  }

  /// Reads or takes one record; malformed input is noted, every other error goes on.
  ///
  /// - Parameter body: The work on one record.
  /// - Throws: What `body` throws, an `InputError` excepted.
  public func attempt(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as InputError {
      try add(error)
    }
  }

  /// Notes a refusal.
  ///
  /// - Parameter error: What is wrong, and where.
  /// - Throws: `FileError` if it cannot be written down.
  public func add(_ error: InputError) throws {
    count += 1
    if first.count < Self.shownCount { first.append(error) }
    guard let path else { return }
    let writer = try self.writer ?? AtomicFile.Writer(path)
    self.writer = writer
    let place = error.place
    var object = JSONObject()
    object["file"] = place.file.map { .string($0) }
    object["line"] = place.line.map { JSONValue($0) }
    object["column"] = place.column.map { JSONValue($0) }
    object["byte"] = place.byteOffset.map { JSONValue($0) }
    // An id may be a megabyte long.
    object["record"] = place.record.map { .string(TerminalText.excerpt($0, limit: 200)) }
    object["message"] = .string(error.message)
    try writer.write(object.serialized() + "\n")
  }

  /// Makes the written list appear, and throws if too many records were refused.
  ///
  /// - Throws: ``ImportRefused`` with the first refusals, `FileError` if the list cannot be written.
  public func finish() throws {
    try writer?.commit()
    writer = nil
    guard count > maximum else { return }
    throw ImportRefused(count: count, maximum: maximum, first: first, list: count > 0 ? path : nil)
  }
}

/// More records were refused than accepted, so nothing was imported: exit status 65.
public struct ImportRefused: ReportableError {
  /// How many records were refused.
  public let count: Int
  /// How many would have been accepted.
  public let maximum: Int
  /// The first refusals.
  public let first: [InputError]
  /// Where all of them are listed.
  public let list: FilePath?

  /// Always `ExitStatus/badData`.
  public var exitStatus: ExitStatus { .badData }

  /// The number, then the first refusals one a line.
  public var description: String {
    var lines = [
      "\(count) record\(count == 1 ? " is" : "s are") not acceptable (accepted: \(maximum)), "
        + "nothing was imported" + (list.map { "; all are listed in '\($0.shown)'" } ?? "")
    ]
    lines += first.map { "  \($0)" }
    if count > first.count { lines.append("  … and \(count - first.count) more") }
    return lines.joined(separator: "\n")
  }
}
