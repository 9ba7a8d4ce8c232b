import Basics
public import Statistics

/// A detector at work: verdicts on the passages of a ranking.
///
/// A detector judges a document among those retrieved with it, and was fitted on lists of
/// ``listLength``. So the first passages of a ranking are judged as one list; each passage behind them
/// is judged as if it stood in the last place of that list.
public struct ListJudge: Sendable {
  /// A verdict, or why there is none.
  public typealias Judgement = Result<CalibratedDetector.Verdict, DetectorError>

  /// Passages of the lists that detectors are fitted on.
  public static let listLength = 10

  /// The detector.
  public let detector: CalibratedDetector
  /// Scores of clean lists, with the threshold.
  public let conformal: ConformalCalibration
  /// What the rate of false alarms counts.
  public let unit: DetectionCalibration.Unit

  /// A detector with the share of clean units that it may flag.
  ///
  /// - Parameters:
  ///   - detector: Fitted on the retriever's vectors.
  ///   - falsePositiveRate: The nominal rate, between 0 and 1.
  ///   - unit: What it counts.
  /// - Throws: `DetectorError` if there are too few clean scores for the rate.
  public init(
    _ detector: CalibratedDetector, falsePositiveRate: Double, per unit: DetectionCalibration.Unit
  ) throws {
    self.detector = detector
    self.unit = unit
    conformal = try detector.calibration.conformal(
      falsePositiveRate: falsePositiveRate, per: unit)
  }

  /// The detector's name.
  public var name: String { type(of: detector.detector).metadata.name }

  /// Verdicts on the subjects of lists; a list that cannot be judged gives none, with the reason.
  ///
  /// - Parameter lists: Any number.
  /// - Returns: One a list.
  /// - Throws: What is no fault of a single list.
  public func verdicts(
    on lists: [DetectionList]
  ) throws -> [Result<[CalibratedDetector.Verdict], DetectorError>] {
    do {
      return try detector.scores(of: lists).map { .success(try verdicts(for: $0)) }
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

  /// Verdicts on a ranking.
  ///
  /// - Parameters:
  ///   - ranking: Passages, best first.
  ///   - query: The question.
  ///   - range: Which of them; nil takes all. The first list is what they are judged in, wherever they
  ///     stand.
  /// - Returns: One a passage of the range; a passage that cannot be judged has the reason instead.
  /// - Throws: `DetectorError.list` for a passage of another dimension; what is no fault of a list.
  public func verdicts(
    on ranking: [DetectionCandidate], for query: DetectionQuery, range: Range<Int>? = nil
  ) throws -> [Judgement] {
    let range = range ?? 0..<ranking.count
    guard !range.isEmpty else { return [] }
    // Best first by similarity, whatever the ranking is by.
    let head = ranking.indices.prefix(Self.listLength).sorted {
      (ranking[$1].similarity, $0) < (ranking[$0].similarity, $1)
    }
    let context = head.map { ranking[$0] }
    var lists: [DetectionList] = []
    var positions: [[Int]] = []
    let inHead = head.indices.filter { range.contains(head[$0]) }
    if !inHead.isEmpty {
      lists.append(try DetectionList(query: query, candidates: context, subjects: inHead))
      positions.append(inHead.map { head[$0] })
    }
    for position in range where position >= Self.listLength {
      let candidates = context.prefix(Self.listLength - 1) + [ranking[position]]
      lists.append(
        try DetectionList(
          query: query, candidates: Array(candidates), subjects: [candidates.count - 1]))
      positions.append([position])
    }
    var judgements = [Judgement?](repeating: nil, count: ranking.count)
    for (positions, result) in zip(positions, try verdicts(on: lists)) {
      switch result {
      case .success(let verdicts):
        for (position, verdict) in zip(positions, verdicts) {
          judgements[position] = .success(verdict)
        }
      case .failure(let error):
        for position in positions { judgements[position] = .failure(error) }
      }
    }
    return range.compactMap { judgements[$0] }
  }

  /// Why a passage was flagged, for a reader.
  public func reason(_ verdict: CalibratedDetector.Verdict) -> String {
    let what =
      unit == .query
      ? "of clean questions have any passage scoring so high" : "of clean passages score so high"
    return "\(name) score \(Format.decimals(verdict.score, 3)) is above the threshold"
      + " \(Format.decimals(conformal.threshold, 3)): at most \(Format.percent(verdict.pValue))"
      + " \(what) (conformal p-value \(Format.decimals(verdict.pValue, 4)))"
  }
}
