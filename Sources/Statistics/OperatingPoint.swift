/// Detection at one threshold: a score above the threshold is flagged.
///
/// The threshold comes from clean scores only. Whether from the clean scores of the test itself or
/// from others is part of the result, because the first flatters.
public struct OperatingPoint: Sendable, Equatable {
  /// Where the threshold comes from.
  public enum Source: Sendable, Equatable {
    /// The negatives of the test set itself.
    case inSample
    /// A separate clean set of so many units, by split conformal calibration.
    case heldOut(units: Int)
  }

  /// The false positive rate that was asked for.
  public let nominalFalsePositiveRate: Double
  /// The threshold.
  public let threshold: Double
  /// Where the threshold comes from.
  public let source: Source
  /// Flagged positives among the positives: the true positive rate.
  public let truePositives: Proportion
  /// Flagged negatives among the negatives: the observed false positive rate.
  public let falsePositives: Proportion

  /// The true positive rate at a false positive rate, the threshold taken from the test negatives.
  ///
  /// The threshold is the smallest negative score such that the share of negatives above it does
  /// not exceed the rate.
  ///
  /// - Parameters:
  ///   - scores: Both classes; without positives the true positive rate is not applicable.
  ///   - falsePositiveRate: Between 0 and 1.
  /// - Returns: Not applicable with fewer than 1/rate negatives, where not even one flag is allowed.
  /// - Throws: `StatisticsError.outOfRange` for a rate outside the open unit interval.
  public static func inSample(
    _ scores: BinaryScores, falsePositiveRate: Double
  ) throws(StatisticsError) -> Applicable<OperatingPoint> {
    // m calibration units allow ⌊(m+1)α⌋ flags; a sample that judges itself allows ⌊mα⌋, which is
    // the conformal rank of one unit fewer.
    let needed = try ConformalCalibration.minimumUnits(falsePositiveRate: falsePositiveRate) + 1
    guard scores.negatives.count >= needed else {
      return .notApplicable(
        "\(scores.negatives.count) negatives, a false positive rate of \(falsePositiveRate) "
          + "needs \(needed)")
    }
    let rank = try ConformalCalibration.rank(
      units: scores.negatives.count - 1, falsePositiveRate: falsePositiveRate)
    let threshold = scores.negatives.sorted()[rank - 1]
    return .value(
      OperatingPoint(
        scores, threshold: threshold, source: .inSample, nominal: falsePositiveRate))
  }

  /// The rates at the threshold of a calibration on other clean units.
  ///
  /// - Parameters:
  ///   - scores: The test scores of both classes; a class without scores has no rate.
  ///   - calibration: Made from clean units that are not in `scores`.
  /// - Returns: The operating point.
  public static func heldOut(
    _ scores: BinaryScores, calibration: ConformalCalibration
  ) -> OperatingPoint {
    OperatingPoint(
      scores, threshold: calibration.threshold, source: .heldOut(units: calibration.scores.count),
      nominal: calibration.falsePositiveRate)
  }

  private init(_ scores: BinaryScores, threshold: Double, source: Source, nominal: Double) {
    nominalFalsePositiveRate = nominal
    self.threshold = threshold
    self.source = source
    truePositives = Proportion(counting: scores.positives.lazy.map { $0 > threshold })
    falsePositives = Proportion(counting: scores.negatives.lazy.map { $0 > threshold })
  }
}
