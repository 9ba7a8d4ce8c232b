import Synchronization

/// A sum that threads add to.
final class ProgressCount: Sendable {
  private let sum = Atomic<Int>(0)

  /// Adds and gives the new sum.
  func add(_ count: Int) -> Int { sum.add(count, ordering: .relaxed).newValue }
}
