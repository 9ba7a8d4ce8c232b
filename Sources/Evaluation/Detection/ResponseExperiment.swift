public import Basics
public import Defenses
import Models
public import Retrieval
import Statistics
import Tensors

/// What is done about flagged passages, and how its effects are measured.
public struct ResponseProtocol: Sendable, Equatable {
  /// The policies.
  public var policies: [DetectionPolicy]
  /// The nominal false positive rate of the detectors.
  public var falsePositiveRate: Double
  /// What the rate counts.
  public var unit: DetectionCalibration.Unit

  /// Places of the list that a user sees.
  public static let places = 10
  /// Passages of a clean ranking that may fill places, those in the first places included.
  public static let depth = 40

  /// Settings.
  public init(
    policies: [DetectionPolicy], falsePositiveRate: Double = 0.05,
    unit: DetectionCalibration.Unit = .query
  ) {
    self.policies = policies
    self.falsePositiveRate = falsePositiveRate
    self.unit = unit
  }

  /// The settings as JSON.
  public var json: JSONValue {
    [
      "policies": .array(policies.map { .string($0.rawValue) }),
      "falsePositiveRate": .number(falsePositiveRate), "unit": .string(unit.rawValue),
      "places": JSONValue(Self.places), "depth": JSONValue(Self.depth),
    ]
  }
}

/// What a detector does to a system once it acts: utility before and after on clean rankings, poison
/// among the first results before and after, and the time it takes.
///
/// Detectors are fitted and calibrated as in ``DetectionProtocol``, on the same parts of the questions,
/// and everything is measured on its test questions.
public struct ResponseExperiment {
  private let settings: DetectionProtocol
  private let response: ResponseProtocol
  private let dataset: DetectionDataset
  private let judgements: Judgements?
  /// The test questions, as positions in the data set.
  private let tested: [Int]
  private let split: QuestionSplit
  /// Their clean rankings to ``ResponseProtocol/depth``.
  private let rankings: [[DetectionCandidate]]

  /// Prepares the questions of one query set.
  ///
  /// - Parameters:
  ///   - settings: How detectors are fitted.
  ///   - response: What is done, and measured.
  ///   - dataset: One query set with its poison.
  ///   - index: The corpus.
  ///   - embedder: The retriever.
  ///   - judgements: What is relevant; nil leaves the utility out.
  /// - Throws: What search and embedding throw.
  public init(
    settings: DetectionProtocol, response: ResponseProtocol, dataset: DetectionDataset,
    index: CorpusIndex, embedder: Embedder, judgements: Judgements?
  ) throws {
    self.settings = settings
    self.response = response
    self.dataset = dataset
    self.judgements = judgements
    precondition(dataset.querySets.count == 1, "ResponseExperiment: \(dataset.querySets)")
    split = settings.splits(of: dataset)[0].split
    tested = split.test
    let queries = tested.map { dataset.questions[$0].clean.query }
    let dimension = embedder.model.dimension
    var hits: [[CorpusIndex.Hit]] = []
    if !queries.isEmpty {
      hits = try index.rank(
        VectorMatrix(
          queries.flatMap { $0.vector.withValues { Array($0) } }, rows: queries.count,
          dimension: dimension), limit: ResponseProtocol.depth)
    }
    let passages = try StoredCandidates(
      rows: Set(hits.joined().map(\.row)), index: index, embedder: embedder,
      windows: settings.windows)
    rankings = try zip(queries, hits).map { try passages.list($1, for: $0).candidates }
  }

  /// Seconds that one question took, judged by itself; ascending.
  public struct Latency: Sendable {
    /// The detector.
    public let detector: String
    /// The policy.
    public let policy: DetectionPolicy
    /// One value a question.
    public let seconds: [Double]

    /// The value that a share of the questions stays within: the nearest rank.
    public func quantile(_ share: Double) -> Double? {
      seconds.isEmpty
        ? nil
        : seconds[min(seconds.count - 1, Int((share * Double(seconds.count)).rounded(.up)) - 1)]
    }
  }

  /// Measures one detector under every policy.
  ///
  /// - Parameter choice: The detector.
  /// - Returns: Figures as JSON, without times; and the times.
  /// - Throws: What fitting and judging throw.
  public func measure(_ choice: DetectorChoice) throws -> (json: [JSONObject], [Latency]) {
    let calibrated = try settings.fitted(choice, split.fit, split.calibrate, dataset)
    let judge: ListJudge
    do {
      judge = try ListJudge(
        calibrated, falsePositiveRate: response.falsePositiveRate, per: response.unit)
    } catch let error as DetectorError {
      let reason: JSONValue = ["notApplicable": .string(error.description)]
      return (
        response.policies.map { policy in
          ["detector": .string(choice.text), "policy": .string(policy.rawValue), "utility": reason]
        }, []
      )
    }
    var objects: [JSONObject] = []
    var latencies: [Latency] = []
    for policy in response.policies {
      let filter = DetectionFilter(judge, policy: policy)
      var seconds: [Double] = []
      let clock = ContinuousClock()
      let filtered = try zip(tested, rankings).map { question, ranking in
        let start = clock.now
        let list = try filter.filter(
          ranking, for: dataset.questions[question].clean.query, k: ResponseProtocol.places)
        seconds.append((clock.now - start).inSeconds)
        return list
      }
      latencies.append(
        Latency(detector: choice.text, policy: policy, seconds: seconds.sorted()))
      objects.append([
        "detector": .string(choice.text), "policy": .string(policy.rawValue),
        "utility": .object(try utility(filtered)), "poison": .array(try poison(filter)),
      ])
    }
    return (objects, latencies)
  }

