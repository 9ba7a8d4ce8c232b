/// How the scores of each cluster stand among those of the other class: all that the sampling error of
/// an area needs when the units of a cluster are not independent.
public struct ClusteredPlacements: Sendable, Equatable {
  /// The area under the ROC curve; not applicable without both classes.
  public let area: Applicable<Double>
  /// Sums over each cluster of the deviations from the area: shares of negatives below its positives,
  /// and shares of positives above its negatives.
  fileprivate let positives: [Double]
  fileprivate let negatives: [Double]
  fileprivate let positiveCounts: [Int]
  fileprivate let negativeCounts: [Int]

  /// Places the scores of clusters.
  ///
  /// - Parameters:
  ///   - negatives: The scores of each cluster's negatives; a cluster may have none.
  ///   - positives: The scores of each cluster's positives, in the same order of clusters.
  /// - Throws: `StatisticsError.nonFinite`; `.countMismatch` if there are not as many clusters.
  public init(
    negatives: [[Double]], positives: [[Double]]
  ) throws(StatisticsError) {
    guard negatives.count == positives.count else {
      throw .countMismatch(
        name: "clusters of positives", found: positives.count, expected: negatives.count)
    }
    let scores = try BinaryScores(
      negatives: negatives.flatMap(\.self), positives: positives.flatMap(\.self))
    area = scores.areaUnderROC
    positiveCounts = positives.map(\.count)
    negativeCounts = negatives.map(\.count)
    guard let area = scores.areaUnderROC.value else {
      self.positives = positives.map { _ in 0 }
      self.negatives = self.positives
      return
    }
    let placements = DeLong.Placements(scores)
    self.positives = Self.sums(placements.positives, positiveCounts, about: area)
    self.negatives = Self.sums(placements.negatives, negativeCounts, about: area)
  }

  /// Whether every cluster has as many units of each class.
  public func hasSameCounts(as other: ClusteredPlacements) -> Bool {
    negativeCounts == other.negativeCounts && positiveCounts == other.positiveCounts
  }

  private static func sums(_ values: [Double], _ counts: [Int], about area: Double) -> [Double] {
    var start = 0
    return counts.map { count in
      defer { start += count }
      return values[start..<start + count].lazy.map { $0 - area }.compensatedSum()
    }
  }
}

extension DeLong {
  /// The difference between two scores of the same units when units come in clusters, such as the
  /// documents of one query.
  ///
  /// The placements of a cluster are summed before their variance is taken, and positives and negatives
  /// of one cluster covary. With clusters of one unit it is DeLong's own variance.
  ///
  /// - Parameters:
  ///   - first: The clusters under the first score.
  ///   - second: The same clusters with the same numbers of units under the second score.
  ///   - level: The nominal coverage, between 0 and 1.
  /// - Returns: Not applicable where fewer than two clusters have units of a class.
  /// - Throws: `StatisticsError.countMismatch` if the clusters differ in size, `.outOfRange` for a
  ///   level outside the open unit interval.
  /// - SeeAlso: Obuchowski 1997, Nonparametric analysis of clustered ROC curve data.
  public static func difference(
    _ first: ClusteredPlacements, _ second: ClusteredPlacements, level: Double = 0.95
  ) throws(StatisticsError) -> Applicable<AUROCDifference> {
    let z = try NormalDistribution.quantile(0.5 + validated(level) / 2)
    for (name, one, two) in [
      ("negatives", first.negativeCounts, second.negativeCounts),
      ("positives", first.positiveCounts, second.positiveCounts),
    ] where one != two {
      throw .countMismatch(
        name: "\(name) of the second score in each cluster", found: two.reduce(0, +),
        expected: one.reduce(0, +))
    }
    guard let areaOne = first.area.value, let areaTwo = second.area.value else {
      return .notApplicable(first.area.reason ?? second.area.reason ?? "no scores")
    }
    let withPositives = first.positiveCounts.count { $0 > 0 }
    let withNegatives = first.negativeCounts.count { $0 > 0 }
    guard withPositives > 1, withNegatives > 1 else {
      return .notApplicable("one cluster has no variance")
    }
    let positives = zip(first.positives, second.positives).map { $0 - $1 }
    let negatives = zip(first.negatives, second.negatives).map { $0 - $1 }
    func sum(_ x: [Double], _ y: [Double]) -> Double {
      zip(x, y).lazy.map { $0 * $1 }.compensatedSum()
    }
    func corrected(_ clusters: Int) -> Double { Double(clusters) / Double(clusters - 1) }
    let m = Double(first.positiveCounts.reduce(0, +))
    let n = Double(first.negativeCounts.reduce(0, +))
    let variance =
      corrected(withPositives) * sum(positives, positives) / (m * m)
      + corrected(withNegatives) * sum(negatives, negatives) / (n * n)
      + corrected(positives.count) * 2 * sum(positives, negatives) / (m * n)
    return .value(AUROCDifference(areaOne - areaTwo, variance: variance, z: z, level: level))
  }
}

extension AUROCDifference {
  /// A difference with its estimated variance; rounding may leave −1e-20 where the scores rank alike.
  init(_ value: Double, variance: Double, z: Double, level: Double) {
    let error = max(0, variance).squareRoot()
    self.init(
      value: value, standardError: error,
      interval: Interval(lower: value - z * error, upper: value + z * error, level: level),
      pValue: error > 0
        ? .value(min(1, 2 * NormalDistribution.cumulative(-(value / error).magnitude)))
        : .notApplicable("the difference has no estimated variance"))
  }
}
