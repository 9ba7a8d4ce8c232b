/// The exit statuses of the command, after `sysexits.h` where one fits.
public enum ExitStatus: Int32, Sendable {
  /// Everything was done.
  case success = 0
  /// The work was done and a stated limit was missed.
  case limitMissed = 1
  /// A failure that no other status names.
  case failure = 2
  /// The command line asks for something that cannot be.
  case usage = 64
  /// Input that is malformed or damaged.
  case badData = 65
  /// Input that is missing or cannot be read.
  case noInput = 66
  /// Output that cannot be created.
  case cannotCreate = 73
  /// Reading or writing failed on the way, a full disk for one.
  case inputOutput = 74
  /// Another process holds the lock.
  case locked = 75
}

/// An error a user can act on: one sentence, and the exit status of the process.
public protocol ReportableError: Error, CustomStringConvertible, Sendable {
  /// What the process exits with when this error ends it.
  var exitStatus: ExitStatus { get }
}

/// Where in the input something is wrong; every part is optional.
///
/// Prints as `file:line:column, byte 12, record 'd1'` as far as known.
public struct Place: Sendable, Equatable {
  /// Path or name of the input.
  public var file: String?
  /// Line, counted from 1.
  public var line: Int?
  /// Column in bytes, counted from 1; in tables the field, counted from 1.
  public var column: Int?
  /// Bytes before the fault.
  public var byteOffset: Int?
  /// Identifier of the record.
  public var record: String?
  /// Dotted key of the enclosing JSON object.
  public var key: String?

  /// A place of which any part may be unknown.
  public init(
    file: String? = nil, line: Int? = nil, column: Int? = nil, byteOffset: Int? = nil,
    record: String? = nil, key: String? = nil
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.byteOffset = byteOffset
    self.record = record
    self.key = key
  }

  /// The same place, one JSON object deeper.
  public func inside(_ member: String) -> Place {
    var place = self
    place.key = key.map { $0 + "." + member } ?? member
    return place
  }

  /// The same place in the named record.
  public func inRecord(_ record: String) -> Place {
    var place = self
    place.record = record
    return place
  }

  /// Whether nothing that `description` prints is known.
  public var isUnknown: Bool {
    file == nil && line == nil && column == nil && byteOffset == nil && record == nil
  }
}

extension Place: CustomStringConvertible {
  /// `file:line:column, byte 12, record 'd1'`, as far as known, safe for a terminal.
  public var description: String {
    var parts: [String] = []
    var head = file.map(TerminalText.escaped) ?? ""
    if let line {
      head += (head.isEmpty ? "line " : ":") + String(line)
      if let column { head += ":" + String(column) }
    } else if let column {
      head += (head.isEmpty ? "" : ", ") + "column " + String(column)
    }
    if !head.isEmpty { parts.append(head) }
    if let byteOffset { parts.append("byte " + String(byteOffset)) }
    if let record { parts.append("record '" + TerminalText.excerpt(record) + "'") }
    return parts.joined(separator: ", ")
  }
}

/// Malformed input: exit status 65.
public struct InputError: ReportableError, Equatable {
  /// Where the fault is.
  public var place: Place
  /// What is wrong, with what was expected and what was found.
  public var message: String

  /// An error with its message and, where known, its place.
  public init(_ message: String, at place: Place = Place()) {
    self.message = message
    self.place = place
  }

  /// Always ``ExitStatus/badData``.
  public var exitStatus: ExitStatus { .badData }
  /// The place, then the message; safe for a terminal, whatever of the input it quotes.
  public var description: String {
    let message = TerminalText.escaped(message)
    return place.isUnknown ? message : "\(place): \(message)"
  }
}

/// A request that cannot be met as it is written: exit status 64.
public struct UsageError: ReportableError, Equatable {
  /// What is wrong, with the valid range or the nearest valid name.
  public var message: String

  /// An error with its message.
  public init(_ message: String) { self.message = message }

  /// Always ``ExitStatus/usage``.
  public var exitStatus: ExitStatus { .usage }
  /// The message.
  public var description: String { message }
}
