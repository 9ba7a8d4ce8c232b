import Glibc
public import SystemPackage

/// Another process holds the lock: exit status 75.
public struct LockedError: ReportableError, Equatable {
  /// The lock file.
  public var path: FilePath
  /// The owner as it wrote itself down, `nil` if it has not yet.
  public var owner: String?
  /// Seconds waited, 0 if there was no wait.
  public var waited: Duration

  /// Always ``ExitStatus/locked``.
  public var exitStatus: ExitStatus { .locked }
  /// Names the owner.
  public var description: String {
    let after = waited > .zero ? " after waiting \(Format.duration(waited))" : ""
    return "'\(path.shown)' is locked by \(owner ?? "another process")\(after)"
  }
}

/// An exclusive lock on a file, held until it is released or the process ends.
///
/// The lock is `flock(2)`, so it dies with its owner. The file names the owner: process id and
/// start time. A file that still names one although nobody holds the lock was left by a process
/// that died; it is taken over, with a warning.
public final class FileLock: Sendable {
  /// The lock file; it stays when the lock is released, because removing it would race.
  public let path: FilePath
  /// What to tell the user if the lock was taken over from a dead owner.
  public let warning: String?

  private let descriptor: Int32

  /// Takes the lock.
  ///
  /// - Parameters:
  ///   - path: The lock file, created if missing.
  ///   - wait: How long to wait for another owner, zero to fail at once.
  /// - Throws: `LockedError` if another process, or another lock of this one, holds it;
  ///   `FileError` with exit status 73 if the file cannot be created.
  public init(_ path: FilePath, wait: Duration = .zero) throws {
    self.path = path
    let files = LiveFileSystem()
    do {
      descriptor = try files.open(
        path, flags: O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, permissions: 0o644)
    } catch {
      throw FileError(cannot: "create the lock", path, errno: error, exitStatus: .cannotCreate)
    }
    do {
      try Self.acquire(descriptor, path, wait: wait)
      let previous = Self.readOwner(descriptor)
      warning = previous.map {
        "took over the lock '\(path.shown)' from \($0), which ended without releasing it"
      }
      try Self.write(Self.ownRecord(), to: descriptor, path)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  deinit {
    // The empty file says that the release was in order.
    ftruncate(descriptor, 0)
    // Closing alone would leave it locked while a child that is just being started has a copy.
    flock(descriptor, LOCK_UN)
    Glibc.close(descriptor)
  }

  private static func acquire(
    _ descriptor: Int32, _ path: FilePath, wait: Duration
  ) throws {
    let start = ContinuousClock.now
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let error = Errno(rawValue: errno)
      if error == .interrupted { continue }
      guard error == .wouldBlock else {
        throw FileError(cannot: "lock", path, errno: error, exitStatus: .cannotCreate)
      }
      if ContinuousClock.now - start >= wait {
        throw LockedError(path: path, owner: readOwner(descriptor), waited: wait)
      }
      usleep(20_000)
    }
  }

  /// The owner's record as text for messages, `nil` if the file is empty or holds something else.
  private static func readOwner(_ descriptor: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    guard let record = try? JSONParser.parse(Array(bytes[..<count])).objectValue,
      let pid = record["pid"]?.intValue, let start = record["started"]?.stringValue
    else { return "an owner that left no readable record" }
    let command = record["command"]?.stringValue.map { " (\(TerminalText.excerpt($0)))" } ?? ""
    return "process \(pid)\(command), started \(TerminalText.excerpt(start))"
  }

  private static func ownRecord() throws -> String {
    let command = CommandLine.arguments.first.map { FilePath($0).lastComponent?.string ?? $0 }
    return try JSONObject([
      ("pid", .integer(Int64(getpid()))),
      ("started", .string(UTCTime.processStart().iso8601)),
      ("command", .string(command ?? "")),
    ]).serialized()
  }

  private static func write(_ text: String, to descriptor: Int32, _ path: FilePath) throws {
    do {
      let files = LiveFileSystem()
      try files.truncate(descriptor, to: 0)
      var remaining = 0
      try files.writeAll(descriptor, Array(text.utf8), remaining: &remaining)
    } catch {
      throw FileError(cannot: "write the lock", path, errno: error, exitStatus: .inputOutput)
    }
  }
}