  /// What becomes of clean rankings.
  private func utility(_ filtered: [FilteredList]) throws -> JSONObject {
    let places = ResponseProtocol.places
    let shown = rankings.map { $0.prefix(places) }
    let removed = filtered.map { $0.removed.filter { $0.rank <= places } }
    func isRelevant(_ question: Int, _ candidate: DetectionCandidate) -> Bool {
      let query = UTF8Key(dataset.questions[tested[question]].clean.query.id)
      return judgements?.grades[query]?[UTF8Key(candidate.id)].map { $0 >= 1 } ?? false
    }
    var object: JSONObject = [
      "questions": JSONValue(tested.count),
      "touchedQuestions": JSONValue(removed.count { !$0.isEmpty }),
      "flagged": JSONValue(
        filtered.reduce(0) { sum, list in
          sum + (list.kept + list.removed).count { $0.isFlagged && $0.rank <= places }
        }),
      "lost": JSONValue(removed.reduce(0) { $0 + $1.count }),
      "shown": JSONValue(shown.reduce(0) { $0 + $1.count }),
      "shortLists": JSONValue(
        zip(filtered, shown).count { $0.kept.count < $1.count }),
    ]
    guard let judgements else {
      let reason: JSONValue = ["notApplicable": "the query set has no judgements"]
      for name in ["relevantLost", "relevantShown", "nDCG@10", "Recall@10"] {
        object[name] = reason
      }
      return object
    }
    object["relevantLost"] = JSONValue(
      removed.enumerated().reduce(0) { sum, entry in
        sum + entry.element.count { isRelevant(entry.offset, $0.candidate) }
      })
    object["relevantShown"] = JSONValue(
      shown.enumerated().reduce(0) { sum, entry in
        sum + entry.element.count { isRelevant(entry.offset, $0) }
      })
    let ids = Set(tested.map { UTF8Key(dataset.questions[$0].clean.query.id) })
    let own = judgements.filter { ids.contains($0) }
    let metrics: [RankingMetric] = [.ndcg(at: places), .recall(at: places)]
    func evaluation(_ lists: [[String]]) throws -> RankingEvaluation {
      try RankingEvaluation(
        rankings: zip(tested, lists).map { question, documents in
          try Ranking(
            query: UTF8Key(dataset.questions[question].clean.query.id),
            // The order is the list's own, whatever its scores.
            scored: documents.enumerated().map {
              RankedDocument(id: UTF8Key($0.element), score: -Double($0.offset))
            })
        }, judgements: own, metrics: metrics)
    }
    let before = try evaluation(shown.map { $0.map(\.id) })
    let after = try evaluation(filtered.map { $0.kept.map(\.candidate.id) })
    object["judgedQuestions"] = JSONValue(before.perQuery.count)
    for metric in metrics {
      let (old, new) = (before.values(of: metric) ?? [], after.values(of: metric) ?? [])
      var generator = Philox(seed: settings.seed, stream: 11)
      let difference = try Bootstrap.mean(
        of: zip(new, old).map { $0 - $1 }, resamples: settings.resamples, using: &generator)
      object[metric.description] = [
        "before": before.mean(of: metric).json { .number($0) },
        "after": after.mean(of: metric).json { .number($0) },
        "difference": difference.json { estimate in
          [
            "value": .number(estimate.value),
            "interval": .array([
              .number(estimate.interval.lower), .number(estimate.interval.upper),
            ]),
          ]
        },
      ]
    }
    return object
  }

  /// Questions with poison among the first results, before and after, for each kind of payload;
  /// evading: with poison among them that bears no mark either.
  private func poison(_ filter: DetectionFilter) throws -> [JSONValue] {
    try dataset.payloadKinds.map { kind in
      var (questions, before, after, evading) = (0, 0, 0, 0)
      for (number, question) in tested.enumerated() {
        let entries = dataset.poison.filter {
          $0.question == question && UTF8Key($0.payloadKind) == UTF8Key(kind)
        }
        let injected = entries.flatMap { entry in
          entry.list.subjects.map { entry.list.candidates[$0] }
        }
        guard !injected.isEmpty else { continue }
        let query = dataset.questions[question].clean.query
        let merged = try DetectionList.merging(
          injected, into: DetectionList(query: query, candidates: rankings[number]),
          k: max(1, rankings[number].count))
        let ids = Set(injected.map { UTF8Key($0.id) })
        func isPoison(_ candidate: DetectionCandidate) -> Bool {
          ids.contains(UTF8Key(candidate.id))
        }
        let kept = try filter.filter(
          merged.candidates, for: query, k: ResponseProtocol.places
        ).kept
        questions += 1
        before += merged.candidates.prefix(settings.reach).contains(where: isPoison) ? 1 : 0
        let first = kept.prefix(settings.reach).filter { isPoison($0.candidate) }
        after += first.isEmpty ? 0 : 1
        evading += first.contains { !$0.isFlagged } ? 1 : 0
      }
      return [
        "payload": .string(kind), "k": JSONValue(settings.reach),
        "questions": JSONValue(questions), "before": JSONValue(before), "after": JSONValue(after),
        "evading": JSONValue(evading),
      ]
    }
  }
}
