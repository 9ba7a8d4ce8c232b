import Basics

/// A checksum of a set of documents that follows additions and removals at constant cost.
///
/// The sum modulo 2^256 of each document's SHA-256. It does not depend on the order in which
/// documents came, and `DocumentStore.verify` computes it afresh. It guards against damage and
/// drift between a store and what was derived from it, not against someone who writes the store.
struct ContentChecksum: Equatable {
  /// Little-endian limbs of the sum.
  private var limbs: [UInt64] = [0, 0, 0, 0]

  init() {}

  /// Reads 64 hexadecimal digits, `nil` for anything else.
  init?(_ digits: String) {
    let bytes = Array(digits.utf8)
    guard bytes.count == 64 else { return nil }
    for limb in 0..<4 {
      let part = bytes[(48 - 16 * limb)..<(64 - 16 * limb)]
      guard part.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
        let value = UInt64(String(decoding: part, as: UTF8.self), radix: 16)
      else { return nil }
      limbs[limb] = value
    }
  }

  /// 64 lower-case hexadecimal digits.
  var digits: String {
    limbs.reversed().map { limb in
      let text = String(limb, radix: 16)
      return String(repeating: "0", count: 16 - text.utf8.count) + text
    }.joined()
  }

  mutating func add(_ other: ContentChecksum) {
    var carry: UInt64 = 0
    for index in 0..<4 {
      let (partial, first) = limbs[index].addingReportingOverflow(other.limbs[index])
      let (sum, second) = partial.addingReportingOverflow(carry)
      limbs[index] = sum
      carry = first || second ? 1 : 0
    }
  }

  mutating func subtract(_ other: ContentChecksum) {
    var borrow: UInt64 = 0
    for index in 0..<4 {
      let (partial, first) = limbs[index].subtractingReportingOverflow(other.limbs[index])
      let (difference, second) = partial.subtractingReportingOverflow(borrow)
      limbs[index] = difference
      borrow = first || second ? 1 : 0
    }
  }
}

extension StoredDocument {
  /// SHA-256 of everything but the line it came from, as hexadecimal digits.
  ///
  /// Each field goes in with its length before it, so that no two documents share a byte string.
  func digest(metadata: String) -> String {
    var stream = Checksum.Stream()
    for field in [id, title, text, metadata] {
      stream.update("\(field.utf8.count):")
      stream.update(field)
    }
    for range in chunks { stream.update("\(range.lowerBound)-\(range.upperBound);") }
    return stream.finish()
  }
}
