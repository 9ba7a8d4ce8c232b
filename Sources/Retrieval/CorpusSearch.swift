public import Basics

/// Questions asked of one corpus: by vectors, exact or approximate, alone or fused with BM25.
public struct CorpusSearch: Sendable {
  /// How vectors are searched.
  public enum VectorSearch: Sendable {
    /// Every vector is compared.
    case exact(CorpusIndex)
    /// An index file, mostly approximate.
    case derived(DerivedIndex, DocumentStore)
  }

  /// One passage found.
  public struct Result: Sendable, Equatable {
    /// Rank from 1.
    public let rank: Int
    /// The passage's id.
    public let id: UTF8Key
    /// The similarity, or the sum of reciprocal ranks if rankings were fused; higher is better.
    public let score: Double
    /// The passage's title, empty if it has none.
    public let title: String
    /// The text of the chunk that was found.
    public let text: String
  }

  /// The most results of one question.
  public static let maximumResults = SearchLimits.maximumK
  /// Documents of each ranking that take part in a fusion, at least.
  private static let fusionDepth = 1000

  private let vectors: VectorSearch
  private let embedder: Embedder
  private let lexical: BM25Index?
  private let store: DocumentStore

  /// A search.
  ///
  /// - Parameters:
  ///   - vectors: How vectors are searched.
  ///   - embedder: The retriever that made them.
  ///   - lexical: BM25 over the same store, to be fused with; `nil` for vectors alone.
  public init(_ vectors: VectorSearch, embedder: Embedder, lexical: BM25Index? = nil) {
    self.vectors = vectors
    self.embedder = embedder
    self.lexical = lexical
    store =
      switch vectors {
      case .exact(let index): index.store
      case .derived(_, let store): store
      }
  }

  /// The best passages for a question.
  ///
  /// - Parameters:
  ///   - question: Any text.
  ///   - limit: The most results, 1 to ``maximumResults``; there may be fewer.
  /// - Returns: By descending score, then by id.
  /// - Throws: `UsageError` for a limit out of range; `InputError` for a question with nothing to
  ///   embed; `StoreError`, `VectorIndexError`.
  public func results(for question: String, limit: Int) throws -> [Result] {
    guard (1...Self.maximumResults).contains(limit) else {
      throw UsageError("k is \(limit), expected 1 to \(Self.maximumResults)")
    }
    guard let vector = embedder.embed(query: question) else {
      throw InputError("there is nothing in the question that can be embedded")
    }
    let depth =
      lexical == nil ? limit : min(max(limit, Self.fusionDepth), Self.maximumResults)
    var (ranking, chunks) = try ranked(VectorMatrix(vector: vector), limit: depth)
    if let lexical {
      let words = try lexical.search(question, limit: depth)
      // A document with several chunks stands at its best one, as in the other ranking.
      var seen = Set<UTF8Key>()
      let best = words.filter { seen.insert(UTF8Key($0.documentID)).inserted }
      for hit in best where chunks[UTF8Key(hit.documentID)] == nil {
        chunks[UTF8Key(hit.documentID)] = hit.chunk
      }
      ranking = try ReciprocalRankFusion().fuse(
        [ranking, best.map { RankedDocument(id: UTF8Key($0.documentID), score: $0.score) }],
        limit: limit)
    }
    let texts = try store.chunks(ranking.compactMap { chunks[$0.id] })
    return zip(ranking, texts).enumerated().map { position, pair in
      Result(
        rank: position + 1, id: pair.0.id, score: pair.0.score, title: pair.1.title,
        text: pair.1.text)
    }
  }

  private func ranked(
    _ query: VectorMatrix, limit: Int
  ) throws -> (ranking: [RankedDocument], chunks: [UTF8Key: Int64]) {
    let hits: [(id: UTF8Key, chunk: Int64, score: Double)]
    switch vectors {
    case .exact(let index):
      hits = try index.rank(query, limit: limit)[0].map {
        ($0.id, index.chunks[$0.row], $0.score)
      }
    case .derived(let index, _):
      hits = try index.rank(query, limit: limit)[0].map { ($0.id, $0.chunk, $0.score) }
    }
    return (
      hits.map { RankedDocument(id: $0.id, score: $0.score) },
      Dictionary(hits.map { ($0.id, $0.chunk) }) { first, _ in first }
    )
  }
}
