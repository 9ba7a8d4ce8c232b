import Glibc
public import SystemPackage

/// What a path or descriptor refers to.
public struct FileStatus: Sendable, Equatable {
  /// The kinds of file that matter here.
  public enum Kind: String, Sendable {
    /// A regular file.
    case regular = "a regular file"
    /// A directory.
    case directory = "a directory"
    /// A symbolic link.
    case symbolicLink = "a symbolic link"
    /// A named pipe.
    case pipe = "a named pipe"
    /// A socket.
    case socket = "a socket"
    /// A character or block device.
    case device = "a device"
    /// Anything else.
    case other = "of an unknown kind"
  }

  /// What it is.
  public var kind: Kind
  /// Size in bytes.
  public var size: Int

  /// A status.
  public init(kind: Kind, size: Int) {
    self.kind = kind
    self.size = size
  }
}

/// The system calls that file access goes through, so that tests can make each of them fail.
///
/// Every call may write or read less than asked and may fail with `EINTR`; callers cope.
public protocol FileSystem: Sendable {
  /// `open(2)`; the descriptor is closed on exec.
  func open(_ path: FilePath, flags: Int32, permissions: UInt32) throws(Errno) -> Int32
  /// `read(2)`; 0 at the end.
  func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int
  /// `write(2)`; the number of bytes taken.
  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int
  /// `fsync(2)`.
  func sync(_ descriptor: Int32) throws(Errno)
  /// `ftruncate(2)`.
  func truncate(_ descriptor: Int32, to size: Int) throws(Errno)
  /// `fstat(2)`.
  func status(_ descriptor: Int32) throws(Errno) -> FileStatus
  /// `lstat(2)`: of a link, not of its target.
  func linkStatus(_ path: FilePath) throws(Errno) -> FileStatus
  /// `close(2)`.
  func close(_ descriptor: Int32) throws(Errno)
  /// `rename(2)`.
  func rename(_ source: FilePath, to target: FilePath) throws(Errno)
  /// `unlink(2)`.
  func unlink(_ path: FilePath) throws(Errno)
  /// `mkdir(2)`.
  func makeDirectory(_ path: FilePath) throws(Errno)
}

/// The file system of the machine.
public struct LiveFileSystem: FileSystem {
  /// The file system of the machine.
  public init() {}

  /// `open(2)` with `O_CLOEXEC`.
  public func open(
    _ path: FilePath, flags: Int32, permissions: UInt32
  ) throws(Errno) -> Int32 {
    try check(path.withPlatformString { Glibc.open($0, flags | O_CLOEXEC, permissions) })
  }

  /// `read(2)`.
  public func read(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    guard count >= 0 else { throw lastError() }
    return count
  }

  /// `write(2)`.
  public func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    CrashPoint.pass()
    let count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    guard count >= 0 else { throw lastError() }
    return count
  }

  /// `fsync(2)`.
  public func sync(_ descriptor: Int32) throws(Errno) {
    CrashPoint.pass()
    try check(fsync(descriptor))
  }

  /// `ftruncate(2)`.
  public func truncate(_ descriptor: Int32, to size: Int) throws(Errno) {
    try check(ftruncate(descriptor, size))
  }

  /// `fstat(2)`.
  public func status(_ descriptor: Int32) throws(Errno) -> FileStatus {
    var information = stat()
    try check(fstat(descriptor, &information))
    return FileStatus(information)
  }

  /// `lstat(2)`.
  public func linkStatus(_ path: FilePath) throws(Errno) -> FileStatus {
    var information = stat()
    try check(path.withPlatformString { lstat($0, &information) })
    return FileStatus(information)
  }

  /// `close(2)`.
  public func close(_ descriptor: Int32) throws(Errno) { try check(Glibc.close(descriptor)) }

  /// `rename(2)`.
  public func rename(_ source: FilePath, to target: FilePath) throws(Errno) {
    CrashPoint.pass()
    try check(
      source.withPlatformString { from in
        target.withPlatformString { to in Glibc.rename(from, to) }
      })
  }

  /// `unlink(2)`.
  public func unlink(_ path: FilePath) throws(Errno) {
    CrashPoint.pass()
    try check(path.withPlatformString { Glibc.unlink($0) })
  }

  /// `mkdir(2)` with permissions left to the umask.
  public func makeDirectory(_ path: FilePath) throws(Errno) {
    try check(path.withPlatformString { mkdir($0, 0o777) })
  }

  @discardableResult
  private func check(_ result: Int32) throws(Errno) -> Int32 {
    guard result >= 0 else { throw lastError() }
    return result
  }

  private func lastError() -> Errno { Errno(rawValue: errno) }
}

