import Glibc
import SystemPackage

/// The append-only `events.jsonl`: one JSON object with a string `event` a line.
struct EventLog {
  /// What a log holds.
  struct Contents {
    var events: [JSONObject] = []
    /// The bytes up to the end of the last whole event.
    var validBytes = 0
    /// What to tell the user about a torn last line.
    var warning: String?
  }

  /// Reads a log; a torn last line is left out with a warning, a torn other line is an error.
  ///
  /// A line is torn if it lacks its newline, which is written last, or is no event. Only the last
  /// batch can be torn by a crash, since each batch is synced before the next.
  static func read(_ path: FilePath) throws -> Contents {
    try MappedFile(path).withBytes { try read($0, path) }
  }

  private static func read(_ bytes: UnsafeRawBufferPointer, _ path: FilePath) throws -> Contents {
    var contents = Contents()
    var number = 0
    while contents.validBytes < bytes.count {
      number += 1
      let start = contents.validBytes
      let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
      let length = rest.firstIndex(of: 0x0A)
      do {
        guard let length else { throw InputError("the line lacks its newline") }
        let line = UnsafeRawBufferPointer(rebasing: rest[..<length])
        contents.events.append(try event(line, path, number, start))
        contents.validBytes = start + length + 1
      } catch {
        let isLast = length.map { start + $0 + 1 == bytes.count } ?? true
        guard isLast else { throw error }
        contents.warning =
          "the last line of '\(path.shown)' (line \(number), \(rest.count) bytes from byte "
          + "\(start)) was torn by an interruption and is left out"
        return contents
      }
    }
    return contents
  }

  private static func event(
    _ line: UnsafeRawBufferPointer, _ path: FilePath, _ number: Int, _ offset: Int
  ) throws -> JSONObject {
    let place = Place(file: path.shown, line: number, byteOffset: offset)
    let value = try JSONParser.parse(
      line, file: path.shown, line: number, byteOffset: offset)
    let object = try value.requiredObject(at: place)
    _ = try object.string("event", at: place)
    return object
  }

  private let path: FilePath
  private let files: any FileSystem
  private let descriptor: Int32
  private var size: Int
  private var isBroken = false

  /// Opens a log for appending and cuts off what is behind its valid bytes.
  init(_ path: FilePath, validBytes: Int, files: any FileSystem) throws {
    self.path = path
    self.files = files
    size = validBytes
    do {
      descriptor = try files.retrying { () throws(Errno) in
        try files.open(
          path, flags: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK,
          permissions: 0o666)
      }
    } catch {
      throw FileError(cannot: "create", path, errno: error, exitStatus: .cannotCreate)
    }
    do {
      if try files.status(descriptor).size > validBytes {
        try files.truncate(descriptor, to: validBytes)
      }
      try files.syncFully(descriptor)
      try files.syncDirectory(path.removingLastComponent())
    } catch {
      try? files.close(descriptor)
      throw FileError(cannot: "write", path, errno: error, exitStatus: .inputOutput)
    }
  }

  func close() { try? files.close(descriptor) }

  /// Appends events and makes them durable; on failure none of them stays.
  mutating func append(_ events: [JSONObject]) throws {
    var bytes: [UInt8] = []
    for event in events {
      precondition(event["event"]?.stringValue != nil, "EventLog: an event without its name")
      bytes.append(contentsOf: try event.serialized().utf8)
      bytes.append(0x0A)
    }
    guard !isBroken else {
      throw FileError(
        cannot: "write", path, reason: "an earlier failure left a torn line in it",
        exitStatus: .inputOutput)
    }
    var remaining = bytes.count
    do {
      try files.writeAll(descriptor, bytes, remaining: &remaining)
      try files.syncFully(descriptor)
      size += bytes.count
    } catch {
      // A torn line in the middle would make the whole log unreadable.
      do { try files.truncate(descriptor, to: size) } catch { isBroken = true }
      throw FileError(
        cannot: "write", path, errno: error, exitStatus: .inputOutput, bytesNeeded: remaining)
    }
  }
}
