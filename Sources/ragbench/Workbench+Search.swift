import Basics
import Corpus
import Models
import Retrieval
import SystemPackage

/// The retriever that is taken unless one is named.
let defaultRetriever = "all-MiniLM-L6-v2"

extension Workbench {
  /// The retriever of a name or folder, without the cache: for questions, each asked once, and for
  /// passages, whose embeddings the store keeps.
  func plainEmbedder(_ name: String) throws -> Embedder {
    // The catalogue is for the message about a name that is not there; reading it costs time.
    let directory = try modelDirectory(name)
    let model = try EmbeddingModel(directory: directory.path, card: directory.card)
    return Embedder(model: model, threads: options.threadCount)
  }

  /// Refuses a retriever that is not there, without loading it.
  func checkRetriever(_ name: String) throws { _ = try modelDirectory(name) }

  /// The corpus of a name, without a note.
  func quietBundle(_ name: String) throws -> CorpusBundle {
    try CorpusLibrary(locations).bundle(named: name)
  }

  /// The folder of a corpus's index.
  func indexDirectory(_ bundle: CorpusBundle) -> FilePath {
    CorpusIndexBuilder.directory(of: bundle, in: locations.indexes)
  }

  /// BM25 over a store; its postings are stored at first use, if no other process writes.
  func lexicalIndex(_ bundle: CorpusBundle, _ store: DocumentStore) throws -> BM25Index {
    do {
      try CorpusIndexBuilder.updatePostings(of: bundle, in: locations.indexes)
    } catch let error as any ReportableError
      where error.exitStatus == .locked || error.exitStatus == .cannotCreate
    {
      // Postings in memory serve as well.
    }
    return try BM25Index(store)
  }

  /// The command that makes an index file again.
  func rebuildCommand(_ bundle: CorpusBundle, _ retriever: String, _ kind: IndexKind) -> String {
    "ragbench index build --corpus \(bundle.name) --retriever \(retriever) --kind \(kind)"
  }

  /// Exact search without a kind, an index file with one.
  func search(
    _ bundle: CorpusBundle, _ embedder: Embedder, kind: IndexKind?
  ) throws -> CorpusSearch.VectorSearch {
    guard let kind else { return .exact(try index(bundle, embedder)) }
    let builder = CorpusIndexBuilder(
      bundle: bundle, embedder: embedder, indexes: locations.indexes)
    let directory = indexDirectory(bundle)
    let store = try DocumentStore.open(in: directory)
    return .derived(
      try DerivedIndex.load(
        of: store, identity: builder.identity, kind: kind, in: directory,
        threads: options.threadCount,
        rebuild: rebuildCommand(bundle, embedder.model.name, kind)), store)
  }
}
