import Basics
public import Corpus
public import Retrieval

/// A query set on a corpus nobody has poisoned: what every attack is measured against.
public struct CleanRetrieval: Sendable {
  /// The set's name.
  public let set: String
  /// The questions with something to embed, in the set's order.
  public let queries: [Query]
  /// Ids of the questions without anything to embed; they are in no count.
  public let unembeddable: [String]
  /// `[queries, dimension]`, query side.
  public let vectors: VectorMatrix
  /// The best passages of each question.
  public let hits: [[CorpusIndex.Hit]]
  /// Passages asked for; a shorter ranking holds the whole corpus.
  public let depth: Int

  /// Embeds the questions and ranks the corpus for each.
  ///
  /// - Parameters:
  ///   - set: the set's name.
  ///   - queries: its questions.
  ///   - index: the corpus.
  ///   - embedder: the retriever.
  ///   - depth: passages to keep for each question, at least the largest k.
  ///   - advance: called with the number of questions embedded since the last call.
  /// - Throws: what embedding and search throw.
  public init(
    set: String, queries: [Query], index: CorpusIndex, embedder: Embedder, depth: Int,
    advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws {
    let embeddings = try embedder.embed(queries.map { .query($0.text) }, progress: advance)
    let empty = Set(embeddings.unembeddable)
    let kept = queries.indices.filter { !empty.contains($0) }
    self.set = set
    self.queries = kept.map { queries[$0] }
    self.depth = depth
    unembeddable = empty.sorted().map { queries[$0].id }
    vectors =
      empty.isEmpty
      ? embeddings.matrix
      : try VectorMatrix(
        kept.flatMap { embeddings.matrix[$0] }, rows: kept.count,
        dimension: embeddings.matrix.dimension)
    hits = try index.rank(vectors, limit: depth)
  }

  /// The rankings as retrieval quality is measured on them, one a question.
  ///
  /// - Returns: in the order of `queries`.
  /// - Throws: `InputError` for a ranking that names a passage twice.
  public func rankings() throws -> [Ranking] {
    try zip(queries, hits).map { query, hits in
      try Ranking(
        query: UTF8Key(query.id),
        scored: hits.map { RankedDocument(id: $0.id, score: $0.score) })
    }
  }

  /// The ranking of a question, ready for injected documents.
  ///
  /// - Parameter query: position in `queries`.
  /// - Returns: the overlay over the clean ranking.
  /// - Throws: `OverlayError` if the ranking is malformed.
  public func overlay(_ query: Int) throws -> Overlay {
    try Overlay(
      clean: hits[query].map { RankedDocument(id: $0.id, score: $0.score) },
      isComplete: hits[query].count < depth)
  }
}
