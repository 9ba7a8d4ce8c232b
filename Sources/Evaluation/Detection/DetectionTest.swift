import Basics
import Defenses
import Statistics

/// A calibrated detector on the test queries of one set.
struct DetectionTest {
  let settings: DetectionProtocol
  let dataset: DetectionDataset
  /// Positions of the test queries.
  let questions: [Int]
  let calibrated: CalibratedDetector
  /// Draws of the test queries; the same for every detector.
  let resamples: Resamples
  /// The scores of their clean lists.
  let cleanScores: [[Double]]
  /// The poison that is aimed at them, or what an adaptive attacker chose of it.
  let poison: [DetectionDataset.Poison]
  /// Its scores.
  let poisonScores: [[Double]]

  init(
    settings: DetectionProtocol, dataset: DetectionDataset, questions: [Int],
    calibrated: CalibratedDetector, resamples: Resamples
  ) throws {
    self.settings = settings
    self.dataset = dataset
    self.questions = questions
    self.calibrated = calibrated
    self.resamples = resamples
    cleanScores = try calibrated.scores(of: questions.map { dataset.questions[$0].clean })
    let tested = Set(questions)
    let aimed = dataset.poison.filter { tested.contains($0.question) }
    let scores = try calibrated.scores(of: aimed.map(\.list))
    let chosen =
      settings.attacker == .adaptive
      ? Self.chosen(aimed, scores, reach: settings.reach) : Array(aimed.indices)
    poison = chosen.map { aimed[$0] }
    poisonScores = chosen.map { scores[$0] }
  }

  private struct Threshold {
    var nominal: Double
    var unit: DetectionCalibration.Unit
    var conformal: Applicable<ConformalCalibration>
  }

  private func thresholds() throws -> [Threshold] {
    try DetectionCalibration.Unit.allCases.flatMap { unit in
      try settings.falsePositiveRates.map { rate in
        let conformal: Applicable<ConformalCalibration>
        do {
          conformal = .value(
            try calibrated.calibration.conformal(falsePositiveRate: rate, per: unit))
        } catch let error as DetectorError {
          conformal = .notApplicable(error.description)
        }
        return Threshold(nominal: rate, unit: unit, conformal: conformal)
      }
    }
  }

  /// What happens to clean documents.
  func falsePositives() throws -> [DetectionReport.FalsePositives] {
    try thresholds().map { threshold in
      let conformal = threshold.conformal.value
      let limit = conformal?.threshold ?? .infinity
      let clusters = cleanScores.map { list in Proportion(counting: list.lazy.map { $0 > limit }) }
      let judged = cleanScores.filter { !$0.isEmpty }
      return DetectionReport.FalsePositives(
        nominal: threshold.nominal, unit: threshold.unit,
        threshold: threshold.conformal.map(\.threshold),
        pairRate: conformal == nil
          ? .notApplicable(threshold.conformal.reason ?? "no threshold")
          : try Bootstrap.clusteredRate(clusters, over: resamples),
        queries: Proportion(counting: judged.lazy.map { $0.contains { $0 > limit } }),
        expectedQueries: threshold.unit == .query
          ? try conformal?.flags(among: judged.count).centralInterval() : nil)
    }
  }

  /// Poison of each kind against clean documents of each kind.
  func cells() throws -> [DetectionReport.Cell] {
    let place = Dictionary(uniqueKeysWithValues: questions.enumerated().map { ($1, $0) })
    let easy = try questions.map { question in
      try settings.passages(for: question, of: dataset).map {
        try dataset.list(of: $0, for: question)
      }
    }
    let easyScores = try easy.map { try calibrated.scores(of: $0).flatMap(\.self) }
    let negatives: [(DetectionReport.Negatives, [[Double]])] =
      [(.hard, cleanScores)] + (easyScores.allSatisfy(\.isEmpty) ? [] : [(.easy, easyScores)])
    let thresholds = try thresholds()
    return try dataset.payloadKinds.flatMap { kind in
      try DetectionReport.Positives.allCases.flatMap { which in
        var positives = [[Double]](repeating: [], count: questions.count)
        for (document, scores) in zip(poison, poisonScores)
        where document.payloadKind == kind && (which == .all || document.rank <= settings.reach) {
          if let question = place[document.question] { positives[question] += scores }
        }
        let attacked = Set(poison.lazy.filter { $0.payloadKind == kind }.map(\.question)).count
        return try negatives.map { name, negatives in
          try cell(
            kind, which, name, positives: positives, negatives: negatives, attacked: attacked,
            thresholds)
        }
      }
    }
  }

