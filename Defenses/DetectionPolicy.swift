/// What happens to passages that a detector flags.
///
/// - SeeAlso: rag-poisoning specification, section 6, point 6.
public enum DetectionPolicy: String, CaseIterable, Sendable {
  /// They are marked and stay where they are.
  case annotate
  /// They are ranked behind all passages of the list that are not flagged.
  case demote
  /// They are taken out, named apart, and later passages fill their places.
  case quarantine

  /// A ranking after a policy: items with the ranks that they had, from 1.
  public struct Outcome<Item> {
    /// What is left of the first places, best first.
    public var kept: [(rank: Int, item: Item)] = []
    /// What lost its place among the first, best first.
    public var removed: [(rank: Int, item: Item)] = []
  }

  /// Applies the policy to the beginning of a ranking.
  ///
  /// - Parameters:
  ///   - judged: Items, best first: the first `k`, and as many more as may fill places.
  ///   - k: How many places there are, at least 1.
  ///   - isFlagged: The verdict on an item.
  /// - Returns: At most `k` items are kept. Fewer than `k` although the ranking goes on means that
  ///   quarantine needs more of it: ask again with a longer beginning.
  public func outcome<Item>(
    of judged: [Item], k: Int, isFlagged: (Item) -> Bool
  ) -> Outcome<Item> {
    precondition(k >= 1, "outcome: k is \(k)")
    let ranked = judged.enumerated().map { (rank: $0.offset + 1, item: $0.element) }
    var outcome = Outcome<Item>()
    switch self {
    case .annotate:
      outcome.kept = Array(ranked.prefix(k))
    case .demote:
      let behind = ranked.filter { isFlagged($0.item) }
      outcome.kept = Array((ranked.filter { !isFlagged($0.item) } + behind).prefix(k))
      // What the first places held and the list no longer does.
      let kept = Set(outcome.kept.map(\.rank))
      outcome.removed = behind.filter { $0.rank <= k && !kept.contains($0.rank) }
    case .quarantine:
      outcome.kept = Array(ranked.filter { !isFlagged($0.item) }.prefix(k))
      // Only what stood before the last one that is kept was in the way.
      let end = outcome.kept.count < k ? ranked.count : outcome.kept.last?.rank ?? 0
      outcome.removed = ranked.filter { $0.rank <= end && isFlagged($0.item) }
    }
    return outcome
  }
}
