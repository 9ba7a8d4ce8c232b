/// Counts of neighbouring tokens, and a queue of the pairs by count.
///
/// The order is that of `tokenizers`: the highest count first, of equal counts the lower ids. An entry
/// may be out of date; whoever takes it puts it back with the count of now.
struct PairCounts {
  /// A pair in the queue.
  struct Entry {
    /// The pair's count when the entry was made.
    var count: Int
    /// `left << 32 | right`.
    var pair: UInt64
    /// The words in which the pair came about, a number of ``PairCounts/words(of:)``.
    var list: Int

    /// Whether it is taken before another.
    func precedes(_ other: Entry) -> Bool {
      count != other.count ? count > other.count : pair < other.pair
    }
  }

  private var numbers: [UInt64: Int] = [:]
  private var counts: [Int] = []
  /// For each pair the list that is being filled, -1 for none.
  private var openLists: [Int] = []
  private var lists: [[Int32]] = []
  private var open: [UInt64] = []
  private var heap: [Entry] = []

  /// A pair as a number whose order is that of the ids.
  static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// The count of a pair.
  func count(of pair: UInt64) -> Int { numbers[pair].map { counts[$0] } ?? 0 }

  /// The words of an entry, which are not needed again.
  mutating func takeWords(of entry: Entry) -> [Int32] {
    defer { lists[entry.list] = [] }
    return lists[entry.list]
  }

  /// Changes the count of a pair.
  ///
  /// - Parameters:
  ///   - pair: Two ids.
  ///   - change: Added to its count.
  ///   - word: The word in which it came about, `nil` where it went. All changes of one word stand
  ///     together.
  mutating func add(_ pair: UInt64, _ change: Int, in word: Int32?) {
    let number: Int
    if let known = numbers[pair] {
      number = known
    } else {
      number = counts.count
      numbers[pair] = number
      counts.append(0)
      openLists.append(-1)
    }
    counts[number] += change
    guard let word else { return }
    if openLists[number] < 0 {
      openLists[number] = lists.count
      lists.append([])
      open.append(pair)
    }
    let list = openLists[number]
    if lists[list].last != word { lists[list].append(word) }
  }

  /// Puts the pairs that came about since the last call into the queue.
  mutating func enqueueNew() {
    for pair in open {
      guard let number = numbers[pair] else { continue }
      if counts[number] > 0 {
        push(Entry(count: counts[number], pair: pair, list: openLists[number]))
      }
      openLists[number] = -1
    }
    open.removeAll(keepingCapacity: true)
  }

  /// The pair that is most frequent now, `nil` if none occurs.
  mutating func popMostFrequent() -> Entry? {
    while var entry = pop() {
      let count = count(of: entry.pair)
      if entry.count == count { return count > 0 ? entry : nil }
      entry.count = count
      push(entry)
    }
    return nil
  }

  private mutating func push(_ entry: Entry) {
    var child = heap.count
    heap.append(entry)
    while child > 0 {
      let parent = (child - 1) / 2
      guard entry.precedes(heap[parent]) else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  private mutating func pop() -> Entry? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
      guard heap[child].precedes(last) else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return first
  }
}
