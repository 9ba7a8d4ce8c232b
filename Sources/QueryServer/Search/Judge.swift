import Basics
import Defenses
import Evaluation
import Retrieval
import Statistics

/// A detector at work: verdicts on passages in their lists.
///
/// A detector judges a document among those retrieved with it. It was fitted on lists of ten, so the
/// first ten of a ranking are judged as one list; each passage behind them is judged as if it stood
/// in the tenth place.
struct Judge: Sendable {
  /// Passages in a list.
  static let listLength = AttackExperiment.listLength

  /// The detector.
  let detector: CalibratedDetector
  /// Scores of clean lists, with the threshold.
  let conformal: ConformalCalibration
  /// What the rate of false alarms counts.
  let unit: DetectionCalibration.Unit

  /// A detector with the share of clean units that it may flag.
  ///
  /// - Parameters:
  ///   - detector: Fitted on the retriever's vectors.
  ///   - falsePositiveRate: The nominal rate, between 0 and 1.
  ///   - unit: What it counts.
  /// - Throws: `DetectorError` if there are too few clean scores for the rate.
  init(
    _ detector: CalibratedDetector, falsePositiveRate: Double, per unit: DetectionCalibration.Unit
  ) throws {
    self.detector = detector
    self.unit = unit
    conformal = try detector.calibration.conformal(
      falsePositiveRate: falsePositiveRate, per: unit)
  }

  /// The detector's name.
  var name: String { type(of: detector.detector).metadata.name }

  /// Verdicts on the subjects of lists; a list that cannot be judged gives none, with the reason.
  func verdicts(
    on lists: [DetectionList]
  ) throws -> [Result<[CalibratedDetector.Verdict], DetectorError>] {
    do {
      return try detector.detector.scores(of: lists).map { .success(try verdicts(for: $0)) }
    } catch let error as DetectorError {
      guard lists.count > 1 else { return lists.map { _ in .failure(error) } }
      // One of them cannot be judged; the others can.
      return try lists.flatMap { try verdicts(on: [$0]) }
    }
  }

  private func verdicts(for scores: [Double]) throws -> [CalibratedDetector.Verdict] {
    try scores.map { score in
      CalibratedDetector.Verdict(
        score: score, pValue: try conformal.pValue(of: score),
        isFlagged: score > conformal.threshold)
    }
  }

  /// Why a passage was flagged, for a reader.
  func reason(_ verdict: CalibratedDetector.Verdict) -> String {
    let what =
      unit == .query
      ? "of clean questions have any passage scoring so high" : "of clean passages score so high"
    return "\(name) score \(Format.decimals(verdict.score, 3)) is above the threshold"
      + " \(Format.decimals(conformal.threshold, 3)): at most \(Format.percent(verdict.pValue))"
      + " \(what) (conformal p-value \(Format.decimals(verdict.pValue, 4)))"
  }

  /// Detector, level and threshold as JSON.
  var json: JSONObject {
    [
      "detector": .string(name), "falsePositiveRate": .number(conformal.falsePositiveRate),
      "per": .string(unit.rawValue), "threshold": .number(conformal.threshold),
      "calibrationScores": JSONValue(conformal.scores.count),
      "provenance": .object(detector.provenance),
    ]
  }
}
