import Basics
import Models
import Retrieval
import Synchronization
import SystemPackage

/// A corpus as it is served: its vectors, and what may be fused with them, of one moment.
struct ServedIndex: Sendable {
  /// Vectors and exact search.
  let corpus: CorpusIndex
  /// An index file of the same content that finds candidates in place of the exact search.
  let derived: DerivedIndex?
  /// BM25 over the same content, made at first use.
  private let lexicalIndex = LazyLexical()

  init(_ corpus: CorpusIndex, derived: DerivedIndex? = nil) {
    self.corpus = corpus
    self.derived = derived
  }

  /// The best passages for each query, with exact scores whatever found them.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - limit: Passages for each query, 1 to 10,000.
  /// - Returns: By descending score, then by id.
  /// - Throws: `VectorIndexError`, `StoreError`; `ChangedError` if the store is ahead by now.
  func rank(_ queries: VectorMatrix, limit: Int) throws -> [[CorpusIndex.Hit]] {
    guard let derived else { return try corpus.rank(queries, limit: limit) }
    let found: [[DerivedIndex.Hit]]
    do {
      found = try derived.rank(queries, limit: limit)
    } catch StoreError.unknownChunk {
      throw ChangedError()
    }
    return try found.enumerated().map { number, hits in
      let known = hits.compactMap { hit in
        corpus.row(ofChunk: hit.chunk).map { (id: hit.id, row: $0) }
      }
      let scores = try corpus.similarities(
        of: try VectorMatrix(vector: queries[number]), to: known.map(\.row))
      return zip(known, scores).map { CorpusIndex.Hit(row: $0.row, id: $0.id, score: $1) }
        .sorted { ($1.score, $0.id) < ($0.score, $1.id) }
    }
  }

  private final class LazyLexical: Sendable {
    let index = Mutex<BM25Index?>(nil)
  }

  /// BM25 over the same content.
  ///
  /// - Returns: The index.
  /// - Throws: `StoreError`; `ChangedError` if the store is ahead of the vectors by now.
  func lexical() throws -> BM25Index {
    let index = try lexicalIndex.index.withLock { index in
      if let index { return index }
      let made = try BM25Index(corpus.store)
      index = made
      return made
    }
    guard index.state == corpus.state else {
      lexicalIndex.index.withLock { $0 = nil }
      throw ChangedError()
    }
    return index
  }

  /// The store changed between two reads; reading again gives one content.
  struct ChangedError: Error {}
}

/// Keeps the served index at the store's content while other processes change it.
final class IndexWatch: Sendable {
  /// What the store says of itself beside what is served.
  struct Lag: Sendable, Equatable {
    /// The generation that is served.
    var served: Int
    /// The generation of the store.
    var stored: Int
  }

  private struct State {
    var index: ServedIndex
    var lastAttempt: ContinuousClock.Instant?
    var stored: Int
    var reloads = 0
  }

  /// How long to wait after finding passages without vectors, which another process is embedding.
  private static let patience: Duration = .milliseconds(50)

  private let store: DocumentStore
  private let identity: RetrieverIdentity
  private let similarity: Similarity
  private let threads: Int
  private let derive: Derive?
  private let state: Mutex<State>

  /// Opens the index file that goes with the vectors.
  typealias Derive = @Sendable (CorpusIndex) throws -> DerivedIndex

  /// Reads the index.
  ///
  /// - Parameters:
  ///   - store: Open for reading.
  ///   - identity: Whose vectors.
  ///   - similarity: How they are compared.
  ///   - threads: Threads for searches.
  ///   - derive: Opens the index file that finds candidates; `nil` compares all vectors.
  /// - Throws: `StoreError`; `InputError` if passages wait to be embedded; what `derive` throws.
  init(
    store: DocumentStore, identity: RetrieverIdentity, similarity: Similarity, threads: Int,
    derive: Derive? = nil
  ) throws {
    self.store = store
    self.identity = identity
    self.similarity = similarity
    self.threads = threads
    self.derive = derive
    let index = try CorpusIndex(
      store: store, identity: identity, similarity: similarity, threads: threads)
    state = Mutex(
      State(
        index: ServedIndex(index, derived: try derive?(index)), stored: index.state.generation))
  }

  /// The index at the store's present content.
  ///
  /// A changed store is read again. While its new passages have no vectors yet, the content before
  /// the change is served.
  ///
  /// - Returns: The index.
  /// - Throws: `StoreError`.
  func current() throws -> ServedIndex {
    let generation = try store.state().generation
    return try state.withLock { state in
      state.stored = generation
      let isCurrent = generation == state.index.corpus.state.generation
      if isCurrent, derive == nil || state.index.derived != nil { return state.index }
      if let last = state.lastAttempt, ContinuousClock.now - last < Self.patience {
        return state.index
      }
      do {
        let index =
          isCurrent
          ? state.index.corpus
          : try CorpusIndex(
            store: store, identity: identity, similarity: similarity, threads: threads)
        // The file is made after the vectors; until it is there, all vectors are compared.
        let derived = try? derive?(index)
        state.lastAttempt = derive != nil && derived == nil ? .now : nil
        if !isCurrent { state.reloads += 1 }
        if !isCurrent || derived != nil { state.index = ServedIndex(index, derived: derived) }
        state.stored = index.state.generation
      } catch is InputError {
        state.lastAttempt = .now
      }
      return state.index
    }
  }

  /// Generations served and stored, as found by the last search.
  var lag: Lag {
    state.withLock { Lag(served: $0.index.corpus.state.generation, stored: $0.stored) }
  }

  /// How often the index was read again.
  var reloads: Int { state.withLock(\.reloads) }
}
