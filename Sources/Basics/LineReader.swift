import Glibc
public import SystemPackage

/// One line of a file.
public struct Line: Sendable, Equatable {
  /// The number of the line, from 1.
  public let number: Int
  /// The bytes before the line in the (unpacked) file.
  public let byteOffset: Int
  /// The bytes without the newline, and without a carriage return before it.
  public let bytes: [UInt8]

  /// A line.
  public init(number: Int, byteOffset: Int, bytes: [UInt8]) {
    self.number = number
    self.byteOffset = byteOffset
    self.bytes = bytes
  }

  /// Whether there is nothing but spaces and tabs.
  public var isBlank: Bool { bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 } }

  /// The text.
  ///
  /// - Parameter file: What the error names as the file.
  /// - Returns: The line as a string.
  /// - Throws: `InputError` with line, column and byte offset if it is not UTF-8.
  public func text(file: String? = nil) throws -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    let fault = bytes.withUnsafeBytes { UTF8Check.firstFault(in: $0) } ?? 0
    throw InputError(
      "invalid UTF-8",
      at: Place(
        file: file, line: number, column: fault + 1, byteOffset: byteOffset + fault))
  }
}

/// The lines of a file, plain or gzip.
///
/// Lines end with a newline, which a carriage return may precede; the last line may lack it. A
/// byte order mark at the start is left out.
public struct LineReader {
  /// The longest line that is accepted unless told otherwise: 64 MiB.
  public static let defaultMaximumLineBytes = 64 << 20

  private let stream: ByteStream
  private let maximumLineBytes: Int
  private var chunk: [UInt8] = []
  private var chunkPosition = 0
  private var number = 0
  private var consumedBytes = 0

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: A regular file, or `-` for standard input.
  ///   - maximumLineBytes: The longest line that is accepted.
  ///   - files: The system calls.
  /// - Throws: `FileError` with exit status 66.
  public init(
    _ path: FilePath, maximumLineBytes: Int = LineReader.defaultMaximumLineBytes,
    files: any FileSystem = LiveFileSystem()
  ) throws {
    stream = try ByteStream(path, files: files)
    self.maximumLineBytes = maximumLineBytes
  }

  /// What errors call the file.
  public var name: String { stream.name }

  /// The next line, `nil` at the end.
  ///
  /// - Returns: The line.
  /// - Throws: `InputError` for a line that is too long, after which the next call goes on with the
  ///   line behind it, or for damaged gzip; `FileError` if reading fails.
  public mutating func next() throws -> Line? {
    var bytes: [UInt8] = []
    var length = 0
    var isEnded = false
    let start = consumedBytes
    while !isEnded {
      if chunkPosition == chunk.count, !(try refill()) { break }
      let end = newline(from: chunkPosition)
      isEnded = end != nil
      let pieceEnd = end ?? chunk.count
      length += pieceEnd - chunkPosition
      // The rest of a line that is too long is skipped in constant memory.
      if length <= maximumLineBytes { bytes.append(contentsOf: chunk[chunkPosition..<pieceEnd]) }
      chunkPosition = pieceEnd + (isEnded ? 1 : 0)
    }
    if length == 0, !isEnded { return nil }
    number += 1
    consumedBytes += length + (isEnded ? 1 : 0)
    let offset = start + stream.skippedBytes
    guard length <= maximumLineBytes else {
      throw InputError(
        "the line has \(length) bytes, at most \(maximumLineBytes) are accepted",
        at: Place(file: name, line: number, byteOffset: offset))
    }
    if isEnded, bytes.last == 0x0D { bytes.removeLast() }
    return Line(number: number, byteOffset: offset, bytes: bytes)
  }

  private func newline(from start: Int) -> Int? {
    chunk.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress,
        let found = memchr(base + start, 0x0A, buffer.count - start)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  private mutating func refill() throws -> Bool {
    if chunk.isEmpty { chunk = [UInt8](repeating: 0, count: Self.chunkBytes) }
    chunk.append(contentsOf: repeatElement(0, count: Self.chunkBytes - chunk.count))
    let count = try chunk.withUnsafeMutableBytes { try stream.read(into: $0) }
    chunk.removeLast(chunk.count - count)
    chunkPosition = 0
    return count > 0
  }

  private static let chunkBytes = 1 << 17
}
