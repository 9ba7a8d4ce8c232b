import Attacks
import Basics
import Corpus
import Models
import Retrieval

/// The work on one unit of a grid: its questions before the attack, its poison, its data set.
struct SweepUnitExperiment {
  private let plan: SweepPlan
  private let unit: SweepPlan.Unit
  private let variant: SweepPlan.Variant
  private let bundle: CorpusBundle
  private let index: CorpusIndex
  private let embedder: Embedder

  /// One payload kind of a unit.
  struct Attacked {
    /// Every document that the attacker could put in: one retrieval for each choice.
    var candidates: [PoisonedRetrieval]
    /// What he puts in knowing nothing of detectors: of each question's documents the one most
    /// similar to it.
    var blind: PoisonedRetrieval
  }

  init(
    _ unit: SweepPlan.Unit, of plan: SweepPlan, bundle: CorpusBundle, index: CorpusIndex,
    embedder: Embedder
  ) throws {
    self.plan = plan
    self.unit = unit
    self.bundle = bundle
    self.index = index
    self.embedder = embedder
    variant = try plan.variant(of: unit)
  }

  /// The attacker that the unit's detectors face.
  var attacker: DetectionProtocol.Attacker { variant.isAdaptive ? .adaptive : .oblivious }

  /// Questions that are asked.
  var questionCount: Int {
    get throws {
      let count = try bundle.queryCount(unit.querySet)
      return min(plan.questions ?? count, count)
    }
  }

  /// Documents that are made of each payload kind.
  var documentCount: Int {
    get throws { try questionCount * variant.documentsPerQuestion }
  }

  private func experiment(_ choice: SweepPlan.Variant.Choice) throws -> AttackExperiment {
    AttackExperiment(
      bundle: bundle, index: index, embedder: embedder,
      settings: AttackSettings(
        querySets: [unit.querySet], payloadKinds: plan.payloads,
        attack: try AttackRegistry.attack(named: choice.method, parameters: choice.parameters),
        ks: plan.ks, modes: plan.modes, limit: plan.questions, seed: unit.seed))
  }

  /// The questions with their clean rankings.
  func clean(advance: @escaping @Sendable (Int) -> Void = { _ in }) throws -> CleanRetrieval {
    try experiment(variant.choices[0]).clean(unit.querySet, advance: advance)
  }

  /// The questions attacked with one kind of payload.
  func attack(
    _ clean: CleanRetrieval, kind: String,
    advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> Attacked {
    let candidates = try variant.choices.flatMap { choice in
      let experiment = try experiment(choice)
      return try (0..<variant.wordings).map {
        try experiment.poison(clean, kind: kind, wording: $0, advance: advance)
      }
    }
    guard candidates.count > 1 else {
      return Attacked(candidates: candidates, blind: candidates[0])
    }
    let documents = clean.queries.indices.compactMap { question -> PoisonedDocument? in
      let all = candidates.compactMap { candidate in
        candidate.own[question].first.map {
          (score: candidate.ownScores[$0], document: candidate.documents[$0])
        }
      }
      // The first of equals.
      return all.reduce(nil) { best, next in
        best.map { $0.score >= next.score ? $0 : next } ?? next
      }?.document
    }
    return Attacked(
      candidates: candidates,
      blind: try PoisonedRetrieval(
        documents: documents, payloadKind: kind, clean: clean, embedder: embedder,
        separator: bundle.titleSeparator,
        depth: max(plan.ks.max() ?? 1, AttackExperiment.listLength)))
  }

  /// Success and geometry of one payload kind.
  func cell(_ poisoned: PoisonedRetrieval, _ clean: CleanRetrieval) throws -> JSONObject {
    var cell = try experiment(variant.choices[0]).measure(poisoned, clean: clean).json()
    cell["similarity"] = .string(embedder.model.similarity.rawValue)
    cell["examples"] = SweepExamples.json(of: poisoned, clean)
    return cell
  }

  /// What detectors are judged on.
  func dataset(_ clean: CleanRetrieval, _ attacked: [Attacked]) throws -> DetectionDataset {
    try AttackDetection(index: index, clean: clean, embedder: embedder, seed: unit.seed)
      .dataset(attacked.flatMap(\.candidates))
  }

  /// The data set from the beginning.
  func dataset() throws -> DetectionDataset {
    let clean = try clean()
    return try dataset(clean, plan.payloads.map { try attack(clean, kind: $0) })
  }
}

extension SweepPlan.Variant {
  /// Documents that are made for a question and a payload kind.
  var documentsPerQuestion: Int {
    get throws {
      try choices.reduce(0) {
        try $0
          + AttackRegistry.attack(named: $1.method, parameters: $1.parameters).documentsPerQuery
      } * wordings
    }
  }
}
