import Glibc
public import SystemPackage

/// Reading a whole file into memory.
public enum FileBytes {
  /// The bytes of a regular file.
  ///
  /// - Parameters:
  ///   - path: A regular file.
  ///   - limit: The number of bytes that is accepted.
  ///   - files: The system calls.
  /// - Returns: The bytes as they are, a gzip file not unpacked.
  /// - Throws: `FileError` if it cannot be read, `InputError` if it is larger than `limit`.
  public static func read(
    _ path: FilePath, limit: Int, files: any FileSystem = LiveFileSystem()
  ) throws -> [UInt8] {
    let (descriptor, size) = try files.openRegular(path)
    defer { try? files.close(descriptor) }
    guard size <= limit else { throw tooLarge(path, size, limit) }
    do {
      var bytes = [UInt8](repeating: 0, count: size)
      var filled = 0
      while filled < size {
        let count = try bytes.withUnsafeMutableBytes { buffer throws(Errno) in
          let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
          return try files.retrying { () throws(Errno) in try files.read(descriptor, into: rest) }
        }
        if count == 0 { break }  // shortened since its size was asked
        filled += count
      }
      bytes.removeSubrange(filled...)
      return bytes
    } catch let error as Errno {
      throw FileError(cannot: "read", path, errno: error, exitStatus: .inputOutput)
    }
  }

  private static func tooLarge(_ path: FilePath, _ size: Int, _ limit: Int) -> InputError {
    InputError(
      "the file has \(size) bytes, at most \(limit) are accepted", at: Place(file: path.shown))
  }
}

extension FileBytes {
  /// The bytes of a file below `/proc`, whose size is said to be 0.
  ///
  /// - Parameter path: The file.
  /// - Returns: All that can be read of it.
  /// - Throws: `Errno`.
  public static func readUnsized(_ path: FilePath) throws -> [UInt8] {
    let files = LiveFileSystem()
    let descriptor = try files.open(path, flags: O_RDONLY, permissions: 0)
    defer { try? files.close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = try chunk.withUnsafeMutableBytes { buffer throws(Errno) in
        try files.retrying { () throws(Errno) in try files.read(descriptor, into: buffer) }
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}
