import Basics
import Models
import Retrieval
import Synchronization
import SystemPackage

/// A corpus as it is served: its vectors, and what may be fused with them, of one moment.
struct ServedIndex: Sendable {
  /// Vectors and exact search.
  let corpus: CorpusIndex
  /// BM25 over the same content, made at first use.
  private let lexicalIndex = LazyLexical()

  init(_ corpus: CorpusIndex) { self.corpus = corpus }

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
  private let state: Mutex<State>

  /// Reads the index.
  ///
  /// - Parameters:
  ///   - store: Open for reading.
  ///   - identity: Whose vectors.
  ///   - similarity: How they are compared.
  ///   - threads: Threads for searches.
  /// - Throws: `StoreError`; `InputError` if passages wait to be embedded.
  init(
    store: DocumentStore, identity: RetrieverIdentity, similarity: Similarity, threads: Int
  ) throws {
    self.store = store
    self.identity = identity
    self.similarity = similarity
    self.threads = threads
    let index = try CorpusIndex(
      store: store, identity: identity, similarity: similarity, threads: threads)
    state = Mutex(State(index: ServedIndex(index), stored: index.state.generation))
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
      guard generation != state.index.corpus.state.generation else { return state.index }
      if let last = state.lastAttempt, ContinuousClock.now - last < Self.patience {
        return state.index
      }
      do {
        let index = try CorpusIndex(
          store: store, identity: identity, similarity: similarity, threads: threads)
        state.index = ServedIndex(index)
        state.stored = index.state.generation
        state.lastAttempt = nil
        state.reloads += 1
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
