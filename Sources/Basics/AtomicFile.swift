import Glibc
public import SystemPackage

/// Files that appear whole or not at all.
///
/// The bytes go to a temporary file in the same directory, which is synced and renamed; then the
/// directory is synced. A reader sees the old file or the new one, also after a crash.
public enum AtomicFile {
  /// Replaces a file by the given bytes.
  ///
  /// - Parameters:
  ///   - bytes: The content.
  ///   - path: The file; a directory, link, pipe or device there is refused.
  ///   - files: The system calls.
  /// - Throws: `FileError`: 73 if it cannot be created, 74 if writing fails.
  public static func write(
    _ bytes: UnsafeRawBufferPointer, to path: FilePath,
    files: any FileSystem = LiveFileSystem()
  ) throws {
    let writer = try Writer(path, bufferBytes: 0, files: files)
    do {
      try writer.write(bytes)
      try writer.commit()
    } catch {
      writer.abandon()
      throw error
    }
  }

  /// Replaces a file by the given bytes.
  ///
  /// - Parameters:
  ///   - bytes: The content.
  ///   - path: The file; a directory, link, pipe or device there is refused.
  ///   - files: The system calls.
  /// - Throws: `FileError`: 73 if it cannot be created, 74 if writing fails.
  public static func write(
    _ bytes: some Sequence<UInt8>, to path: FilePath,
    files: any FileSystem = LiveFileSystem()
  ) throws {
    try Array(bytes).withUnsafeBytes { try write($0, to: path, files: files) }
  }

  /// Replaces a file by the UTF-8 bytes of a text.
  ///
  /// - Parameters:
  ///   - text: The content.
  ///   - path: The file; a directory, link, pipe or device there is refused.
  ///   - files: The system calls.
  /// - Throws: `FileError`: 73 if it cannot be created, 74 if writing fails.
  public static func write(
    _ text: String, to path: FilePath, files: any FileSystem = LiveFileSystem()
  ) throws {
    try write(text.utf8, to: path, files: files)
  }

  /// Checks before long work that a file can be created, by creating and removing a temporary one.
  ///
  /// - Parameters:
  ///   - path: The file that is to be written later; it stays untouched.
  ///   - files: The system calls.
  /// - Throws: `FileError` with exit status 73.
  public static func checkCreatable(
    _ path: FilePath, files: any FileSystem = LiveFileSystem()
  ) throws {
    try Writer(path, bufferBytes: 0, files: files).abandon()
  }
}

extension AtomicFile {
  /// Writes a file piece by piece; `commit` makes it appear, `abandon` leaves no trace.
  ///
  /// A writer that is neither committed nor abandoned abandons itself when it goes away.
  public final class Writer {
    /// The file that `commit` makes appear.
    public let path: FilePath
    /// The bytes given to `write` so far.
    public private(set) var count = 0

    private let files: any FileSystem
    private let temporary: FilePath
    private let directory: FilePath
    private let bufferBytes: Int
    private var buffer: [UInt8] = []
    private var descriptor: Int32?

    /// Creates the temporary file.
    ///
    /// - Parameters:
    ///   - path: The file; a directory, link, pipe or device there is refused.
    ///   - bufferBytes: Bytes gathered before they are written.
    ///   - files: The system calls.
    /// - Throws: `FileError`: 73 if it cannot be created.
    public init(
      _ path: FilePath, bufferBytes: Int = 1 << 18, files: any FileSystem = LiveFileSystem()
    ) throws {
      self.path = path
      self.files = files
      self.bufferBytes = bufferBytes
      let parent = path.removingLastComponent()
      directory = parent.isEmpty ? "." : parent
      // A name of fixed length, because the target's may already be the longest that is allowed.
      temporary = directory.appending(TemporaryFileName.make())
      guard path.lastComponent?.kind == .regular else {
        throw FileError(
          cannot: "create", path, reason: "it names no file", exitStatus: .cannotCreate)
      }
      if let status = try? files.linkStatus(path), status.kind != .regular {
        throw FileError(
          cannot: "replace", path, reason: "it is \(status.kind.rawValue), not a regular file",
          exitStatus: .cannotCreate)
      }
      // A name that cannot be is refused now, not after hours at the rename.
      if path.lastComponent.map({ $0.string.utf8.count > 255 }) ?? false {
        throw FileError(
          cannot: "create", path, errno: .fileNameTooLong, exitStatus: .cannotCreate)
      }
      do {
        descriptor = try files.retrying { () throws(Errno) in
          try files.open(
            temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions: 0o666)
        }
      } catch {
        throw FileError(cannot: "create", path, errno: error, exitStatus: .cannotCreate)
      }
    }

