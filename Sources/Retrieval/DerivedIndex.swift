public import Basics
import Models
public import SystemPackage

/// A FAISS index over the vectors of one retriever, kept in a file that can be made again.
///
/// The store is the truth. The file names the retriever, the generation and the checksum it was
/// made of, and is refused, never searched, when one of them differs. Its ids are chunk keys.
public final class DerivedIndex: Sendable {
  /// What ``update(_:kind:in:threads:wait:)`` did.
  public enum Outcome: String, Sendable {
    /// The file was there and of the present content.
    case current
    /// The file was made.
    case built
  }

  /// One passage of a ranking.
  public struct Hit: Sendable, Equatable {
    /// The key of the chunk.
    public let chunk: Int64
    /// The passage's id.
    public let id: UTF8Key
    /// Similarity to the query; higher is better. Approximate where the kind compresses.
    public let score: Double
  }

  /// The most vectors that cells and codes are learnt from.
  static let trainingVectors = 100_000
  /// Vectors that are handed to FAISS at once.
  private static let slice = 4096
  private static let lockName = "index.lock"

  /// The index.
  public let index: FaissIndex
  private let store: DocumentStore
  private let hasManyChunks: Bool

  private init(_ index: FaissIndex, store: DocumentStore, state: StoreState) {
    self.index = index
    self.store = store
    hasManyChunks = state.chunks > state.documents
  }

  /// The folder of an index: the retriever's name and the kind with its commas as dashes.
  ///
  /// - Parameters:
  ///   - kind: The kind.
  ///   - retriever: The retriever's name.
  ///   - corpus: The corpus's folder.
  /// - Returns: A sub-folder of the corpus's folder.
  public static func directory(
    of kind: IndexKind, retriever: String, in corpus: FilePath
  ) -> FilePath {
    let name = kind.description.split(separator: ",").joined(separator: "-")
    return corpus.appending("\(retriever)-\(name)")
  }

  /// Makes the file of an index unless it is there and of the present content.
  ///
  /// - Parameters:
  ///   - corpus: The vectors.
  ///   - kind: The kind.
  ///   - directory: The corpus's folder.
  ///   - threads: Threads for training and adding; the file does not depend on it.
  ///   - wait: How long to wait for another process that makes the same file.
  /// - Returns: The index, and whether it had to be made.
  /// - Throws: `VectorIndexError` if the kind does not fit the vectors; `LockedError`; `FileError`.
  public static func update(
    _ corpus: CorpusIndex, kind: IndexKind, in directory: FilePath, threads: Int,
    wait: Duration = .zero
  ) throws -> (index: DerivedIndex, outcome: Outcome) {
    try kind.validate(dimension: corpus.vectors.dimension)
    try FaissLibrary.setThreads(threads)
    let folder = Self.directory(of: kind, retriever: corpus.identity.model, in: directory)
    try DirectoryListing.create(folder)
    let lock = try FileLock(folder.appending(lockName), wait: wait)
    defer { withExtendedLifetime(lock) {} }
    AtomicFile.removeAbandoned(in: folder)
    let expected = try expectation(corpus.identity, corpus.state, rebuild: "ragbench index build")
    do {
      let present = try FaissIndex.load(from: folder, expecting: expected)
      if present.kind == kind {
        return (DerivedIndex(present, store: corpus.store, state: corpus.state), .current)
      }
    } catch let error as any ReportableError where error.exitStatus == .badData {
      // Stale, damaged or not there: made again below.
    }
    let made = try build(corpus, kind: kind)
    try made.save(to: folder, source: expected.source)
    return (DerivedIndex(made, store: corpus.store, state: corpus.state), .built)
  }

