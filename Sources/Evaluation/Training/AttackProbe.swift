import Attacks
import Retrieval
import Statistics

/// How often the universal attack succeeds against a retriever: the poisoned document of a question,
/// alone in the corpus, among its first k results.
struct AttackProbe {
  /// What is attacked.
  struct Target: Sendable, Equatable {
    var corpus: String
    var queries: [String]
    var payloads: [String]
    var ks: [Int]
    /// Questions of each set; nil: all.
    var limit: Int?
  }

  let target: Target
  let surroundings: Surroundings
  let seed: UInt64

  /// success@k, over all query sets and payloads.
  ///
  /// - Parameter retriever: Its name.
  /// - Returns: One share for each k.
  /// - Throws: What embedding, search and reading throw.
  func success(against retriever: String) throws -> [Proportion] {
    let bundle = try surroundings.bundle(target.corpus)
    let embedder = try surroundings.embedder(retriever)
    let index = try surroundings.index(bundle, embedder)
    defer { try? index.store.close() }
    let experiment = AttackExperiment(
      bundle: bundle, index: index, embedder: embedder,
      settings: AttackSettings(
        querySets: target.queries, payloadKinds: target.payloads,
        attack: try AttackRegistry.attack(named: "concatenation"), ks: target.ks, modes: [.solo],
        limit: target.limit, seed: seed))
    var ranks: [PoisonedRetrieval.Ranks] = []
    for set in target.queries {
      let clean = try experiment.clean(set)
      for kind in target.payloads { ranks += try experiment.poison(clean, kind: kind).ranks }
    }
    return target.ks.map { SuccessRate(of: ranks, mode: .solo, k: $0).own }
  }
}
