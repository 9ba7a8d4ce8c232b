/// A range of Unicode scalars of the original text.
struct ScalarBounds: Equatable {
  var start: UInt32
  var end: UInt32
}

/// Normalised UTF-8 that knows for each byte which scalars of the original text it stands for.
///
/// The rules of alignment are those of `NormalizedString` in the Rust crate `tokenizers`: a replaced
/// scalar keeps its place, an inserted one takes the place of the one before it.
struct AlignedText {
  var bytes: [UInt8]
  /// One entry a byte. Empty where byte `i` is scalar `i`, which is so for ASCII at the start.
  var bounds: [ScalarBounds]

  /// The text as it came.
  init(_ text: String) {
    bytes = Array(text.utf8)
    bounds = []
    guard bytes.contains(where: { $0 >= 0x80 }) else { return }
    bounds.reserveCapacity(bytes.count)
    var scalar: UInt32 = 0
    for byte in bytes {
      if !isContinuation(byte) { scalar += 1 }
      bounds.append(ScalarBounds(start: scalar - 1, end: scalar))
    }
  }

  /// Normalised ASCII whose byte `i` stands for scalar `i`.
  init(identity bytes: [UInt8]) {
    self.bytes = bytes
    bounds = []
  }

  /// An empty text with room for as many bytes, to be filled by `append`.
  init(capacity: Int) {
    bytes = []
    bounds = []
    bytes.reserveCapacity(capacity)
    bounds.reserveCapacity(capacity)
  }

  /// Whether byte `i` stands for scalar `i`.
  var isIdentity: Bool { bounds.isEmpty }

  /// The scalars that a byte stands for.
  @inline(__always)
  func bounds(at index: Int) -> ScalarBounds {
    isIdentity ? ScalarBounds(start: UInt32(index), end: UInt32(index) + 1) : bounds[index]
  }

  /// The scalars that a range of bytes stands for.
  @inline(__always)
  func scalars(of range: Range<Int>) -> Range<Int> {
    guard !range.isEmpty else { return 0..<0 }
    if isIdentity { return range }
    let start = Int(bounds[range.lowerBound].start)
    return start..<max(start, Int(bounds[range.upperBound - 1].end))
  }

  @inline(__always)
  mutating func append(byte: UInt8, _ place: ScalarBounds) {
    bytes.append(byte)
    bounds.append(place)
  }

  @inline(__always)
  mutating func append(scalar: UInt32, _ place: ScalarBounds) {
    switch scalar {
    case 0..<0x80:
      append(byte: UInt8(scalar), place)
    case 0x80..<0x800:
      append(byte: UInt8(0xC0 | scalar >> 6), place)
      append(byte: UInt8(0x80 | scalar & 0x3F), place)
    case 0x800..<0x1_0000:
      append(byte: UInt8(0xE0 | scalar >> 12), place)
      append(byte: UInt8(0x80 | scalar >> 6 & 0x3F), place)
      append(byte: UInt8(0x80 | scalar & 0x3F), place)
    default:
      append(byte: UInt8(0xF0 | scalar >> 18 & 0x7), place)
      append(byte: UInt8(0x80 | scalar >> 12 & 0x3F), place)
      append(byte: UInt8(0x80 | scalar >> 6 & 0x3F), place)
      append(byte: UInt8(0x80 | scalar & 0x3F), place)
    }
  }
}

/// Whether the byte continues a scalar of UTF-8.
@inline(__always)
func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

/// The scalar that begins at an index of valid UTF-8, and its length in bytes.
@inline(__always)
func decodeScalar(
  _ bytes: UnsafeBufferPointer<UInt8>, at index: Int
) -> (scalar: UInt32, length: Int) {
  let first = UInt32(bytes[index])
  if first < 0x80 { return (first, 1) }
  let second = UInt32(bytes[index + 1] & 0x3F)
  if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
  let third = UInt32(bytes[index + 2] & 0x3F)
  if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
  let fourth = UInt32(bytes[index + 3] & 0x3F)
  return ((first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
}
