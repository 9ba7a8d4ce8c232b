import Attacks
public import Basics
public import Corpus
import Defenses
import Models
import Retrieval

/// A grid in a run directory: each finished cell is an event, and a resumed run does not measure it
/// again.
///
/// Poison embeddings do not depend on the corpus and clean rankings not on the payload: with the
/// embedding cache, the 225 cells of the paper cost 45 exact searches and 75 encodings
/// (rag-poisoning specification, section 3.4).
public final class SweepRun {
  /// Progress of the work.
  public enum Step: Sendable {
    /// A unit begins: its number among those of this process, from 1.
    case unit(Int, of: Int, SweepPlan.Unit)
    /// A stage of the unit begins, with so many texts.
    case stage(String, total: Int)
  }

  private let run: RunDirectory
  private let plan: SweepPlan
  private let selection: SweepSelection
  private let bundles: [(name: String, bundle: CorpusBundle)]
  private let surroundings: Surroundings
  private let started = ContinuousClock.now

  /// Opens the corpora of a grid and checks that they have what it asks for.
  ///
  /// - Parameters:
  ///   - plan: The grid, without what is not selected.
  ///   - surroundings: Where corpora come from.
  /// - Returns: The corpora in the order of the plan.
  /// - Throws: `UsageError` for an unknown corpus or payload kind, or a query set that no corpus has.
  public static func bundles(
    of plan: SweepPlan, _ surroundings: Surroundings
  ) throws -> [(name: String, bundle: CorpusBundle)] {
    let bundles = try plan.corpora.map { ($0, try surroundings.bundle($0)) }
    for (name, bundle) in bundles {
      for kind in plan.payloads where !bundle.payloadKinds.contains(where: { utf8Equal($0, kind) })
      {
        throw UsageError(
          "corpus '\(name)' has no payload kind '\(TerminalText.excerpt(kind))'"
            + NearestName.hint(for: kind, in: bundle.payloadKinds)
            + " (there are: \(bundle.payloadKinds.joined(separator: ", ")))")
      }
    }
    for set in plan.querySets
    where !bundles.contains(where: { has($0.1, set) }) {
      let known = bundles.flatMap(\.1.querySets)
      throw UsageError(
        "no corpus of the grid has a query set '\(TerminalText.excerpt(set))'"
          + NearestName.hint(for: set, in: known))
    }
    return bundles
  }

  private static func has(_ bundle: CorpusBundle, _ set: String) -> Bool {
    bundle.querySets.contains { utf8Equal($0, set) }
  }

  /// All units of a grid over given corpora.
  static func units(
    of plan: SweepPlan, _ bundles: [(name: String, bundle: CorpusBundle)]
  ) -> [SweepPlan.Unit] {
    plan.units { corpus, set in
      bundles.contains { utf8Equal($0.name, corpus) && has($0.bundle, set) }
    }
  }

  /// Everything that the results depend on: what `run.json` holds beside seeds and versions.
  ///
  /// - Parameters:
  ///   - plan: The grid, without what is not selected.
  ///   - bundles: Its corpora.
  ///   - models: The fingerprint of each retriever, in the order of the plan.
  ///   - shard: The part that this process does.
  /// - Returns: The object.
  public static func description(
    _ plan: SweepPlan, _ bundles: [(name: String, bundle: CorpusBundle)],
    models: [String], shard: SweepSelection.Shard?
  ) -> JSONObject {
    [
      "plan": .object(plan.json),
      "retrievers": .array(
        zip(plan.retrievers, models).map {
          .object(["name": .string($0), "fingerprint": .string($1)])
        }),
      "corpora": .array(
        bundles.map { name, bundle in
          .object([
            "name": .string(name), "origin": .string(bundle.origin.rawValue),
            "passages": JSONValue(bundle.passageCount), "checksum": .string(bundle.checksum),
          ])
        }),
      "shard": shard.map {
        .object(["number": JSONValue($0.number), "count": JSONValue($0.count)])
      } ?? .null,
    ]
  }

