import Glibc

/// Cuts a stream of bytes into lines, with a limit on their length, in constant memory.
///
/// A line ends with a newline, which a carriage return may precede; the last one may lack it. Lines
/// of blanks only are left out. Of a line that is too long nothing is kept.
struct MessageSplitter {
  /// What stands in the stream.
  enum Piece: Equatable {
    /// A line without its end.
    case line([UInt8])
    /// A line of more bytes than are accepted.
    case tooLong(bytes: Int)
  }

  /// The longest line that is accepted, in bytes without the newline: 16 MiB.
  static let maximumLineBytes = 16 << 20

  private let limit: Int
  private var kept: [UInt8] = []
  /// Bytes of the line so far, kept or not.
  private var length = 0

  init(limit: Int = MessageSplitter.maximumLineBytes) { self.limit = limit }

  /// Whether a line has begun that has not ended.
  var isInLine: Bool { length > 0 }

  /// Takes bytes and hands over every line that ends in them.
  ///
  /// - Parameters:
  ///   - bytes: The next bytes of the stream, any number.
  ///   - body: Given the pieces in their order.
  /// - Throws: What `body` throws.
  mutating func feed(
    _ bytes: UnsafeRawBufferPointer, _ body: (Piece) throws -> Void
  ) rethrows {
    var start = 0
    while start < bytes.count, let base = bytes.baseAddress {
      let rest = bytes.count - start
      guard let found = memchr(base + start, 0x0A, rest) else {
        return append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
      }
      let end = UnsafeRawPointer(found) - base
      append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      start = end + 1
      if let piece = take() { try body(piece) }
    }
  }

  /// The line at the end of the stream that has no newline, if there is one.
  mutating func finish() -> Piece? { take() }

  private mutating func append(_ bytes: UnsafeRawBufferPointer) {
    length += bytes.count
    if length <= limit {
      kept.append(contentsOf: bytes)
    } else {
      // Frees what was kept; the rest is counted only.
      kept = []
    }
  }

  private mutating func take() -> Piece? {
    defer {
      length = 0
      // A long line's memory is not kept for the short ones that follow.
      if kept.capacity > 1 << 16 { kept = [] } else { kept.removeAll(keepingCapacity: true) }
    }
    if length > limit { return .tooLong(bytes: length) }
    if kept.last == 0x0D { kept.removeLast() }
    if kept.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { return nil }
    return .line(kept)
  }
}
