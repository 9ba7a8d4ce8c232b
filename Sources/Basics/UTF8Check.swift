/// Validation of UTF-8 that says where the fault is.
public enum UTF8Check {
  /// The offset of the first byte of the first ill-formed sequence, `nil` if there is none.
  ///
  /// Overlong forms, surrogates and values above U+10FFFF are ill-formed (Unicode 15, table 3-7).
  public static func firstFault(in bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    let count = bytes.count
    while index < count {
      if index + 8 <= count,
        bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        index += 8
        continue
      }
      let lead = bytes[index]
      if lead < 0x80 {
        index += 1
        continue
      }
      let length: Int
      var second: ClosedRange<UInt8> = 0x80...0xBF
      switch lead {
      case 0xC2...0xDF: length = 2
      case 0xE0: (length, second) = (3, 0xA0...0xBF)
      case 0xED: (length, second) = (3, 0x80...0x9F)
      case 0xE1...0xEF: length = 3
      case 0xF0: (length, second) = (4, 0x90...0xBF)
      case 0xF4: (length, second) = (4, 0x80...0x8F)
      case 0xF1...0xF3: length = 4
      default: return index
      }
      guard index + length <= count, second.contains(bytes[index + 1]) else { return index }
      for offset in 2..<max(length, 2) where bytes[index + offset] & 0xC0 != 0x80 { return index }
      index += length
    }
    return nil
  }

  /// Decodes bytes strictly; the error's offset is relative to `place.byteOffset`.
  ///
  /// - Parameters:
  ///   - bytes: The text.
  ///   - place: Where the text begins.
  /// - Returns: The string.
  /// - Throws: `InputError` at the first ill-formed sequence.
  public static func string(_ bytes: [UInt8], at place: Place = Place()) throws -> String {
    if let string = String(validating: bytes, as: UTF8.self) { return string }
    var place = place
    let fault = bytes.withUnsafeBytes { firstFault(in: $0) } ?? 0
    place.byteOffset = (place.byteOffset ?? 0) + fault
    throw InputError("invalid UTF-8", at: place)
  }
}

/// A number in upper-case hexadecimal with leading zeros.
func hexadecimal(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16, uppercase: true)
  return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

/// The value of an ASCII hexadecimal digit.
func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
  case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
  default: nil
  }
}