  /// Begins or resumes.
  ///
  /// - Parameters:
  ///   - run: The run directory.
  ///   - plan: The grid, without what is not selected.
  ///   - selection: Which part of the units is done here.
  ///   - bundles: The corpora of the plan.
  ///   - surroundings: Retrievers and indexes.
  public init(
    run: RunDirectory, plan: SweepPlan, selection: SweepSelection,
    bundles: [(name: String, bundle: CorpusBundle)], surroundings: Surroundings
  ) {
    self.run = run
    self.plan = plan
    self.selection = selection
    self.bundles = bundles
    self.surroundings = surroundings
  }

  /// Measures what is not measured yet.
  ///
  /// - Parameters:
  ///   - begin: Called at the start of each unit and stage.
  ///   - advance: Called with the number of texts done since the last call, from any thread.
  /// - Returns: The content of `results.json`.
  /// - Throws: What embedding, search and writing throw.
  public func perform(
    begin: (Step) -> Void = { _ in }, advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> JSONObject {
    let units = selection.part(of: Self.units(of: plan, bundles))
    var opened: (corpus: String, retriever: String, index: CorpusIndex, embedder: Embedder)?
    var entries: [SweepResults.Entry] = []
    for (number, unit) in units.enumerated() {
      if let earlier = completed(unit) {
        entries += earlier
        continue
      }
      begin(.unit(number + 1, of: units.count, unit))
      if opened?.corpus != unit.corpus || opened?.retriever != unit.retriever {
        opened = nil  // its memory goes before the next is read
        let embedder = try surroundings.embedder(unit.retriever)
        let index = try surroundings.index(bundle(unit.corpus), embedder)
        opened = (unit.corpus, unit.retriever, index, embedder)
      }
      guard let opened else { continue }
      entries += try measure(
        unit, index: opened.index, embedder: opened.embedder, begin, advance)
    }
    return SweepResults.json(run.description, entries)
  }

  /// What an interrupted run left of a unit; nil if anything is missing.
  private func completed(_ unit: SweepPlan.Unit) -> [SweepResults.Entry]? {
    let pieces = pieces(of: unit)
    let entries = pieces.compactMap { piece in
      run.completed(piece.event, piece.identity).map {
        SweepResults.Entry(event: piece.event, identity: piece.identity, value: $0)
      }
    }
    return entries.count == pieces.count ? entries : nil
  }

  private func bundle(_ name: String) throws -> CorpusBundle {
    guard let found = bundles.first(where: { utf8Equal($0.name, name) }) else {
      throw UsageError("the grid has no corpus '\(TerminalText.excerpt(name))'")
    }
    return found.bundle
  }

  /// Writes the results and the times.
  ///
  /// - Parameter results: What `perform` returned.
  /// - Throws: `FileError`.
  public func finish(_ results: JSONObject) throws {
    try run.finish(
      results: results,
      timings: ["seconds": .number((ContinuousClock.now - started).inSeconds)])
  }

  private func measure(
    _ unit: SweepPlan.Unit, index: CorpusIndex, embedder: Embedder, _ begin: (Step) -> Void,
    _ advance: @escaping @Sendable (Int) -> Void
  ) throws -> [SweepResults.Entry] {
    let experiment = try SweepUnitExperiment(
      unit, of: plan, bundle: bundle(unit.corpus), index: index, embedder: embedder)
    var entries: [SweepResults.Entry] = []
    func record(_ piece: Piece, _ measure: () throws -> JSONObject) throws {
      entries.append(
        .init(
          event: piece.event, identity: piece.identity,
          value: try run.recorded(piece.event, piece.identity, measure)))
    }
    begin(.stage("questions", total: try experiment.questionCount))
    let clean = try experiment.clean(advance: advance)
    var attacked: [SweepUnitExperiment.Attacked] = []
    for kind in plan.payloads {
      begin(.stage(kind, total: try experiment.documentCount))
      let poison = try experiment.attack(clean, kind: kind, advance: advance)
      attacked.append(poison)
      try record(.cell(unit, payload: kind)) { try experiment.cell(poison.blind, clean) }
    }
    guard !plan.detectors.isEmpty else { return entries }
    let detection = plan.detection(seed: unit.seed, attacker: experiment.attacker)
    let dataset = try experiment.dataset(clean, attacked)
    func evaluate(
      _ tested: DetectionDataset, fittedOn anchors: DetectionDataset? = nil
    ) throws -> DetectionReport {
      try detection.evaluate(tested, fittedOn: anchors, progress: { _, _ in advance(1) })
    }
    begin(.stage("detectors", total: plan.detectors.count))
    try record(.detection(unit)) { try evaluate(dataset).json.requiredObject() }
    let split = detection.splits(of: dataset)[0].split
    for share in plan.contamination {
      begin(
        .stage("\(Format.decimals(100 * share, 1)) % poisoned", total: plan.detectors.count))
      try record(.contamination(unit, share: share)) {
        let anchors = try dataset.contaminated(
          share: share, of: split.fit + split.calibrate, seed: unit.seed)
        var report = try evaluate(dataset, fittedOn: anchors.dataset).brief
        report["poisonedPassages"] = JSONValue(anchors.passages)
        return report
      }
    }
    for target in targets(of: unit) {
      begin(.stage("tested on \(target.corpus) \(target.querySet)", total: plan.detectors.count))
      try record(.transfer(unit, to: target)) {
        let index =
          utf8Equal(target.corpus, unit.corpus)
          ? index : try surroundings.index(bundle(target.corpus), embedder)
        let other = try SweepUnitExperiment(
          target, of: plan, bundle: bundle(target.corpus), index: index, embedder: embedder)
        return try evaluate(other.dataset(), fittedOn: dataset).brief
      }
    }
    return entries
  }
}

extension SweepRun {
  /// What is recorded of a unit, each piece for itself.
  private struct Piece {
    var event: String
    var identity: JSONObject

