public import Basics
public import Models
public import SystemPackage
import Tensors

/// A corpus as one retriever sees it: the stored passages, their vectors, exact search.
///
/// Rows number the embedded chunks by ascending chunk key.
public struct CorpusIndex: Sendable {
  /// One passage of a ranking.
  public struct Hit: Sendable, Equatable {
    /// Row of the vector.
    public let row: Int
    /// The passage's id.
    public let id: UTF8Key
    /// Similarity to the query; higher is better.
    public let score: Double
  }

  /// The stored passages.
  public let store: DocumentStore
  /// What the vectors were made by.
  public let identity: RetrieverIdentity
  /// The state of the store when the vectors were read.
  public let state: StoreState
  /// `[rows, dimension]`.
  public let vectors: VectorMatrix
  /// The chunk of each row.
  public let chunks: [Int64]
  /// The document of each row.
  public let documentIDs: [UTF8Key]
  private let scan: ExactScan
  private let threads: Int

  /// Reads the vectors of a retriever from a store.
  ///
  /// - Parameters:
  ///   - store: the store, open for reading or writing.
  ///   - identity: the retriever.
  ///   - similarity: how vectors are compared.
  ///   - threads: threads for searches.
  /// - Throws: `StoreError` if the retriever is unknown or the store is damaged; `InputError` if
  ///   chunks wait to be embedded.
  public init(
    store: DocumentStore, identity: RetrieverIdentity, similarity: Similarity, threads: Int
  ) throws {
    let (loaded, values) = try store.embeddings(of: identity)
    guard loaded.pending == 0 else {
      throw InputError(
        "\(loaded.pending) passages wait to be embedded by \(identity.model); run"
          + " 'ragbench index build' again", at: Place(file: store.path.shown))
    }
    self.store = store
    self.identity = identity
    self.threads = threads
    state = loaded.state
    chunks = loaded.chunks
    vectors = try VectorMatrix(values, rows: chunks.count, dimension: identity.dimension)
    documentIDs = try store.documentIDs(ofChunks: chunks).map { UTF8Key($0) }
    scan = try ExactScan(vectors, similarity: similarity, threads: threads)
  }

  /// The best passages for each query: exact, by score from high to low, then by id.
  ///
  /// A document with several chunks stands at its best one.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - limit: passages for each query, at least 1; a smaller corpus gives all it has.
  /// - Returns: one ranking for each query.
  /// - Throws: `VectorIndexError` that names the row.
  public func rank(_ queries: VectorMatrix, limit: Int) throws -> [[Hit]] {
    let hasManyChunks = state.chunks > state.documents
    // Room for further chunks of the documents that come first.
    let depth = hasManyChunks ? min(limit * 8, SearchLimits.maximumK) : limit
    return try scan.search(queries, k: depth, threads: threads).map { neighbours in
      var seen = Set<UTF8Key>()
      var hits: [Hit] = []
      for neighbour in neighbours {
        let row = Int(neighbour.id)
        guard seen.insert(documentIDs[row]).inserted else { continue }
        hits.append(Hit(row: row, id: documentIDs[row], score: Double(neighbour.score)))
      }
      hits.sort { ($1.score, $0.id) < ($0.score, $1.id) }
      return Array(hits.prefix(limit))
    }
  }
}
