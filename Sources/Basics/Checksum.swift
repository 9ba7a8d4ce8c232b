import Crypto
import Glibc
public import SystemPackage

/// SHA-256 as 64 lower-case hexadecimal digits.
public enum Checksum {
  /// The checksum of bytes in memory.
  public static func sha256(_ bytes: UnsafeRawBufferPointer) -> String {
    var stream = Stream()
    stream.update(bytes)
    return stream.finish()
  }

  /// The checksum of an array of bytes.
  public static func sha256(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { sha256($0) }
  }

  /// The checksum of the UTF-8 bytes of a text.
  public static func sha256(_ text: String) -> String {
    withUTF8Bytes(of: text) { sha256($0) }
  }

  /// The checksum of a file, read in pieces.
  ///
  /// - Parameter path: A regular file.
  /// - Returns: The digits.
  /// - Throws: `FileError`: 66 if it cannot be opened, 74 if reading fails.
  public static func sha256(of path: FilePath) throws -> String {
    try sha256(of: path, files: LiveFileSystem())
  }

  /// The checksum of a file, read in pieces.
  ///
  /// - Parameters:
  ///   - path: A regular file.
  ///   - files: The system calls.
  /// - Returns: The digits.
  /// - Throws: `FileError`: 66 if it cannot be opened, 74 if reading fails.
  public static func sha256(of path: FilePath, files: any FileSystem) throws -> String {
    let (descriptor, _) = try files.openRegular(path)
    defer { try? files.close(descriptor) }
    var stream = Stream()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    do {
      while true {
        let count = try files.retrying { () throws(Errno) in
          try files.read(descriptor, into: buffer)
        }
        if count == 0 { return stream.finish() }
        stream.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    } catch {
      throw FileError(cannot: "read", path, errno: error, exitStatus: .inputOutput)
    }
  }

  /// A checksum of bytes that come in pieces.
  public struct Stream: Sendable {
    private var hash = SHA256()

    /// A stream without bytes so far.
    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
      hash.update(bufferPointer: bytes)
    }

    /// Adds the UTF-8 bytes of a text.
    public mutating func update(_ text: String) {
      withUTF8Bytes(of: text) { hash.update(bufferPointer: $0) }
    }

    /// The checksum of all bytes so far; more may follow.
    public func finish() -> String {
      let digits = Array("0123456789abcdef".utf8)
      var text: [UInt8] = []
      for byte in hash.finalize() {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
      }
      return String(decoding: text, as: UTF8.self)
    }
  }
}