extension FileStatus {
  fileprivate init(_ information: stat) {
    let kind: Kind =
      switch information.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      case S_IFIFO: .pipe
      case S_IFSOCK: .socket
      case S_IFCHR, S_IFBLK: .device
      default: .other
      }
    self.init(kind: kind, size: Int(information.st_size))
  }
}

extension FileSystem {
  /// Repeats a call until a signal no longer interrupts it.
  func retrying<Result>(_ call: () throws(Errno) -> Result) throws(Errno) -> Result {
    while true {
      do {
        return try call()
      } catch Errno.interrupted {
        continue
      }
    }
  }

  /// Writes all bytes, however few the system takes at a time.
  ///
  /// On failure `remaining` says how many bytes were not written.
  func writeAll(
    _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, remaining: inout Int
  ) throws(Errno) {
    remaining = bytes.count
    while remaining > 0 {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - remaining)...])
      let count = try retrying { () throws(Errno) in try write(descriptor, rest) }
      // A regular file never takes nothing without an error; do not spin if one does.
      guard count > 0 else { throw Errno.ioError }
      remaining -= count
    }
  }

  /// Writes all bytes of an array; see the version over a buffer.
  ///
  /// A function of its own that is not inlined: the optimiser of Swift 6.3.1 crashes on the closure
  /// with typed errors inside a larger function.
  @inline(never)
  func writeAll(_ descriptor: Int32, _ bytes: [UInt8], remaining: inout Int) throws(Errno) {
    var left = bytes.count
    let result = bytes.withUnsafeBytes { buffer -> Errno? in
      do throws(Errno) {
        try writeAll(descriptor, buffer, remaining: &left)
        return nil
      } catch {
        return error
      }
    }
    remaining = left
    if let result { throw result }
  }

  /// Syncs a file, again if a signal interrupts.
  @inline(never)
  func syncFully(_ descriptor: Int32) throws(Errno) {
    try retrying { () throws(Errno) in try sync(descriptor) }
  }

  /// Makes the names in a directory durable.
  func syncDirectory(_ path: FilePath) throws(Errno) {
    let descriptor = try retrying { () throws(Errno) in
      try open(path, flags: O_RDONLY | O_DIRECTORY, permissions: 0)
    }
    defer { try? close(descriptor) }
    do {
      try retrying { () throws(Errno) in try sync(descriptor) }
    } catch Errno.invalidArgument {
      // Some file systems cannot sync a directory and say so with EINVAL.
    }
  }

  /// Opens a regular file for reading and refuses everything else without waiting for it.
  func openRegular(_ path: FilePath) throws(FileError) -> (descriptor: Int32, size: Int) {
    var descriptor: Int32 = -1
    do {
      // Without O_NONBLOCK a pipe that nobody writes would hold the process here.
      descriptor = try retrying { () throws(Errno) in
        try open(path, flags: O_RDONLY | O_NONBLOCK | O_NOCTTY, permissions: 0)
      }
      let status = try self.status(descriptor)
      guard status.kind == .regular else {
        try? close(descriptor)
        throw FileError(
          cannot: "read", path, reason: "it is \(status.kind.rawValue), not a regular file",
          exitStatus: .noInput)
      }
      return (descriptor, status.size)
    } catch let error as Errno {
      if descriptor >= 0 { try? close(descriptor) }
      throw FileError(cannot: "read", path, errno: error, exitStatus: .noInput)
    } catch let error as FileError {
      throw error
    } catch {
      throw FileError(cannot: "read", path, reason: "\(error)", exitStatus: .noInput)
    }
  }
}
