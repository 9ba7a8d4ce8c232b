import Basics
import Corpus
import Evaluation
import Models
import Retrieval
import SystemPackage

extension Workbench {
  /// Corpora (cut to the grid's size), retrievers and indexes by name.
  func sweepSurroundings(_ plan: SweepPlan) -> Surroundings {
    Surroundings(
      bundle: { name in
        let bundle = try quietBundle(name)
        guard let passages = plan.passages else { return bundle }
        return try bundle.sample(
          of: passages, seed: plan.seeds.first ?? 1, keeping: plan.querySets,
          keptIn: locations.caches.appending("samples"))
      }, embedder: { try embedder($0) }, index: { try index($0, $1) })
  }

  /// The same without the cache of embeddings, on another number of threads.
  func plainSurroundings(_ plan: SweepPlan) -> Surroundings {
    var surroundings = sweepSurroundings(plan)
    surroundings.embedder = { name in
      let directory = try modelDirectory(name)
      return Embedder(
        model: try EmbeddingModel(directory: directory.path, card: directory.card),
        threads: options.threadCount == 1 ? 2 : 1)
    }
    return surroundings
  }
}