  /// Reads an index that was made before.
  ///
  /// - Parameters:
  ///   - store: The store it was made of; it must stay open while the index is used.
  ///   - identity: The retriever.
  ///   - kind: The kind.
  ///   - directory: The corpus's folder.
  ///   - threads: Threads for searches; answers do not depend on it.
  ///   - rebuild: The command that makes the file again, for errors.
  /// - Returns: The index.
  /// - Throws: `VectorIndexError.file` with exit status 65 if it is missing, damaged or of another
  ///   content than the store's, with both values.
  public static func load(
    of store: DocumentStore, identity: RetrieverIdentity, kind: IndexKind, in directory: FilePath,
    threads: Int, rebuild: String
  ) throws -> DerivedIndex {
    try FaissLibrary.setThreads(threads)
    let state = try store.state()
    let folder = Self.directory(of: kind, retriever: identity.model, in: directory)
    let index = try FaissIndex.load(
      from: folder, expecting: expectation(identity, state, rebuild: rebuild))
    guard index.kind == kind else {
      throw VectorIndexError.file(
        folder.shown, reason: "its kind is \(index.kind), expected \(kind)", rebuild: rebuild)
    }
    return DerivedIndex(index, store: store, state: state)
  }

  /// The best passages for each query, by score from high to low, then by id.
  ///
  /// A document with several chunks stands at its best one.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - limit: Passages for each query, at least 1; there may be fewer.
  /// - Returns: One ranking for each query.
  /// - Throws: `VectorIndexError` that names the row; `StoreError`.
  public func rank(_ queries: VectorMatrix, limit: Int) throws -> [[Hit]] {
    let depth = hasManyChunks ? min(limit * 8, SearchLimits.maximumK) : limit
    return try index.search(queries, k: depth).map { neighbors in
      let ids = try store.documentIDs(ofChunks: neighbors.map(\.id))
      var seen = Set<UTF8Key>()
      var hits: [Hit] = []
      for (neighbor, id) in zip(neighbors, ids) {
        let id = UTF8Key(id)
        guard seen.insert(id).inserted else { continue }
        hits.append(Hit(chunk: neighbor.id, id: id, score: Double(neighbor.score)))
      }
      hits.sort { ($1.score, $0.id) < ($0.score, $1.id) }
      return Array(hits.prefix(limit))
    }
  }

  /// What the file of a retriever's index over a store must be.
  static func expectation(
    _ identity: RetrieverIdentity, _ state: StoreState, rebuild: String
  ) throws -> IndexExpectation {
    IndexExpectation(
      source: IndexSource(
        model: try identity.canonicalText, corpusGeneration: state.generation,
        corpusChecksum: state.checksum),
      dimension: identity.dimension, similarity: try identity.comparison, rebuild: rebuild)
  }

  private static func build(_ corpus: CorpusIndex, kind: IndexKind) throws -> FaissIndex {
    let vectors = corpus.vectors
    let index = try FaissIndex(
      kind: kind, dimension: vectors.dimension, similarity: try corpus.identity.comparison)
    try index.train(try sample(of: vectors))
    for start in stride(from: 0, to: vectors.rows, by: slice) {
      try Task.checkCancellation()
      let rows = start..<min(start + slice, vectors.rows)
      try index.add(try matrix(of: vectors, rows: Array(rows)), ids: Array(corpus.chunks[rows]))
    }
    return index
  }

  /// Rows at equal distances, so that a large corpus is sampled from its beginning to its end.
  private static func sample(of vectors: VectorMatrix) throws -> VectorMatrix {
    guard vectors.rows > trainingVectors else { return vectors }
    let rows = (0..<trainingVectors).map { $0 * vectors.rows / trainingVectors }
    return try matrix(of: vectors, rows: rows)
  }

  private static func matrix(of vectors: VectorMatrix, rows: [Int]) throws -> VectorMatrix {
    var values: [Float] = []
    values.reserveCapacity(rows.count * vectors.dimension)
    vectors.withValues { all in
      for row in rows {
        values.append(contentsOf: all[row * vectors.dimension..<(row + 1) * vectors.dimension])
      }
    }
    return try VectorMatrix(values, rows: rows.count, dimension: vectors.dimension)
  }
}

extension RetrieverIdentity {
  /// How vectors are compared, as the indexes name it.
  var comparison: Similarity {
    get throws {
      guard let value = Similarity(rawValue: similarity) else {
        throw InputError("unknown similarity '\(TerminalText.escaped(similarity))'")
      }
      return value
    }
  }
}
