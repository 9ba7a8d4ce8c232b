import Basics
public import Statistics

/// Clean scores of queries that the detector has not seen, and the thresholds they give.
///
/// The exchangeable unit is the query: the documents of one query are not independent. With one score
/// a query, the largest of its list, the rate of clean queries with any flag is at most α. With one
/// score a document the rate is α on average, without the guarantee at a finite number.
///
/// - SeeAlso: rag-poisoning specification, sections 5.2 and 5.6.
public struct DetectionCalibration: Sendable, Equatable {
  /// What the nominal false positive rate counts.
  public enum Unit: String, Sendable, CaseIterable {
    /// Clean queries of which any document is flagged.
    case query
    /// Clean documents that are flagged.
    case pair
  }

  /// The largest score of each clean list, ascending.
  public let queryScores: [Double]
  /// The score of each clean document, ascending.
  public let pairScores: [Double]

  /// A calibration from the clean scores of whole lists.
  ///
  /// - Parameter scores: The scores of each list; a list without documents counts for nothing.
  /// - Throws: `DetectorError.fit` for a score that is not finite.
  public init(scores: [[Double]]) throws {
    try self.init(queryScores: scores.compactMap { $0.max() }, pairScores: scores.flatMap(\.self))
  }

  init(queryScores: [Double], pairScores: [Double]) throws {
    guard (queryScores + pairScores).allSatisfy(\.isFinite) else {
      throw DetectorError.fit(
        detector: "calibration", reason: "a clean score is not a finite number")
    }
    self.queryScores = queryScores.sorted()
    self.pairScores = pairScores.sorted()
  }

  /// The conformal threshold at a nominal rate.
  ///
  /// - Parameters:
  ///   - falsePositiveRate: The nominal rate α, between 0 and 1.
  ///   - unit: What it counts.
  /// - Returns: The threshold with its p-values and the distribution of clean flags.
  /// - Throws: `DetectorError.anchors` with the number needed, ⌈1/α⌉ − 1 units; `UsageError` for
  ///   another rate.
  public func conformal(
    falsePositiveRate: Double, per unit: Unit
  ) throws -> ConformalCalibration {
    do {
      return try ConformalCalibration(
        scores: unit == .query ? queryScores : pairScores, falsePositiveRate: falsePositiveRate)
    } catch .tooFew(_, let found, let needed) {
      throw DetectorError.anchors(
        found: found, needed: needed,
        what: (unit == .query ? "clean queries" : "clean documents")
          + " to calibrate a false positive rate of \(falsePositiveRate) with")
    } catch {
      throw UsageError(error.description)
    }
  }
}
