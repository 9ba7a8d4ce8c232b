/// How often each word of a corpus occurs; words are bytes, kept once in one buffer.
struct WordCounts {
  private var bytes: [UInt8] = []
  /// Where each word begins in `bytes`; one entry more than words.
  private var starts = [0]
  /// Occurrences of each word.
  private(set) var counts: [Int] = []
  /// Upper half: upper half of the hash. Lower half: 0 for empty, else the word's number + 1.
  private var slots = [UInt64](repeating: 0, count: 1 << 12)

  /// The number of different words.
  var count: Int { counts.count }

  /// The bytes of a word.
  subscript(number: Int) -> ArraySlice<UInt8> { bytes[starts[number]..<starts[number + 1]] }

  /// Counts one occurrence.
  mutating func add(_ word: UnsafeBufferPointer<UInt8>) {
    var hash = ByteHash()
    for byte in word { hash.add(byte) }
    let value = hash.value
    let slot = slot(of: word, value)
    if slots[slot] != 0 {
      counts[Int(slots[slot] & 0xFFFF_FFFF) - 1] += 1
      return
    }
    bytes.append(contentsOf: word)
    starts.append(bytes.count)
    counts.append(1)
    slots[slot] = (value >> 32) << 32 | UInt64(counts.count)
    if counts.count * 2 > slots.count { grow() }
  }

  /// The slot of a word, or the empty one where it belongs.
  private func slot(of word: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32 {
        let number = Int(slots[slot] & 0xFFFF_FFFF) - 1
        let start = starts[number]
        if starts[number + 1] - start == word.count,
          word.indices.allSatisfy({ bytes[start + $0] == word[$0] })
        {
          break
        }
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private mutating func grow() {
    slots = [UInt64](repeating: 0, count: 2 * slots.count)
    for number in 0..<count {
      var hash = ByteHash()
      for byte in self[number] { hash.add(byte) }
      var slot = Int(truncatingIfNeeded: hash.value) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = (hash.value >> 32) << 32 | UInt64(number + 1)
    }
  }
}
