import Attacks
public import Basics
public import Corpus
import Defenses
import Models
public import Retrieval

/// What a sweep takes from outside: corpora, retrievers and indexes by name.
public struct SweepSurroundings {
  /// The corpus of a name, cut to the plan's number of passages.
  public var bundle: (_ corpus: String) throws -> CorpusBundle
  /// The retriever of a name, with the cache of embeddings.
  public var embedder: (_ retriever: String) throws -> Embedder
  /// The corpus as the retriever sees it, built as far as it is not there yet.
  public var index: (CorpusBundle, Embedder) throws -> CorpusIndex

  /// Surroundings.
  public init(
    bundle: @escaping (_ corpus: String) throws -> CorpusBundle,
    embedder: @escaping (_ retriever: String) throws -> Embedder,
    index: @escaping (CorpusBundle, Embedder) throws -> CorpusIndex
  ) {
    self.bundle = bundle
    self.embedder = embedder
    self.index = index
  }
}

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
  private let surroundings: SweepSurroundings
  private let started = ContinuousClock.now

  /// Opens the corpora of a grid and checks that they have what it asks for.
  ///
  /// - Parameters:
  ///   - plan: The grid, without what is not selected.
  ///   - surroundings: Where corpora come from.
  /// - Returns: The corpora in the order of the plan.
  /// - Throws: `UsageError` for an unknown corpus or payload kind, or a query set that no corpus has.
  public static func bundles(
    of plan: SweepPlan, _ surroundings: SweepSurroundings
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
  ///   - shard: The part that this process does.
  /// - Returns: The object.
  public static func description(
    _ plan: SweepPlan, _ bundles: [(name: String, bundle: CorpusBundle)],
    shard: SweepSelection.Shard?
  ) -> JSONObject {
    [
      "plan": .object(plan.json),
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
    bundles: [(name: String, bundle: CorpusBundle)], surroundings: SweepSurroundings
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
    return SweepResults.json(Self.description(plan, bundles, shard: nil), entries)
  }

  /// What an interrupted run left of a unit; nil if anything is missing.
  private func completed(_ unit: SweepPlan.Unit) -> [SweepResults.Entry]? {
    var pieces = plan.payloads.map { ("cell", unit.identity(payload: $0)) }
    if !plan.detectors.isEmpty { pieces.append(("detection", unit.json)) }
    let entries = pieces.compactMap { event, identity in
      run.completed(event, identity).map {
        SweepResults.Entry(event: event, identity: identity, value: $0)
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
    let bundle = try bundle(unit.corpus)
    let settings = AttackSettings(
      querySets: [unit.querySet], payloadKinds: plan.payloads,
      attack: try plan.attack(unit.variant), ks: plan.ks, modes: plan.modes, limit: plan.questions,
      seed: unit.seed)
    let experiment = AttackExperiment(
      bundle: bundle, index: index, embedder: embedder, settings: settings)
    let count = try bundle.queryCount(unit.querySet)
    begin(.stage("questions", total: min(plan.questions ?? count, count)))
    let clean = try experiment.clean(unit.querySet, advance: advance)
    var attacked: [PoisonedRetrieval] = []
    var entries: [SweepResults.Entry] = []
    func record(
      _ event: String, _ identity: JSONObject, _ measure: () throws -> JSONObject
    ) throws {
      entries.append(
        .init(
          event: event, identity: identity,
          value: try run.recorded(event, identity, measure)))
    }
    for kind in plan.payloads {
      begin(.stage(kind, total: clean.queries.count * settings.attack.documentsPerQuery))
      let poisoned = try experiment.poison(clean, kind: kind, advance: advance)
      attacked.append(poisoned)
      try record("cell", unit.identity(payload: kind)) {
        var cell = try experiment.measure(poisoned, clean: clean).json()
        cell["similarity"] = .string(embedder.model.similarity.rawValue)
        cell["examples"] = SweepExamples.json(of: poisoned, clean)
        return cell
      }
    }
    guard !plan.detectors.isEmpty else { return entries }
    begin(.stage("detectors", total: plan.detectors.count))
    try record("detection", unit.json) {
      try plan.detection(seed: unit.seed).evaluate(
        AttackDetection(index: index, clean: clean, embedder: embedder, seed: unit.seed)
          .dataset(attacked),
        progress: { _, _ in advance(1) }
      ).json.requiredObject()
    }
    return entries
  }
}
