public import Corpus
public import Retrieval

/// What an experiment takes from outside: corpora, retrievers and indexes by name.
public struct Surroundings {
  /// The corpus of a name, cut to what an experiment asks for.
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
