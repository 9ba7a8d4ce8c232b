import Glibc

/// Split conformal calibration of an anomaly score: the threshold and what it guarantees.
///
/// A unit is flagged when its score is above the threshold. For exchangeable clean units the
/// probability of a flag is at most `falsePositiveRate`, at any finite number of units.
///
/// - SeeAlso: Vovk, Gammerman and Shafer 2005; rag-poisoning specification, sections 5.2 and 5.6:
///   the exchangeable unit is the query, with the largest score among its clean top k.
public struct ConformalCalibration: Sendable, Equatable {
  /// The calibration scores, ascending.
  public let scores: [Double]
  /// The nominal false positive rate.
  public let falsePositiveRate: Double
  /// The rank, from 1, of the score that serves as threshold: ⌈(m+1)(1−α)⌉.
  public let rank: Int

  /// The threshold: a score above it is flagged.
  public var threshold: Double { scores[rank - 1] }

  /// A calibration from clean scores.
  ///
  /// - Parameters:
  ///   - scores: One score a clean unit, in any order, higher = more suspicious.
  ///   - falsePositiveRate: The nominal rate α, between 0 and 1.
  /// - Throws: `StatisticsError.tooFew` if no finite threshold keeps the rate (m < 1/α − 1),
  ///   `.nonFinite` with the index of a score that is not finite, `.outOfRange` for another α.
  public init(scores: [Double], falsePositiveRate: Double) throws(StatisticsError) {
    try requireFinite(scores, name: "calibration scores")
    let rank = try Self.rank(units: scores.count, falsePositiveRate: falsePositiveRate)
    self.scores = scores.sorted()
    self.falsePositiveRate = falsePositiveRate
    self.rank = rank
  }

  /// The smallest number of calibration units for which a finite threshold exists.
  ///
  /// - Parameter falsePositiveRate: The nominal rate α, between 0 and 1.
  /// - Returns: ⌈1/α⌉ − 1: 19 for 0.05, 99 for 0.01.
  /// - Throws: `StatisticsError.outOfRange` for another α.
  public static func minimumUnits(falsePositiveRate: Double) throws(StatisticsError) -> Int {
    try requireOpenUnit(falsePositiveRate, name: "false positive rate")
    let inverse = 1 / falsePositiveRate
    guard inverse < 1e15 else {
      throw .outOfRange(
        name: "false positive rate", value: "\(falsePositiveRate)", expected: "at least 1e-15")
    }
    return Int(ceilOfDecimal(inverse)) - 1
  }

  /// The rank of the threshold among `units` scores in ascending order, from 1.
  ///
  /// - Parameters:
  ///   - units: The number of calibration units m.
  ///   - falsePositiveRate: The nominal rate α, between 0 and 1.
  /// - Returns: ⌈(m+1)(1−α)⌉, at most m.
  /// - Throws: `StatisticsError.tooFew` if the rank would be m+1, `.outOfRange` for another α.
  public static func rank(
    units: Int, falsePositiveRate: Double
  ) throws(StatisticsError) -> Int {
    let needed = try minimumUnits(falsePositiveRate: falsePositiveRate)
    guard units >= needed else {
      throw .tooFew(
        name: "calibration units for a false positive rate of \(falsePositiveRate)",
        found: units, needed: needed)
    }
    // m + 1 − ⌊(m+1)α⌋ is the same number, and 100 × 0.29 then counts as 29.
    let allowed = Int(-ceilOfDecimal(-Double(units + 1) * falsePositiveRate))
    return min(units, max(1, units + 1 - allowed))
  }

  /// Rounds up, taking a number within a few units in the last place of an integer as that integer.
  private static func ceilOfDecimal(_ value: Double) -> Double {
    let nearest = value.rounded()
    return (value - nearest).magnitude <= 4 * value.ulp ? nearest : value.rounded(.up)
  }

  /// The conformal p-value (1 + number of calibration scores at least `score`) / (m + 1).
  ///
  /// - Parameter score: A finite score of a new unit.
  /// - Returns: From 1/(m+1) to 1; at most α whenever the unit is flagged.
  /// - Throws: `StatisticsError.nonFinite` for a score that is not finite.
  public func pValue(of score: Double) throws(StatisticsError) -> Double {
    try requireFinite(CollectionOfOne(score), name: "score")
    var low = 0
    var high = scores.count
    while low < high {
      let middle = (low + high) / 2
      if scores[middle] < score { low = middle + 1 } else { high = middle }
    }
    return Double(1 + scores.count - low) / Double(scores.count + 1)
  }

  /// How many of `units` clean test units are flagged, when scores are continuous.
  ///
  /// The true false positive rate of a calibration varies as Beta(m+1−k, k) for rank k, so the
  /// count is beta-binomial. Tied scores flag fewer.
  ///
  /// - Parameter units: The number of test units.
  /// - Returns: The distribution of the number of flags.
  /// - Throws: `StatisticsError.outOfRange` for a negative number of units.
  public func flags(among units: Int) throws(StatisticsError) -> BetaBinomialDistribution {
    try BetaBinomialDistribution(
      trials: units, alpha: Double(scores.count + 1 - rank), beta: Double(rank))
  }
}
