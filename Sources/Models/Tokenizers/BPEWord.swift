/// The symbols of one segment while they are merged: a linked list and a queue of candidate pairs.
///
/// n symbols take O(n log n), so a text of a megabyte without a border is no attack.
struct BPEWord {
  private struct Symbol {
    var id: Int32
    var previous: Int32
    var next: Int32
    /// Bytes it stands for, 0 once it is merged into the one before it.
    var length: Int32
  }

  private var symbols: [Symbol] = []
  /// A binary heap of `rank << 32 | position`, smallest first: lowest rank, then leftmost.
  private var queue: [UInt64] = []
  private var start = 0

  /// Begins a segment at a byte offset of the text.
  mutating func removeAll(startingAt start: Int) {
    symbols.removeAll(keepingCapacity: true)
    self.start = start
  }

  /// Adds a symbol at the end.
  mutating func append(_ id: Int32, length: Int) {
    let position = Int32(symbols.count)
    if position > 0 { symbols[Int(position) - 1].next = position }
    symbols.append(
      Symbol(id: id, previous: position - 1, next: -1, length: Int32(truncatingIfNeeded: length)))
  }

  /// Counts a byte of the text that has no symbol to the symbol before it.
  mutating func skipByte() {
    if symbols.isEmpty { start += 1 } else { symbols[symbols.count - 1].length += 1 }
  }

  /// Merges pairs, lowest rank first, until none is left.
  mutating func merge(by merges: MergeTable) {
    guard symbols.count > 1 else { return }
    if symbols.count <= Self.scanLimit {
      mergeByScanning(merges)
      return
    }
    queue.removeAll(keepingCapacity: true)
    for position in symbols.indices.dropLast() {
      enqueue(position, symbols[position].id, symbols[position + 1].id, merges)
    }
    while let entry = dequeue() {
      let position = Int(entry & 0xFFFF_FFFF)
      let left = symbols[position]
      guard left.length > 0, left.next >= 0 else { continue }
      let right = symbols[Int(left.next)]
      let result = merges.results[Int(entry >> 32)]
      // An entry outlives its pair. A pair only grows, so the same rank means the same pair.
      guard let rank = merges.rank(left.id, right.id), rank == entry >> 32 else { continue }
      symbols[Int(left.next)].length = 0
      symbols[position].id = result
      symbols[position].length += right.length
      symbols[position].next = right.next
      if right.next >= 0 {
        symbols[Int(right.next)].previous = Int32(truncatingIfNeeded: position)
        enqueue(position, result, symbols[Int(right.next)].id, merges)
      }
      if left.previous >= 0 {
        enqueue(Int(left.previous), symbols[Int(left.previous)].id, result, merges)
      }
    }
  }

  /// Up to this many symbols the next pair is found by looking at all: a word is shorter, and needs
  /// neither queue nor list.
  private static let scanLimit = 32

  /// The same order of merges as with the queue.
  private mutating func mergeByScanning(_ merges: MergeTable) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: Self.scanLimit) { ranks in
      symbols.withUnsafeMutableBufferPointer { symbols in
        var count = symbols.count
        func rank(at position: Int) -> UInt32 {
          merges.rank(symbols[position].id, symbols[position + 1].id) ?? .max
        }
        for position in 0..<count - 1 { ranks[position] = rank(at: position) }
        while count > 1 {
          var best = 0
          for position in 1..<max(1, count - 1) where ranks[position] < ranks[best] {
            best = position
          }
          guard ranks[best] != .max else { break }
          symbols[best].id = merges.results[Int(ranks[best])]
          symbols[best].length += symbols[best + 1].length
          count -= 1
          for position in best + 1..<max(best + 1, count) {
            symbols[position] = symbols[position + 1]
            ranks[position - 1] = ranks[position]
          }
          if best + 1 < count { ranks[best] = rank(at: best) }
          if best > 0 { ranks[best - 1] = rank(at: best - 1) }
        }
        for position in count..<symbols.count { symbols[position].length = 0 }
      }
    }
  }

  /// Appends the symbols that are left, with their byte offsets.
  func append(to pieces: inout [TokenPiece]) {
    var lower = start
    for symbol in symbols where symbol.length > 0 {
      pieces.append(TokenPiece(id: symbol.id, lower: lower, upper: lower + Int(symbol.length)))
      lower += Int(symbol.length)
    }
  }

  @inline(__always)
  private mutating func enqueue(
    _ position: Int, _ left: Int32, _ right: Int32, _ merges: MergeTable
  ) {
    guard let rank = merges.rank(left, right) else { return }
    queue.append(UInt64(rank) << 32 | UInt64(position))
    var child = queue.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard queue[child] < queue[parent] else { break }
      queue.swapAt(child, parent)
      child = parent
    }
  }

  @inline(__always)
  private mutating func dequeue() -> UInt64? {
    guard let first = queue.first else { return nil }
    let last = queue.removeLast()
    guard !queue.isEmpty else { return first }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < queue.count else { break }
      if child + 1 < queue.count, queue[child + 1] < queue[child] { child += 1 }
      guard queue[child] < last else { break }
      queue[parent] = queue[child]
      parent = child
    }
    queue[parent] = last
    return first
  }
}
