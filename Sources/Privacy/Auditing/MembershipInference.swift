import Glibc
public import Statistics

/// How well a score tells members of the training data from others, beside what ε allows.
public struct MembershipInference: Sendable {
  /// The true positive rate at a false positive rate.
  public struct Rate: Sendable {
    /// The false positive rate, by a threshold from the non-members themselves.
    public let falsePositiveRate: Double
    /// Members above the threshold; not applicable with too few non-members.
    public let truePositiveRate: Applicable<BootstrapEstimate>
    /// `e^ε · FPR + δ`, at most 1: no attack on an (ε, δ)-private model does better.
    public let ceiling: Double
  }

  /// Area under the ROC curve with its bootstrap interval.
  public let area: Applicable<BootstrapEstimate>
  /// The largest mean of true positive and true negative rate over all thresholds.
  public let balancedAccuracy: Applicable<Double>
  /// At each false positive rate.
  public let rates: [Rate]

  /// Compares scores.
  ///
  /// - Parameters:
  ///   - members: scores of records that were in, higher = rather in; finite.
  ///   - others: scores of records of the same kind that were not.
  ///   - epsilon: ε of the model; infinite without a guarantee.
  ///   - delta: δ.
  ///   - falsePositiveRates: where the true positive rate is told.
  ///   - resamples: of the bootstrap, at least 1,000; records are drawn, members and others together.
  ///   - generator: the source of randomness.
  /// - Throws: `StatisticsError` for a score that is not finite, or settings out of range.
  public init(
    members: [Double], others: [Double], epsilon: Double, delta: Double,
    falsePositiveRates: [Double] = [0.001, 0.01], resamples: Int = 1000,
    using generator: inout some RandomNumberGenerator
  ) throws {
    let scores = try BinaryScores(negatives: others, positives: members)
    func resampled(
      _ statistic: (BinaryScores) throws -> Double?
    ) throws -> Applicable<BootstrapEstimate> {
      try Bootstrap.resampling(
        members.count + others.count, resamples: resamples, using: &generator
      ) { units in
        try statistic(
          BinaryScores(
            negatives: units.filter { $0 >= members.count }.map { others[$0 - members.count] },
            positives: units.filter { $0 < members.count }.map { members[$0] }))
      }
    }
    area = try resampled { $0.areaUnderROC.value }
    balancedAccuracy = ROCCurve.of(scores).map { curve in
      curve.points.map { 0.5 * (1 + $0.truePositiveRate - $0.falsePositiveRate) }.max() ?? 0.5
    }
    rates = try falsePositiveRates.map { rate in
      Rate(
        falsePositiveRate: rate,
        truePositiveRate: try resampled { scores in
          try OperatingPoint.inSample(scores, falsePositiveRate: rate).value?
            .truePositives.rate.value
        }, ceiling: min(1, exp(epsilon) * rate + delta))
    }
  }
}
