/// The best `capacity` neighbours offered so far, in a heap with the worst of them on top.
struct BoundedRanking: Sendable {
  let capacity: Int
  private(set) var heap: [Neighbor] = []

  init(capacity: Int) {
    precondition(capacity > 0, "capacity \(capacity)")
    self.capacity = capacity
    heap.reserveCapacity(capacity)
  }

  /// A lower score changes nothing; an equal one may, by its id.
  var threshold: Float { heap.count < capacity ? -.infinity : heap[0].score }

  mutating func offer(_ neighbor: Neighbor) {
    if heap.count < capacity {
      heap.append(neighbor)
      rise(from: heap.count - 1)
    } else if neighbor.ranksBefore(heap[0]) {
      heap[0] = neighbor
      sink(from: 0)
    }
  }

  /// The best first.
  func ranked() -> [Neighbor] { heap.sorted { $0.ranksBefore($1) } }

  private mutating func rise(from start: Int) {
    var index = start
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[parent].ranksBefore(heap[index]) else { return }
      heap.swapAt(index, parent)
      index = parent
    }
  }

  private mutating func sink(from start: Int) {
    var index = start
    while true {
      var worst = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
        if heap[worst].ranksBefore(heap[child]) { worst = child }
      }
      guard worst != index else { return }
      heap.swapAt(index, worst)
      index = worst
    }
  }
}
