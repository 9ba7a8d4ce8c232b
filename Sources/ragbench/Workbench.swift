import Basics
import Corpus
import Models
import Retrieval
import SystemPackage

/// What most commands need: a corpus, a retriever, and the one indexed by the other.
struct Workbench {
  let locations: Locations
  let options: SharedOptions

  init(_ options: SharedOptions) throws {
    locations = try Locations.current()
    self.options = options
  }

  /// The corpus of a name; the user is told which one it is and how large.
  func bundle(_ name: String) throws -> CorpusBundle {
    let bundle = try CorpusLibrary(locations).bundle(named: name)
    introduce(bundle)
    return bundle
  }

  /// Tells the user which corpus it is and how large.
  func introduce(_ bundle: CorpusBundle) {
    Output.note(
      "corpus \(bundle.name) (\(bundle.origin.rawValue)): \(Format.count(bundle.passageCount))"
        + " passages, query sets \(bundle.querySets.joined(separator: ", "))", options)
  }

  /// The retriever of a name or folder, with the cache of embeddings.
  func embedder(_ name: String) throws -> Embedder {
    let directory = try modelDirectory(name)
    let model = try EmbeddingModel(directory: directory.path, card: directory.card)
    try DirectoryListing.create(locations.caches)
    let cache = try EmbeddingCache(locations.caches.appending("embeddings.sqlite"))
    return Embedder(model: model, threads: options.threadCount, cache: cache)
  }

  /// The folder of a retriever.
  func modelDirectory(_ name: String) throws -> ModelDirectory {
    try ModelLibrary(locations).resolve(name, catalogue: ModelCatalogue.shipped(locations))
  }

  /// The corpus as the retriever sees it, built as far as it is not there yet.
  func index(_ bundle: CorpusBundle, _ embedder: Embedder) throws -> CorpusIndex {
    let builder = CorpusIndexBuilder(
      bundle: bundle,
      // Passages are kept in the store; the cache is for questions and poison.
      embedder: Embedder(model: embedder.model, threads: embedder.threads),
      indexes: locations.indexes)
    let progress = StageProgress(isQuiet: options.quiet)
    defer { progress.finish() }
    return try builder.build(
      begin: { stage in
        switch stage {
        case .importing(let total): progress.begin("importing", total: total, unit: "passages")
        case .embedding(let total): progress.begin("embedding", total: total, unit: "passages")
        }
      }, advance: { progress.advance($0) })
  }
}
