public import Defenses
public import Statistics

/// What a detection experiment found. It depends on the data, the settings and the seed alone.
public struct DetectionReport: Sendable {
  /// The settings.
  public var settings: DetectionProtocol
  /// One entry for each query set and detector.
  public var fits: [Fit]
  /// Detectors that the clean passages of a query set do not determine.
  public var unfitted: [Unfitted] = []

  /// A detector that is not applicable to a query set.
  public struct Unfitted: Sendable, Equatable {
    /// The query set.
    public var querySet: String
    /// The detector's name.
    public var detector: String
    /// Why it cannot be fitted.
    public var reason: String
  }

  /// One detector on one query set.
  public struct Fit: Sendable {
    /// The query set.
    public var querySet: String
    /// The detector's name.
    public var detector: String
    /// Its choices that are not the defaults.
    public var parameters: DetectorParameters
    /// What the fit found, name and value.
    public var summary: [(name: String, value: String)]
    /// How many questions were in each part.
    public var questions: Parts
    /// What happens to clean documents of test queries, one entry for each nominal rate and unit.
    public var falsePositives: [FalsePositives]
    /// One entry for each payload kind, kind of positive and kind of negative.
    public var cells: [Cell]
    /// The documents that are flagged; not in the figures, but a file of their own.
    public var flags: [Flag] = []
  }

  /// Numbers of questions.
  public struct Parts: Sendable, Equatable {
    /// Learnt from.
    public var fit: Int
    /// Calibrated with.
    public var calibrate: Int
    /// Tested on.
    public var test: Int
    /// Questions that stand in a group of near-duplicates, in all parts.
    public var nearDuplicates: Int
  }

  /// Clean documents of test queries above a threshold.
  public struct FalsePositives: Sendable {
    /// The nominal rate.
    public var nominal: Double
    /// What the rate counts.
    public var unit: DetectionCalibration.Unit
    /// The threshold, or why there is none.
    public var threshold: Applicable<Double>
    /// Flagged clean documents with an interval over queries.
    public var pairRate: Applicable<BootstrapEstimate>
    /// Queries of which any clean document is flagged.
    public var queries: Proportion
    /// Between which counts 95 % of honest splits leave that number, for a threshold per query.
    public var expectedQueries: ClosedRange<Int>?
  }

  /// Which poisoned documents count.
  public enum Positives: String, Sendable, CaseIterable {
    /// All of them.
    case all
    /// Those that a user would see: among the best K.
    case reached
  }

  /// What they are compared with.
  public enum Negatives: String, Sendable, CaseIterable {
    /// The clean top k of the test queries, which the user would really see.
    case hard
    /// Random passages.
    case easy
  }

  /// Poison of one kind against clean documents of one kind.
  public struct Cell: Sendable {
    /// The kind of payload.
    public var payloadKind: String
    /// Which poisoned documents count.
    public var positives: Positives
    /// What they are compared with.
    public var negatives: Negatives
    /// How many poisoned documents there are.
    public var positiveCount: Int
    /// How many clean ones.
    public var negativeCount: Int
    /// The area under the ROC curve with an interval over queries.
    public var areaUnderROC: Applicable<BootstrapEstimate>
    /// Average precision with an interval over queries.
    public var averagePrecision: Applicable<BootstrapEstimate>
    /// True positive rates at the thresholds of `falsePositives`, in its order. They do not depend on
    /// the negatives and stand with the hard ones only.
    public var truePositives: [TruePositives]
    /// For poison that reached the user against the clean top k: what to draw; else nil.
    public var drawing: Drawing?
    /// Where the scores of the same documents stand, to compare detectors by; else nil.
    var placements: ClusteredPlacements?
    /// The area less that of each simple detector of the run; empty for those themselves.
    public var comparisons: [Comparison] = []
  }

  /// A ROC curve and two histograms, in few numbers.
  public struct Drawing: Sendable, Equatable {
    /// False positive rates at which curves are read.
    public static let falsePositiveRates = [
      0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6,
      0.8, 1,
    ]
    /// The true positive rate at each of ``falsePositiveRates``: the best threshold that flags no
    /// larger share of clean documents.
    public var truePositiveRates: [Double]
    /// The first and the last edge of the histograms: all scores lie between them.
    public var range: ClosedRange<Double>
    /// Clean documents in each bin.
    public var clean: [Int]
    /// Poisoned documents in each bin.
    public var poison: [Int]
  }

  /// Poisoned documents above a threshold.
  public struct TruePositives: Sendable {
    /// The nominal false positive rate.
    public var nominal: Double
    /// What the rate counts.
    public var unit: DetectionCalibration.Unit
    /// Flagged ones among all; without a threshold not applicable.
    public var found: Applicable<Proportion>
    /// Wilson's interval, or over queries where a query has several poisoned documents.
    public var interval: Applicable<Interval>
    /// Test queries with a poisoned document that reached the user unflagged, among all that were
    /// attacked: what is left to the attacker. Nil where all poison counts, reached or not.
    public var evading: Applicable<Proportion>?
  }
}
