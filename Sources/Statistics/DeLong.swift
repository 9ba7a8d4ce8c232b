/// The area under the ROC curve with its sampling error.
public struct AUROC: Sendable, Equatable {
  /// The area, from 0 to 1.
  public let value: Double
  /// DeLong's standard error.
  public let standardError: Double
  /// value ± z · standard error, cut to [0, 1].
  public let interval: Interval
  /// Whether the estimated variance is 0, as it is under perfect separation. The interval then has
  /// no width and says nothing about the sampling error: report the counts beside it.
  public var isDegenerate: Bool { standardError == 0 }
}

/// The difference of two areas on the same units, with its test.
public struct AUROCDifference: Sendable, Equatable {
  /// First area minus second area.
  public let value: Double
  /// The standard error, which knows that both scores saw the same units.
  public let standardError: Double
  /// value ± z · standard error.
  public let interval: Interval
  /// The two-sided p-value of equal areas; not applicable where the standard error is 0.
  public let pValue: Applicable<Double>
}

/// DeLong's nonparametric variance of areas under ROC curves.
///
/// - SeeAlso: DeLong, DeLong and Clarke-Pearson 1988; Sun and Xu 2014 for the midrank form.
public enum DeLong {
  /// The area with its standard error and interval.
  ///
  /// Units are taken as independent. Where several scores belong to one query, use
  /// `Bootstrap.clustered` instead, or the ``difference(_:_:level:)`` of ``ClusteredPlacements``.
  ///
  /// - Parameters:
  ///   - scores: Both classes.
  ///   - level: The nominal coverage, between 0 and 1.
  /// - Returns: Not applicable with fewer than two negatives or positives.
  /// - Throws: `StatisticsError.outOfRange` for a level outside the open unit interval.
  public static func area(
    _ scores: BinaryScores, level: Double = 0.95
  ) throws(StatisticsError) -> Applicable<AUROC> {
    let z = try NormalDistribution.quantile(0.5 + validated(level) / 2)
    if let reason = shortage(scores) { return .notApplicable(reason) }
    guard case .value(let area) = scores.areaUnderROC else { return .notApplicable("no scores") }
    let placements = Placements(scores)
    let error = placements.covariance(with: placements).squareRoot()
    return .value(
      AUROC(
        value: area, standardError: error,
        interval: Interval(
          lower: max(0, area - z * error), upper: min(1, area + z * error), level: level)))
  }

  /// The difference between two scores of the same units.
  ///
  /// - Parameters:
  ///   - first: Both classes under the first score.
  ///   - second: The same units in the same order under the second score.
  ///   - level: The nominal coverage, between 0 and 1.
  /// - Returns: Not applicable with fewer than two negatives or positives.
  /// - Throws: `StatisticsError.countMismatch` if the units differ in number, `.outOfRange` for a
  ///   level outside the open unit interval.
  public static func difference(
    _ first: BinaryScores, _ second: BinaryScores, level: Double = 0.95
  ) throws(StatisticsError) -> Applicable<AUROCDifference> {
    let z = try NormalDistribution.quantile(0.5 + validated(level) / 2)
    guard first.negatives.count == second.negatives.count else {
      throw .countMismatch(
        name: "negatives of the second score", found: second.negatives.count,
        expected: first.negatives.count)
    }
    guard first.positives.count == second.positives.count else {
      throw .countMismatch(
        name: "positives of the second score", found: second.positives.count,
        expected: first.positives.count)
    }
    if let reason = shortage(first) { return .notApplicable(reason) }
    guard case .value(let areaOne) = first.areaUnderROC,
      case .value(let areaTwo) = second.areaUnderROC
    else { return .notApplicable("no scores") }
    let one = Placements(first)
    let two = Placements(second)
    let variance =
      one.covariance(with: one) + two.covariance(with: two) - 2 * one.covariance(with: two)
    return .value(AUROCDifference(areaOne - areaTwo, variance: variance, z: z, level: level))
  }

  static func validated(_ level: Double) throws(StatisticsError) -> Double {
    try requireOpenUnit(level, name: "level")
    return level
  }

  private static func shortage(_ scores: BinaryScores) -> String? {
    if let missing = scores.missingClass { return missing }
    if scores.negatives.count < 2 { return "one negative has no variance" }
    return scores.positives.count < 2 ? "one positive has no variance" : nil
  }

  /// For each positive the share of negatives below it, for each negative the share of positives
  /// above it, ties one half.
  struct Placements {
    var positives: [Double]
    var negatives: [Double]

    init(_ scores: BinaryScores) {
      let sortedNegatives = scores.negatives.sorted()
      let sortedPositives = scores.positives.sorted()
      positives = scores.positives.map { Self.shareBelow($0, in: sortedNegatives) }
      negatives = scores.negatives.map { 1 - Self.shareBelow($0, in: sortedPositives) }
    }

    private static func shareBelow(_ score: Double, in sorted: [Double]) -> Double {
      let below = partition(sorted) { $0 < score }
      let notAbove = partition(sorted) { $0 <= score }
      return Double(below + notAbove) / 2 / Double(sorted.count)
    }

    private static func partition(_ sorted: [Double], _ isBefore: (Double) -> Bool) -> Int {
      var low = 0
      var high = sorted.count
      while low < high {
        let middle = (low + high) / 2
        if isBefore(sorted[middle]) { low = middle + 1 } else { high = middle }
      }
      return low
    }

    func covariance(with other: Placements) -> Double {
      Self.covariance(positives, other.positives) / Double(positives.count)
        + Self.covariance(negatives, other.negatives) / Double(negatives.count)
    }

    private static func covariance(_ x: [Double], _ y: [Double]) -> Double {
      let meanX = Summary.mean(of: x)
      let meanY = Summary.mean(of: y)
      let products = zip(x, y).lazy.map { ($0 - meanX) * ($1 - meanY) }
      return products.compensatedSum() / Double(x.count - 1)
    }
  }
}
