public import Basics
public import Models
import SystemPackage
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

    /// A passage of a ranking.
    public init(row: Int, id: UTF8Key, score: Double) {
      self.row = row
      self.id = id
      self.score = score
    }
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
  /// Whether the vectors are those of a mapped file.
  public let isMapped: Bool
  private let scan: ExactScan
  /// The row of each id of the scan, which numbers rows by document: so ties are told apart.
  private let rows: [Int]
  private let documents: Int
  private let threads: Int

  /// Opens the vectors of a retriever: mapped from their file, if it is of the store's present state,
  /// else copied out of the store.
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
    let state = try store.state()
    let directory = store.path.removingLastComponent()
    if let file = VectorFile.current(identity, state, in: directory) {
      (self.state, chunks, vectors, isMapped) = (state, file.chunks, file.vectors, true)
    } else {
      let (loaded, values) = try store.embeddings(of: identity)
      guard loaded.pending == 0 else {
        throw InputError(
          "\(loaded.pending) passages wait to be embedded by \(identity.model); run"
            + " 'ragbench index build' again", at: Place(file: store.path.shown))
      }
      self.state = loaded.state
      chunks = loaded.chunks
      vectors = try VectorMatrix(values, rows: chunks.count, dimension: identity.dimension)
      isMapped = false
    }
    self.store = store
    self.identity = identity
    self.threads = threads
    documentIDs = try store.documentIDs(ofChunks: chunks).map { UTF8Key($0) }
    let ids = documentIDs
    let order = ids.indices.sorted { (ids[$0], $0) < (ids[$1], $1) }
    rows = order
    documents = order.indices.reduce(0) { count, position in
      position > 0 && ids[order[position]] == ids[order[position - 1]] ? count : count + 1
    }
    var numbers = [Int64](repeating: 0, count: order.count)
    for (position, row) in order.enumerated() { numbers[row] = Int64(position) }
    scan = try ExactScan(vectors, ids: numbers, similarity: similarity, threads: threads)
  }

  /// The best passages for each query: exact, by score from high to low, then by id.
  ///
  /// A document with several chunks stands at its best one; at most 10,000 chunks are looked at.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - limit: passages for each query, 1 to 10,000; a smaller corpus gives all it has.
  /// - Returns: one ranking for each query.
  /// - Throws: `VectorIndexError` that names the row.
  public func rank(_ queries: VectorMatrix, limit: Int) throws -> [[Hit]] {
    let hasManyChunks = documents < vectors.rows
    // Room for further chunks of the documents that come first.
    var depth = hasManyChunks ? min(limit * 8, SearchLimits.maximumK) : limit
    var rankings = try hits(queries, depth: depth, limit: limit)
    let complete = min(limit, documents)
    while depth < min(vectors.rows, SearchLimits.maximumK) {
      // The chunks of few documents have taken all the room.
      let short = rankings.indices.filter { rankings[$0].count < complete }
      guard !short.isEmpty else { break }
      depth = min(depth * 8, SearchLimits.maximumK)
      let again = try VectorMatrix(
        short.flatMap { queries[$0] }, rows: short.count, dimension: queries.dimension)
      for (query, ranking) in zip(short, try hits(again, depth: depth, limit: limit)) {
        rankings[query] = ranking
      }
    }
    return rankings
  }

  /// The similarity of one query to some passages, the same bits that `rank` gives.
  ///
  /// - Parameters:
  ///   - query: One vector.
  ///   - rows: Rows of `vectors`.
  /// - Returns: One score a row.
  /// - Throws: `VectorIndexError`.
  public func similarities(of query: VectorMatrix, to rows: [Int]) throws -> [Double] {
    precondition(query.rows == 1, "similarities: \(query.rows) queries")
    let repeated = try VectorMatrix(
      rows.flatMap { _ in query[0] }, rows: rows.count, dimension: query.dimension)
    // The scan numbers vectors as they are; only its ids are ordered by document.
    return try scan.scores(of: repeated, against: rows).map(Double.init)
  }

  /// The row of a chunk.
  ///
  /// - Parameter chunk: A key.
  /// - Returns: The row, `nil` if the chunk has no vector here.
  public func row(ofChunk chunk: Int64) -> Int? {
    var (low, high) = (0, chunks.count)
    while low < high {
      let middle = (low + high) / 2
      if chunks[middle] < chunk { low = middle + 1 } else { high = middle }
    }
    return low < chunks.count && chunks[low] == chunk ? low : nil
  }

  private func hits(_ queries: VectorMatrix, depth: Int, limit: Int) throws -> [[Hit]] {
    try scan.search(queries, k: depth, threads: threads).map { neighbours in
      var seen = Set<UTF8Key>()
      var hits: [Hit] = []
      for neighbour in neighbours where hits.count < limit {
        let row = rows[Int(neighbour.id)]
        guard seen.insert(documentIDs[row]).inserted else { continue }
        hits.append(Hit(row: row, id: documentIDs[row], score: Double(neighbour.score)))
      }
      return hits
    }
  }
}

extension CorpusIndex {
  /// Writes the vectors beside the store, for the next one who opens the index.
  ///
  /// - Throws: `FileError`.
  func writeVectors() throws {
    try VectorFile.write(
      vectors, chunks: chunks, identity, state, in: store.path.removingLastComponent())
  }
}