  /// What an attacker who sees the scores puts in: one document for each question and payload kind.
  private static func chosen(
    _ poison: [DetectionDataset.Poison], _ scores: [[Double]], reach: Int
  ) -> [Int] {
    struct Target: Hashable {
      var question: Int
      var payloadKind: UTF8Key
    }
    /// Ascending from what he likes best: seen by the user, then little suspicious, then high up.
    func cost(_ number: Int) -> (Int, Double, Int) {
      let isSeen = poison[number].rank <= reach
      return (
        isSeen ? 0 : 1, isSeen ? scores[number].max() ?? 0 : 0, poison[number].rank
      )
    }
    var best: [Target: Int] = [:]
    for (number, document) in poison.enumerated() {
      let target = Target(
        question: document.question, payloadKind: UTF8Key(document.payloadKind))
      if let other = best[target], cost(other) <= cost(number) { continue }
      best[target] = number
    }
    return best.values.sorted()
  }

  private func cell(
    _ kind: String, _ which: DetectionReport.Positives, _ name: DetectionReport.Negatives,
    positives: [[Double]], negatives: [[Double]], attacked: Int, _ thresholds: [Threshold]
  ) throws -> DetectionReport.Cell {
    let scores = try ClusteredScores(negatives: negatives, positives: positives)
    let areas = try scores.areas(over: resamples)
    let isDrawn = which == .reached && name == .hard
    return DetectionReport.Cell(
      payloadKind: kind, positives: which, negatives: name,
      positiveCount: scores.scores.positives.count, negativeCount: scores.scores.negatives.count,
      areaUnderROC: areas.underROC, averagePrecision: areas.averagePrecision,
      truePositives: try (name == .hard ? thresholds : []).map {
        try found(positives, above: $0, attacked: which == .reached ? attacked : nil)
      }, drawing: isDrawn ? try Self.drawing(scores.scores) : nil,
      placements: isDrawn
        ? try ClusteredPlacements(negatives: negatives, positives: positives) : nil)
  }

  private static let bins = 24

  private static func drawing(_ scores: BinaryScores) throws -> DetectionReport.Drawing? {
    let all = scores.negatives + scores.positives
    guard let curve = ROCCurve.of(scores).value, let least = all.min(), let largest = all.max(),
      least < largest
    else { return nil }
    return DetectionReport.Drawing(
      truePositiveRates: DetectionReport.Drawing.falsePositiveRates.map { rate in
        curve.points.last { $0.falsePositiveRate <= rate }?.truePositiveRate ?? 0
      }, range: least...largest,
      clean: try Histogram(of: scores.negatives, in: least...largest, bins: bins).counts,
      poison: try Histogram(of: scores.positives, in: least...largest, bins: bins).counts)
  }

  private func found(
    _ positives: [[Double]], above threshold: Threshold, attacked: Int?
  ) throws -> DetectionReport.TruePositives {
    let limit = threshold.conformal.map(\.threshold)
    guard let value = limit.value else {
      let reason = limit.reason ?? "no threshold"
      return DetectionReport.TruePositives(
        nominal: threshold.nominal, unit: threshold.unit, found: .notApplicable(reason),
        interval: .notApplicable(reason),
        evading: attacked == nil ? nil : .notApplicable(reason))
    }
    let clusters = positives.map { list in Proportion(counting: list.lazy.map { $0 > value }) }
    let all = Proportion(counting: positives.joined().lazy.map { $0 > value })
    let interval: Applicable<Interval>
    if clusters.allSatisfy({ $0.trials <= 1 }) {
      interval = try all.interval()
    } else {
      interval = try Bootstrap.clusteredRate(clusters, over: resamples).map(\.interval)
    }
    return DetectionReport.TruePositives(
      nominal: threshold.nominal, unit: threshold.unit,
      found: all.trials == 0 ? .notApplicable("no poisoned documents") : .value(all),
      interval: interval,
      evading: try attacked.map { attacked in
        guard attacked > 0 else { return .notApplicable("no query was attacked") }
        return .value(
          try Proportion(
            successes: positives.count { list in list.contains { $0 <= value } },
            trials: attacked))
      })
  }
}
