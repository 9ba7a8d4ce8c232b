/// The receiver operating characteristic of a score.
public struct ROCCurve: Sendable, Equatable {
  /// The rates at one threshold.
  public struct Point: Sendable, Equatable {
    /// The share of negatives flagged.
    public var falsePositiveRate: Double
    /// The share of positives flagged.
    public var truePositiveRate: Double
    /// A score at or above this is flagged; `nil` at the start of the curve, where nothing is.
    public var threshold: Double?
  }

  /// The points from (0, 0) to (1, 1), one a distinct score.
  public let points: [Point]

  /// The curve of `scores`, with a point at each distinct score.
  ///
  /// - Parameters:
  ///   - scores: Both classes.
  ///   - droppingCollinear: Leaves out inner points of straight runs, which changes no drawing; the
  ///     first threshold stays.
  /// - Returns: Not applicable where a class has no scores.
  /// - SeeAlso: `roc_curve` of scikit-learn, `drop_intermediate`.
  public static func of(
    _ scores: BinaryScores, droppingCollinear: Bool = false
  ) -> Applicable<ROCCurve> {
    if let reason = scores.missingClass { return .notApplicable(reason) }
    var counts: [(negatives: Int, positives: Int, threshold: Double?)] = [(0, 0, nil)]
    for group in scores.descendingGroups {
      let last = counts[counts.count - 1]
      counts.append(
        (last.negatives + group.negatives, last.positives + group.positives, group.score))
    }
    if droppingCollinear {
      counts = counts.enumerated().filter { index, point in
        guard index > 1, index < counts.count - 1 else { return true }
        let before = counts[index - 1]
        let after = counts[index + 1]
        return after.negatives - point.negatives != point.negatives - before.negatives
          || after.positives - point.positives != point.positives - before.positives
      }.map(\.element)
    }
    return .value(
      ROCCurve(
        points: counts.map { point in
          Point(
            falsePositiveRate: Double(point.negatives) / Double(scores.negatives.count),
            truePositiveRate: Double(point.positives) / Double(scores.positives.count),
            threshold: point.threshold)
        }))
  }

  private init(points: [Point]) { self.points = points }
}
