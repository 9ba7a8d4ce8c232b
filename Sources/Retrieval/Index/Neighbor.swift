/// One vector found.
public struct Neighbor: Sendable, Hashable {
  /// The key it was added under.
  public let id: Int64
  /// Higher is better, see `Similarity`; always finite.
  public let score: Float

  /// A vector and its score.
  ///
  /// - Parameters:
  ///   - id: The key it was added under.
  ///   - score: Higher is better.
  public init(id: Int64, score: Float) {
    self.id = id
    self.score = score
  }

  /// The order of every ranking: score from high to low, then id from low to high.
  ///
  /// - Parameter other: Another neighbour.
  /// - Returns: Whether this one stands before it.
  @inlinable
  public func ranksBefore(_ other: Neighbor) -> Bool {
    score > other.score || (score == other.score && id < other.id)
  }
}
