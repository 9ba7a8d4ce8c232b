import Glibc

/// Numbers terms in the order they come: an open-addressing hash table over one array of bytes.
///
/// A dictionary with string keys would allocate a string for each of the millions of tokens.
struct TermTable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private var hashes: [UInt64] = []
  /// Term numbers plus one; 0 is an empty slot.
  private var slots = [UInt32](repeating: 0, count: 1 << 12)

  /// The number of terms.
  var count: Int { ends.count }

  /// The number of a term, a new one if it was not there.
  mutating func number(of term: UnsafeRawBufferPointer) -> Int {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in term { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    hash ^= hash >> 32
    if 2 * (ends.count + 1) > slots.count { grow() }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      if hashes[number] == hash, isEqual(number, term) { return number }
      slot = (slot + 1) & mask
    }
    bytes.append(contentsOf: term)
    ends.append(bytes.count)
    hashes.append(hash)
    slots[slot] = UInt32(ends.count)
    return ends.count - 1
  }

  /// The bytes of a term.
  func term(_ number: Int) -> ArraySlice<UInt8> {
    bytes[(number == 0 ? 0 : ends[number - 1])..<ends[number]]
  }

  private func isEqual(_ number: Int, _ term: UnsafeRawBufferPointer) -> Bool {
    let start = number == 0 ? 0 : ends[number - 1]
    let count = ends[number] - start
    guard count == term.count, let other = term.baseAddress else { return count == term.count }
    return bytes.withUnsafeBytes { all in
      all.baseAddress.map { memcmp($0 + start, other, count) == 0 } ?? false
    }
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: 2 * slots.count)
    let mask = slots.count - 1
    for (number, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(number + 1)
    }
  }
}
