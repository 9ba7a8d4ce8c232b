public import Basics
public import Corpus
public import SystemPackage

/// Measures the first unit of a finished grid again, to see whether it comes out the same.
public struct Repetition {
  private let plan: SweepPlan
  private let bundles: [(name: String, bundle: CorpusBundle)]
  private let surroundings: Surroundings

  /// Prepares the repetition.
  ///
  /// - Parameters:
  ///   - plan: The grid.
  ///   - bundles: Its corpora.
  ///   - surroundings: What differs from the first time: threads, no cache.
  public init(
    of plan: SweepPlan, _ bundles: [(name: String, bundle: CorpusBundle)],
    _ surroundings: Surroundings
  ) {
    var plan = plan
    plan.corpora = Array(plan.corpora.prefix(1))
    plan.retrievers = Array(plan.retrievers.prefix(1))
    plan.variants = Array(plan.variants.prefix(1))
    plan.seeds = Array(plan.seeds.prefix(1))
    // The first set that the first corpus has.
    plan.querySets = SweepRun.units(of: plan, bundles).prefix(1).map(\.querySet)
    plan.transfers = []
    plan.contamination = []
    self.plan = plan
    self.bundles = bundles.filter { bundle in
      plan.corpora.contains { utf8Equal($0, bundle.name) }
    }
    self.surroundings = surroundings
  }

  /// Measures and compares.
  ///
  /// - Parameters:
  ///   - results: What the grid gave.
  ///   - path: Where the repetition's run is kept.
  /// - Returns: Whether every figure of success, geometry and detection is the same.
  /// - Throws: What a sweep throws.
  public func equals(_ results: JSONObject, at path: FilePath) throws -> Bool {
    let run = try RunDirectory(
      path, description: SweepRun.description(plan, bundles, models: [], shard: nil), force: true)
    let selection = try SweepSelection()
    let sweep = SweepRun(
      run: run, plan: plan, selection: selection, bundles: bundles, surroundings: surroundings)
    let again = try sweep.perform()
    try sweep.finish(again)
    let first = pieces(results)
    return !first.isEmpty && pieces(again) == first
  }

  /// What the grid says of the unit: its cells and its detectors.
  private func pieces(_ results: JSONObject) -> [JSONValue] {
    guard let unit = SweepRun.units(of: plan, bundles).first else { return [] }
    return ["cells", "detection"].flatMap { key in
      (results[key]?.arrayValue ?? []).filter { entry in
        unit.json.members.allSatisfy { entry.objectValue?[$0] == $1 }
      }
    }
  }
}
