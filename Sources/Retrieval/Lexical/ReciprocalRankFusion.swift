import Basics

/// Joins rankings by the ranks alone: a document scores `1 / (k + rank)` in each that holds it.
///
/// - SeeAlso: Cormack, Clarke and Büttcher 2009.
public struct ReciprocalRankFusion: Sendable, Equatable {
  /// How little the first ranks stand out; 60 in the paper.
  public let k: Double

  /// A fusion.
  ///
  /// - Parameter k: 0 or more.
  /// - Throws: `UsageError` for any other number.
  public init(k: Double = 60) throws {
    guard k >= 0, k.isFinite else {
      throw UsageError("reciprocal rank fusion takes k of 0 or more, found \(k)")
    }
    self.k = k
  }

  /// Joins rankings.
  ///
  /// - Parameters:
  ///   - rankings: Each best first; only the order counts. A weight of the same position
  ///     multiplies its terms.
  ///   - weights: One a ranking, 0 or more; `nil` gives each 1.
  ///   - limit: The most documents; `nil` gives all.
  /// - Returns: By descending score, then by id.
  /// - Throws: `InputError` for a document that occurs twice in a ranking; `UsageError` for weights
  ///   that do not fit.
  public func fuse(
    _ rankings: [[RankedDocument]], weights: [Double]? = nil, limit: Int? = nil
  ) throws -> [RankedDocument] {
    let weights = weights ?? Array(repeating: 1, count: rankings.count)
    guard weights.count == rankings.count, weights.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
      throw UsageError("\(rankings.count) rankings to fuse, and the weights \(weights)")
    }
    // Each document's terms in the order of the rankings, so the sum has the same bits each time.
    var scores: [UTF8Key: Double] = [:]
    for (ranking, weight) in zip(rankings, weights) {
      var seen = Set<UTF8Key>(minimumCapacity: ranking.count)
      for (position, document) in ranking.enumerated() {
        guard seen.insert(document.id).inserted else {
          throw InputError(
            "a ranking to fuse holds the document twice",
            at: Place(record: document.id.string))
        }
        scores[document.id, default: 0] += weight / (k + Double(position + 1))
      }
    }
    var fused = scores.map { RankedDocument(id: $0.key, score: $0.value) }
    fused.sort { left, right in
      left.score != right.score ? left.score > right.score : left.id < right.id
    }
    if let limit { fused.removeLast(max(0, fused.count - max(limit, 0))) }
    return fused
  }
}
