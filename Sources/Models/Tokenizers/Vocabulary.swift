/// A hash of bytes that is extended byte by byte, so that all prefixes of a word cost one pass.
struct ByteHash {
  private var state: UInt64 = 0xCBF2_9CE4_8422_2325

  @inline(__always)
  init() {}

  /// One step of FNV-1a.
  @inline(__always)
  mutating func add(_ byte: UInt8) {
    state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }

  /// The hash, its bits mixed so that any of them can index a table.
  @inline(__always)
  var value: UInt64 {
    let mixed = (state ^ state >> 32) &* 0x9E37_79B9_7F4A_7C15
    return mixed ^ mixed >> 29
  }
}

/// Tokens by id and ids by token, compared by bytes: `é` and `e` with U+0301 are two tokens.
///
/// An open-addressing table over one buffer of UTF-8; a lookup allocates nothing.
struct Vocabulary: Sendable {
  private let bytes: [UInt8]
  /// Where token `id` begins in `bytes`; one entry more than tokens.
  private let starts: [UInt32]
  /// Upper half: upper half of the hash. Lower half: 0 for empty, else id + 1 and `reservedBit`.
  private let slots: [UInt64]
  /// Length of the longest token in bytes.
  let longestToken: Int

  /// Marks a token that text never becomes, as `[SEP]`.
  private static let reservedBit: UInt64 = 1 << 31

  /// A vocabulary of distinct tokens; the id of a token is its position.
  ///
  /// - Parameters:
  ///   - tokens: UTF-8 of all tokens, one after another.
  ///   - ends: Where each token ends in `tokens`.
  ///   - isReserved: For each token, whether text must never become it.
  /// - Throws: `DuplicateToken` at the second of two equal tokens.
  init(
    tokens: [UInt8], ends: [Int], isReserved: [Bool]
  ) throws(DuplicateToken) {
    var capacity = 16
    while capacity < 2 * ends.count + 2 { capacity *= 2 }
    var slots = [UInt64](repeating: 0, count: capacity)
    var starts: [UInt32] = [0]
    starts.reserveCapacity(ends.count + 1)
    var longest = 0
    for (id, end) in ends.enumerated() {
      let start = Int(starts[id])
      starts.append(UInt32(end))
      longest = max(longest, end - start)
      var hash = ByteHash()
      for index in start..<end { hash.add(tokens[index]) }
      let value = hash.value
      var slot = Int(truncatingIfNeeded: value) & (capacity - 1)
      while slots[slot] != 0 {
        if slots[slot] >> 32 == value >> 32 {
          let other = Int(slots[slot] & 0x7FFF_FFFF) - 1
          let otherRange = Int(starts[other])..<Int(starts[other + 1])
          if otherRange.count == end - start,
            (0..<end - start).allSatisfy({
              tokens[start + $0] == tokens[otherRange.lowerBound + $0]
            })
          {
            throw DuplicateToken(first: other, second: id)
          }
        }
        slot = (slot + 1) & (capacity - 1)
      }
      slots[slot] =
        (value >> 32) << 32 | UInt64(id + 1) | (isReserved[id] ? Self.reservedBit : 0)
    }
    bytes = tokens
    self.starts = starts
    self.slots = slots
    longestToken = longest
  }

  /// The number of tokens, one more than the largest id.
  var count: Int { starts.count - 1 }

  /// The token of an id, `nil` outside the vocabulary.
  func token(_ id: Int32) -> String? {
    guard id >= 0, id < count else { return nil }
    return String(decoding: bytes[Int(starts[Int(id)])..<Int(starts[Int(id) + 1])], as: UTF8.self)
  }

  /// The id of a token, reserved ones included.
  func id(of token: String) -> Int32? {
    var token = token
    return token.withUTF8 { id(of: $0) }
  }

  /// The id of a token, reserved ones included.
  func id(of token: UnsafeBufferPointer<UInt8>) -> Int32? {
    var hash = ByteHash()
    for byte in token { hash.add(byte) }
    return entry(hash.value, prefix: [], token).map {
      Int32(truncatingIfNeeded: $0 & 0x7FFF_FFFF) - 1
    }
  }

  /// The id of a token that text may become.
  ///
  /// - Parameters:
  ///   - hash: The ``ByteHash`` of `prefix` and `rest`.
  ///   - prefix: The beginning of the token.
  ///   - rest: The end of the token.
  /// - Returns: The id, `nil` for a reserved token or none.
  @inline(__always)
  func plainID(
    hash: UInt64, prefix: [UInt8], rest: UnsafeBufferPointer<UInt8>
  ) -> Int32? {
    guard let entry = entry(hash, prefix: prefix, rest), entry & Self.reservedBit == 0 else {
      return nil
    }
    return Int32(truncatingIfNeeded: entry) - 1
  }

  /// The id of a token that text may become.
  @inline(__always)
  func plainID(of token: UnsafeBufferPointer<UInt8>) -> Int32? {
    var hash = ByteHash()
    for byte in token { hash.add(byte) }
    return plainID(hash: hash.value, prefix: [], rest: token)
  }

  /// The lower half of the slot of a token.
  @inline(__always)
  private func entry(
    _ hash: UInt64, prefix: [UInt8], _ rest: UnsafeBufferPointer<UInt8>
  ) -> UInt64? {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32,
        equals(Int(slots[slot] & 0x7FFF_FFFF) - 1, prefix, rest)
      {
        return slots[slot] & 0xFFFF_FFFF
      }
      slot = (slot + 1) & mask
    }
    return nil
  }

  @inline(__always)
  private func equals(_ id: Int, _ prefix: [UInt8], _ rest: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = Int(starts[id])
    guard Int(starts[id + 1]) - start == prefix.count + rest.count else { return false }
    for index in prefix.indices where bytes[start + index] != prefix[index] { return false }
    let middle = start + prefix.count
    for index in rest.indices where bytes[middle + index] != rest[index] { return false }
    return true
  }

  /// UTF-8 of a token by id, which must be in the vocabulary.
  func utf8(_ id: Int) -> ArraySlice<UInt8> { bytes[Int(starts[id])..<Int(starts[id + 1])] }

  /// Whether any token satisfies the predicate over its UTF-8.
  func contains(where predicate: (ArraySlice<UInt8>) -> Bool) -> Bool {
    (0..<count).contains { predicate(utf8($0)) }
  }
}

/// Two equal tokens at two positions.
struct DuplicateToken: Error, Equatable {
  var first: Int
  var second: Int
}
