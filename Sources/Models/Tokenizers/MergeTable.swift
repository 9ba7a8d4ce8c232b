/// The merges of byte pair encoding: pair of ids → rank, and rank → id of the result.
struct MergeTable: Sendable {
  /// `left << 32 | right`; `empty` for none.
  private var keys: [UInt64]
  private var ranks: [UInt32]
  /// The token that the merge of a rank gives.
  private(set) var results: [Int32] = []
  private static let empty = UInt64.max

  /// A table with room for as many merges.
  init(capacity: Int) {
    var slots = 16
    while slots < 2 * capacity + 2 { slots *= 2 }
    keys = [UInt64](repeating: Self.empty, count: slots)
    ranks = [UInt32](repeating: 0, count: slots)
    results.reserveCapacity(capacity)
  }

  /// Adds the next merge, at the rank after the last one.
  ///
  /// Of a pair listed twice the later rank holds, as in `tokenizers`. With `isReserved` the rank is
  /// taken but the pair never merges.
  mutating func append(left: Int32, right: Int32, result: Int32, isReserved: Bool) {
    let rank = UInt32(results.count)
    results.append(result)
    guard !isReserved else { return }
    let key = Self.key(left, right)
    let slot = slot(of: key)
    keys[slot] = key
    ranks[slot] = rank
  }

  /// The rank of a pair, `nil` if it does not merge.
  @inline(__always)
  func rank(_ left: Int32, _ right: Int32) -> UInt32? {
    let key = Self.key(left, right)
    let slot = slot(of: key)
    return keys[slot] == key ? ranks[slot] : nil
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The slot of the key, or the empty one where it belongs.
  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    let mask = keys.count - 1
    let hash = key &* 0x9E37_79B9_7F4A_7C15
    var slot = Int(truncatingIfNeeded: hash >> 32) & mask
    while keys[slot] != Self.empty, keys[slot] != key { slot = (slot + 1) & mask }
    return slot
  }
}
