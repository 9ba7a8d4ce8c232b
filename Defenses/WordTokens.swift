/// Words of a text, as hashes of their lower-case forms.
///
/// A word is a run of letters and digits, by Unicode scalar. Hashes of 64 bits stand for the words:
/// texts are compared by the million, and the order of a hash table must not reach a result.
public enum WordTokens {
  /// The words in their order.
  ///
  /// - Parameter text: Any text.
  /// - Returns: One FNV-1a hash a word.
  public static func hashes(of text: String) -> [UInt64] {
    var hashes: [UInt64] = []
    var hash = offsetBasis
    var isInWord = false
    func add(_ byte: UInt8) {
      hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
      isInWord = true
    }
    for scalar in text.unicodeScalars {
      if scalar.isASCII {
        let byte = UInt8(truncatingIfNeeded: scalar.value)
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
          add(byte)
          continue
        case UInt8(ascii: "A")...UInt8(ascii: "Z"):
          add(byte | 0x20)
          continue
        default: break
        }
      } else if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
        for byte in scalar.properties.lowercaseMapping.utf8 { add(byte) }
        continue
      }
      if isInWord {
        hashes.append(hash)
        hash = offsetBasis
        isInWord = false
      }
    }
    if isInWord { hashes.append(hash) }
    return hashes
  }

  private static let offsetBasis: UInt64 = 0xCBF2_9CE4_8422_2325
}
