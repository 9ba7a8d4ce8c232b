/// How byte-level vocabularies write bytes: printable Latin-1 stands for itself, the other 68 bytes
/// for U+0100 onwards, so that a space is `Ġ`.
///
/// - SeeAlso: `bytes_to_unicode` in `src/encoder.py` of openai/gpt-2.
enum ByteAlphabet {
  /// The scalar that stands for each byte.
  static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (0..<0x100).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return UInt32(byte)
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// UTF-8 of the scalar that stands for each byte.
  static let utf8: [[UInt8]] = scalars.map { scalar in
    scalar < 0x80
      ? [UInt8(scalar)] : [UInt8(0xC0 | scalar >> 6), UInt8(0x80 | scalar & 0x3F)]
  }

  /// The byte of each scalar below ``scalarLimit``, -1 for none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: Int(scalarLimit))
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  private static let scalarLimit: UInt32 = 0x100 + 68

  /// The bytes that a token of the vocabulary stands for.
  ///
  /// - Parameter token: UTF-8 of the token as the vocabulary writes it.
  /// - Returns: Its bytes; the token itself if a scalar of it stands for no byte, as in added tokens.
  static func bytes(of token: some Collection<UInt8>) -> [UInt8] {
    let token = Array(token)
    var result: [UInt8] = []
    result.reserveCapacity(token.count)
    var index = 0
    let isPlain = token.withUnsafeBufferPointer { token in
      while index < token.count {
        let (scalar, length) = decodeScalar(token, at: index)
        guard scalar < scalarLimit, bytes[Int(scalar)] >= 0 else { return false }
        result.append(UInt8(bytes[Int(scalar)]))
        index += length
      }
      return true
    }
    return isPlain ? result : token
  }
}
