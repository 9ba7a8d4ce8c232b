/// Reads little-endian integers at offsets of a buffer; `nil` beyond its end.
struct LittleEndianBytes {
  let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  func uint16(at offset: Int) -> Int? { integer(at: offset, as: UInt16.self).map(Int.init) }
  func uint32(at offset: Int) -> Int? { integer(at: offset, as: UInt32.self).map(Int.init) }
  /// `nil` also for values that no `Int` holds.
  func uint64(at offset: Int) -> Int? {
    integer(at: offset, as: UInt64.self).flatMap { Int(exactly: $0) }
  }

  func slice(at offset: Int, count: Int) -> UnsafeRawBufferPointer? {
    guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
      return nil
    }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
  }

  private func integer<Value: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as: Value.Type
  ) -> Value? {
    guard let part = slice(at: offset, count: MemoryLayout<Value>.size) else { return nil }
    return Value(littleEndian: part.loadUnaligned(as: Value.self))
  }
}
