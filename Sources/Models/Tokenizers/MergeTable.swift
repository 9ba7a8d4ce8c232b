/// The merges of byte pair encoding: pair of ids → rank, and rank → id of the result.
struct MergeTable: Sendable {
  /// One slot, so that a lookup touches one cache line.
  private struct Slot {
    /// `left << 32 | right`; `empty` for none.
    var key: UInt64
    var rank: UInt32
  }

  private var slots: [Slot]
  /// The token that the merge of a rank gives.
  private(set) var results: [Int32] = []
  private static let empty = UInt64.max

  /// A table with room for as many merges.
  init(capacity: Int) {
    var count = 16
    while count < 2 * capacity + 2 { count *= 2 }
    slots = [Slot](repeating: Slot(key: Self.empty, rank: 0), count: count)
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
    slots[slot(of: key)] = Slot(key: key, rank: rank)
  }

  /// The rank of a pair, `nil` if it does not merge.
  @inline(__always)
  func rank(_ left: Int32, _ right: Int32) -> UInt32? {
    let key = Self.key(left, right)
    let slot = slots[slot(of: key)]
    return slot.key == key ? slot.rank : nil
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The slot of the key, or the empty one where it belongs.
  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    let mask = slots.count - 1
    let hash = key &* 0x9E37_79B9_7F4A_7C15
    var slot = Int(truncatingIfNeeded: hash >> 32) & mask
    while slots[slot].key != Self.empty, slots[slot].key != key { slot = (slot + 1) & mask }
    return slot
  }
}
