import Basics

/// Reading of the protocol buffers wire format, field by field, within given bytes.
///
/// - SeeAlso: protobuf.dev/programming-guides/encoding.
struct ProtobufReader {
  /// The value of a field.
  enum Value {
    case number(UInt64)
    case bytes(Range<Int>)
  }

  private let buffer: UnsafeRawBufferPointer
  private let file: String
  private var index: Int
  private let end: Int

  /// A reader of a part of a file.
  init(_ buffer: UnsafeRawBufferPointer, _ range: Range<Int>, file: String) {
    self.buffer = buffer
    self.file = file
    index = range.lowerBound
    end = range.upperBound
  }

  /// The next field; nil at the end.
  ///
  /// - Throws: `InputError` with the byte offset if the bytes are no fields.
  mutating func next() throws -> (field: Int, value: Value)? {
    guard index < end else { return nil }
    let key = try varint()
    let field = Int(key >> 3 & 0xFFFF_FFFF)
    guard field > 0 else { throw fault("field number 0") }
    switch key & 7 {
    case 0: return (field, .number(try varint()))
    case 1: return (field, .number(try fixed(8)))
    case 5: return (field, .number(try fixed(4)))
    case 2:
      let length = try varint()
      guard length <= UInt64(end - index) else {
        throw fault("a field of \(length) bytes, \(end - index) are left")
      }
      let range = index..<index + Int(length)
      index = range.upperBound
      return (field, .bytes(range))
    default: throw fault("wire type \(key & 7)")
    }
  }

  private mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 7) {
      guard index < end else { throw fault("a number that does not end") }
      let byte = buffer[index]
      index += 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte & 0x80 == 0 { return value }
    }
    throw fault("a number of more than 64 bits")
  }

  private mutating func fixed(_ count: Int) throws -> UInt64 {
    guard end - index >= count else { throw fault("a number that does not end") }
    var value: UInt64 = 0
    for position in 0..<count { value |= UInt64(buffer[index + position]) << UInt64(8 * position) }
    index += count
    return value
  }

  private func fault(_ what: String) -> InputError {
    InputError("no ONNX model: \(what)", at: Place(file: file, byteOffset: index))
  }
}