    static func cell(_ unit: SweepPlan.Unit, payload: String) -> Self {
      Piece(event: "cell", identity: unit.identity(payload: payload))
    }

    static func detection(_ unit: SweepPlan.Unit) -> Self {
      Piece(event: "detection", identity: unit.json)
    }

    static func contamination(_ unit: SweepPlan.Unit, share: Double) -> Self {
      var identity = unit.json
      identity["share"] = .number(share)
      return Piece(event: "contamination", identity: identity)
    }

    static func transfer(_ unit: SweepPlan.Unit, to target: SweepPlan.Unit) -> Self {
      var identity = unit.json
      identity["to"] = .object([
        "corpus": .string(target.corpus), "set": .string(target.querySet),
      ])
      return Piece(event: "transfer", identity: identity)
    }
  }

  /// Every piece of a unit, in the order of the results.
  private func pieces(of unit: SweepPlan.Unit) -> [Piece] {
    let cells = plan.payloads.map { Piece.cell(unit, payload: $0) }
    guard !plan.detectors.isEmpty else { return cells }
    return cells + [.detection(unit)]
      + plan.contamination.map { .contamination(unit, share: $0) }
      + targets(of: unit).map { .transfer(unit, to: $0) }
  }

  /// The units that a unit's detectors are carried to: those that differ from it in one axis.
  private func targets(of unit: SweepPlan.Unit) -> [SweepPlan.Unit] {
    Self.targets(of: unit, in: Self.units(of: plan, bundles), plan)
  }

  static func targets(
    of unit: SweepPlan.Unit, in units: [SweepPlan.Unit], _ plan: SweepPlan
  ) -> [SweepPlan.Unit] {
    guard !plan.detectors.isEmpty, !plan.transfers.isEmpty else { return [] }
    return units.filter { other in
      guard utf8Equal(other.retriever, unit.retriever), utf8Equal(other.variant, unit.variant),
        other.seed == unit.seed
      else { return false }
      let isOwnCorpus = utf8Equal(other.corpus, unit.corpus)
      let isOwnSet = utf8Equal(other.querySet, unit.querySet)
      return plan.transfers.contains(.querySet) && isOwnCorpus && !isOwnSet
        || plan.transfers.contains(.corpus) && !isOwnCorpus && isOwnSet
    }
  }
}
