public import Basics
public import Retrieval
import Statistics

/// A detector with its calibration and the retriever whose vectors it judges.
public struct CalibratedDetector: Sendable {
  /// The verdict on one document.
  public struct Verdict: Sendable, Equatable {
    /// The score, higher = more suspicious.
    public var score: Double
    /// The conformal p-value among clean units.
    public var pValue: Double
    /// Whether the score is above the threshold.
    public var isFlagged: Bool

    /// A verdict.
    public init(score: Double, pValue: Double, isFlagged: Bool) {
      self.score = score
      self.pValue = pValue
      self.isFlagged = isFlagged
    }
  }

  /// The detector.
  public let detector: any Detector
  /// The clean scores.
  public let calibration: DetectionCalibration
  /// Whose vectors it was learnt from.
  public let retriever: RetrieverIdentity
  /// Whatever else the file should say: corpus, query set, seed, counts.
  public var provenance: JSONObject

  /// A detector with its calibration.
  ///
  /// - Parameters:
  ///   - detector: The detector.
  ///   - calibration: Clean scores of queries it has not seen.
  ///   - retriever: Whose vectors it was learnt from.
  ///   - provenance: What else the file should say.
  public init(
    detector: any Detector, calibration: DetectionCalibration, retriever: RetrieverIdentity,
    provenance: JSONObject = JSONObject()
  ) {
    self.detector = detector
    self.calibration = calibration
    self.retriever = retriever
    self.provenance = provenance
  }

  /// Learns and calibrates.
  ///
  /// - Parameters:
  ///   - name: A name of ``DetectorRegistry``.
  ///   - parameters: Choices by name.
  ///   - anchors: Clean lists to learn from.
  ///   - calibrating: Clean lists of other queries.
  ///   - retriever: Whose vectors they are.
  ///   - provenance: What else the file should say.
  /// - Throws: `UsageError`, `DetectorError`.
  public init(
    fitting name: String, parameters: DetectorParameters = DetectorParameters(),
    to anchors: [DetectionList], calibrating: [DetectionList], retriever: RetrieverIdentity,
    provenance: JSONObject = JSONObject()
  ) throws {
    let detector = try DetectorRegistry.fitted(name, to: anchors, parameters: parameters)
    self.init(
      detector: detector,
      calibration: try DetectionCalibration(scores: try detector.scores(of: calibrating)),
      retriever: retriever, provenance: provenance)
  }

  /// Refuses vectors of another retriever.
  ///
  /// Title separator and instruction set may differ: they change the vectors no more than another
  /// corpus or rounding does.
  ///
  /// - Parameter other: The retriever whose vectors are to be judged.
  /// - Throws: `DetectorError.retriever` with what differs.
  public func check(_ other: RetrieverIdentity) throws {
    let members = [
      ("model", retriever.model, other.model),
      ("model hash", retriever.modelHash, other.modelHash),
      ("dimension", String(retriever.dimension), String(other.dimension)),
      ("similarity", retriever.similarity, other.similarity),
    ]
    for (member, own, found) in members where UTF8Key(own) != UTF8Key(found) {
      throw DetectorError.retriever(member: member, detector: own, found: found)
    }
  }

  /// Judges the subjects of lists.
  ///
  /// - Parameters:
  ///   - lists: Lists of vectors of `retriever`.
  ///   - falsePositiveRate: The nominal rate, between 0 and 1.
  ///   - unit: What the rate counts.
  /// - Returns: One verdict a subject.
  /// - Throws: `DetectorError` if there are too few clean scores for the rate or a list does not fit.
  public func verdicts(
    on lists: [DetectionList], falsePositiveRate: Double, per unit: DetectionCalibration.Unit
  ) throws -> [[Verdict]] {
    let conformal = try calibration.conformal(falsePositiveRate: falsePositiveRate, per: unit)
    return try detector.scores(of: lists).map { scores in
      try scores.map { score in
        Verdict(
          score: score, pValue: try conformal.pValue(of: score),
          isFlagged: score > conformal.threshold)
      }
    }
  }
}
