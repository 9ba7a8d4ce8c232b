import Basics

/// Reading of a GGUF file's header, number by number; every length is checked against what is left.
struct GGUFCursor {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  /// Bytes read so far.
  private(set) var offset = 0

  /// A cursor at the beginning of a file; the buffer must outlive it.
  init(_ bytes: UnsafeRawBufferPointer, file: String) {
    self.bytes = bytes
    self.file = file
  }

  /// Bytes that are left.
  var left: Int { bytes.count - offset }

  /// A refusal that names the file and a byte.
  ///
  /// - Parameters:
  ///   - message: What is wrong, with the value.
  ///   - offset: The byte; where the cursor stands if `nil`.
  /// - Returns: The error, to be thrown.
  func refusal(_ message: String, at offset: Int? = nil) -> InputError {
    InputError(message, at: Place(file: file, byteOffset: offset ?? self.offset))
  }

  /// The next number, little-endian.
  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type, _ what: String
  ) throws -> Number {
    let range = try take(MemoryLayout<Number>.size, what)
    return Number(
      littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Number.self))
  }

  /// The next 64-bit count of things that take at least `least` bytes each.
  mutating func count(_ what: String, least: Int) throws -> Int {
    let start = offset
    let count = try number(UInt64.self, "the number of \(what)")
    guard count <= UInt64(left / least) else {
      throw refusal("\(count) \(what), \(left) bytes are left", at: start)
    }
    return Int(count)
  }

  /// The place of the next string's bytes, which are UTF-8.
  mutating func string(_ what: String) throws -> Range<Int> {
    let start = offset
    let length = try number(UInt64.self, "the length of \(what)")
    guard length <= UInt64(left) else {
      throw refusal("\(what) has \(length) bytes, \(left) are left", at: start)
    }
    let range = try take(Int(length), what)
    if let fault = UTF8Check.firstFault(in: UnsafeRawBufferPointer(rebasing: bytes[range])) {
      throw refusal("\(what) is invalid UTF-8", at: range.lowerBound + fault)
    }
    return range
  }

  /// The text of a range that ``string(_:)`` gave.
  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// The next bytes.
  mutating func take(_ count: Int, _ what: String) throws -> Range<Int> {
    guard count <= left else {
      throw refusal("the file ends in \(what): \(count - left) of \(count) bytes are missing")
    }
    offset += count
    return offset - count..<offset
  }
}