    deinit { abandon() }

    /// Adds bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
      count += bytes.count
      if buffer.count + bytes.count <= bufferBytes {
        buffer.append(contentsOf: bytes)
        return
      }
      try flush(andThen: bytes.count)
      if bytes.count < bufferBytes {
        buffer.append(contentsOf: bytes)
      } else {
        try writeThrough(bytes, more: 0)
      }
    }

    /// Adds bytes.
    public func write(_ bytes: some Sequence<UInt8>) throws {
      if try bytes.withContiguousStorageIfAvailable({
        try write(UnsafeRawBufferPointer($0))
      }) == nil {
        try Array(bytes).withUnsafeBytes { try write($0) }
      }
    }

    /// Adds the UTF-8 bytes of a text.
    public func write(_ text: String) throws { try write(text.utf8) }

    /// Makes the file appear and durable.
    ///
    /// - Throws: `FileError` with exit status 74; then the old file, if any, is still there and
    ///   the temporary one is gone. Only if the last sync, of the directory, fails, is the new
    ///   file in place already.
    public func commit() throws {
      do {
        try flush(andThen: 0)
        let descriptor = try opened()
        try perform("sync") { () throws(Errno) in
          try files.retrying { () throws(Errno) in try files.sync(descriptor) }
        }
        self.descriptor = nil
        do {
          try perform("close") { () throws(Errno) in try close(descriptor) }
          try perform("rename") { () throws(Errno) in
            try files.retrying { () throws(Errno) in try files.rename(temporary, to: path) }
          }
        } catch {
          try? files.unlink(temporary)
          throw error
        }
      } catch {
        abandon()
        throw error
      }
      try perform("sync the directory of") { () throws(Errno) in
        try files.syncDirectory(directory)
      }
    }

    /// Removes the temporary file; does nothing after `commit`.
    public func abandon() {
      guard let descriptor else { return }
      self.descriptor = nil
      buffer = []
      try? files.close(descriptor)
      try? files.unlink(temporary)
    }

    private func opened() throws -> Int32 {
      guard let descriptor else {
        throw FileError(
          cannot: "write", path, reason: "the writer is closed already", exitStatus: .inputOutput)
      }
      return descriptor
    }

    private func flush(andThen more: Int) throws {
      try buffer.withUnsafeBytes { try writeThrough($0, more: more) }
      buffer.removeAll(keepingCapacity: true)
    }

    private func writeThrough(_ bytes: UnsafeRawBufferPointer, more: Int) throws {
      let descriptor = try opened()
      var remaining = 0
      do {
        try files.writeAll(descriptor, bytes, remaining: &remaining)
      } catch {
        throw FileError(
          cannot: "write", path, errno: error, exitStatus: .inputOutput,
          bytesNeeded: remaining + more)
      }
    }

    /// The descriptor is gone after EINTR too (Linux), so a second close could hit another file.
    private func close(_ descriptor: Int32) throws(Errno) {
      do {
        try files.close(descriptor)
      } catch Errno.interrupted {
        return
      }
    }

    private func perform(_ action: String, _ call: () throws(Errno) -> Void) throws {
      do {
        try call()
      } catch {
        throw FileError(
          cannot: action, path, errno: error, exitStatus: .inputOutput, bytesNeeded: 0)
      }
    }
  }
}
