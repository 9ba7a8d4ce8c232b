import Glibc
public import SystemPackage

/// A regular file mapped into memory, read-only.
///
/// A file that another process shortens while it is mapped raises SIGBUS on access; files that
/// ragbench writes are replaced by rename and never shortened.
public final class MappedFile: Sendable {
  /// The file.
  public let path: FilePath
  // The mapping is never written and ends with this object.
  nonisolated(unsafe) private let mapping: UnsafeRawBufferPointer

  /// Maps a file; an empty file gives no bytes.
  ///
  /// - Parameter path: A regular file.
  /// - Throws: `FileError`: 66 if it is missing, unreadable or not regular, 74 if mapping fails.
  public init(_ path: FilePath) throws {
    let files = LiveFileSystem()
    let (descriptor, size) = try files.openRegular(path)
    defer { try? files.close(descriptor) }
    self.path = path
    guard size > 0 else {
      mapping = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address, address != MAP_FAILED else {
      throw FileError(
        cannot: "map", path, errno: Errno(rawValue: errno), exitStatus: .inputOutput)
    }
    mapping = UnsafeRawBufferPointer(start: address, count: size)
  }

  deinit {
    guard let address = mapping.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: address), mapping.count)
  }

  /// The bytes of the file, valid as long as this object lives.
  ///
  /// Swift may release the object right after its last use, before that of the bytes. Use this only
  /// where something stores the object, ``withBytes(_:)`` elsewhere.
  public var bytes: UnsafeRawBufferPointer { mapping }

  /// Calls a closure with the bytes of the file, and keeps the mapping until it returns.
  ///
  /// - Parameter body: Must not let the buffer escape.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(self) { try body(mapping) }
  }

  /// Tells the kernel that the file will be read from front to back.
  public func willReadSequentially() {
    guard let address = mapping.baseAddress else { return }
    madvise(UnsafeMutableRawPointer(mutating: address), mapping.count, MADV_SEQUENTIAL)
  }
}
