public import Basics
public import Defenses
import Statistics

extension DetectionReport {
  /// A document of the test queries' lists that a detector flags, once however many lists it stands in.
  public struct Flag: Sendable, Equatable {
    /// The query set.
    public var querySet: String
    /// The detector with its choices.
    public var detector: DetectorChoice
    /// The document's id.
    public var document: String
    /// The kind of its payload; nil for a clean document, which is a false alarm.
    public var payloadKind: String?
    /// The query in whose list its score is the greatest.
    public var query: String
    /// In how many lists it is flagged.
    public var lists: Int
    /// The greatest score.
    public var score: Double
    /// The threshold.
    public var threshold: Double
    /// The share of clean documents that the threshold was set for.
    public var nominal: Double
    /// The conformal p-value of the score among clean documents.
    public var pValue: Double

    /// The flag as JSON, without the place of the document.
    public var json: JSONObject {
      [
        "set": .string(querySet), "detector": .string(detector.text),
        "document": .string(document), "payload": payloadKind.map { .string($0) } ?? .null,
        "query": .string(query), "lists": JSONValue(lists), "score": .number(score),
        "threshold": .number(threshold), "nominal": .number(nominal), "pValue": .number(pValue),
      ]
    }
  }

  /// All flags, by query set and detector.
  public var flags: [Flag] { fits.flatMap(\.flags) }
}

extension DetectionTest {
  /// What is flagged at the largest nominal rate, a share of clean documents; nothing where there are too
  /// few to calibrate with.
  ///
  /// - Parameters:
  ///   - querySet: The name of the set.
  ///   - choice: The detector.
  /// - Returns: Clean documents in the order of the lists, then poisoned ones.
  /// - Throws: `DetectorError`.
  func flags(_ querySet: String, _ choice: DetectorChoice) throws -> [DetectionReport.Flag] {
    guard let rate = settings.falsePositiveRates.max(),
      let conformal = try? calibrated.calibration.conformal(falsePositiveRate: rate, per: .pair)
    else { return [] }
    var flags: [DetectionReport.Flag] = []
    var positions: [UTF8Key: Int] = [:]
    func add(_ list: DetectionList, _ scores: [Double], _ payload: String?) throws {
      for (subject, score) in zip(list.subjects, scores) where score > conformal.threshold {
        let document = list.candidates[subject].id
        let position = positions[UTF8Key(document)]
        if let position { flags[position].lists += 1 }
        if let position, flags[position].score >= score { continue }
        let flag = DetectionReport.Flag(
          querySet: querySet, detector: choice, document: document, payloadKind: payload,
          query: list.query.id, lists: position.map { flags[$0].lists } ?? 1, score: score,
          threshold: conformal.threshold, nominal: rate, pValue: try conformal.pValue(of: score))
        if let position {
          flags[position] = flag
        } else {
          positions[UTF8Key(document)] = flags.count
          flags.append(flag)
        }
      }
    }
    for (question, scores) in zip(questions, cleanScores) {
      try add(dataset.questions[question].clean, scores, nil)
    }
    for (document, scores) in zip(poison, poisonScores) {
      try add(document.list, scores, document.payloadKind)
    }
    return flags
  }
}
