import Basics
import Models
import Retrieval
import Synchronization
import Tensors

/// A document that a client injected.
struct InjectedDocument: Sendable {
  var id: UTF8Key
  var title: String
  var text: String
  /// The question it is aimed at, if the client said so.
  var target: UTF8Key?
}

/// Documents that one client injected under one handle: seen by searches that name it, and by nothing
/// else. The store never changes.
final class InjectedSet: Sendable {
  /// Documents with their vectors by one retriever.
  struct Embedded: Sendable {
    /// The documents that can be embedded, by ascending id.
    var documents: [InjectedDocument]
    /// `[documents, dimension]`.
    var vectors: VectorMatrix
    fileprivate var scan: ExactScan

    /// The best documents for a query.
    ///
    /// - Parameters:
    ///   - query: One vector.
    ///   - limit: The most documents.
    ///   - threads: Threads to use.
    /// - Returns: Positions in `documents` with scores, best first; ties by id.
    /// - Throws: `VectorIndexError`.
    func rank(
      _ query: VectorMatrix, limit: Int, threads: Int
    ) throws -> [(position: Int, score: Double)] {
      guard !documents.isEmpty else { return [] }
      return try scan.search(query, k: min(limit, documents.count), threads: threads)[0].map {
        (Int($0.id), Double($0.score))
      }
    }
  }

  /// The name under which searches see the documents.
  let handle: String
  private struct State {
    var documents: [InjectedDocument] = []
    var bytes = 0
    var embedded: [String: Embedded] = [:]
  }
  private let state = Mutex(State())

  fileprivate init(handle: String) { self.handle = handle }

  /// The documents, in the order they were given in.
  var documents: [InjectedDocument] { state.withLock(\.documents) }

  /// Bytes of titles and texts.
  var bytes: Int { state.withLock(\.bytes) }

  /// A document by its id.
  func document(_ id: UTF8Key) -> InjectedDocument? {
    state.withLock { $0.documents.first { $0.id == id } }
  }

  fileprivate func add(_ documents: [InjectedDocument], bytes: Int) {
    state.withLock { state in
      state.documents += documents
      state.bytes += bytes
      state.embedded = [:]
    }
  }

  /// The documents with their vectors, made at the first call.
  ///
  /// - Parameters:
  ///   - embedder: The retriever.
  ///   - separator: What joins title and text.
  ///   - progress: Called with the number of documents embedded since the last call.
  /// - Returns: The documents that can be embedded.
  /// - Throws: What embedding throws.
  func embedded(
    by embedder: Embedder, separator: String, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> Embedded {
    if let ready = state.withLock({ $0.embedded[embedder.model.identity] }) { return ready }
    let all = documents
    let embeddings = try embedder.embed(
      all.map { .passage(title: $0.title, text: $0.text, separator: separator) },
      progress: progress)
    let empty = Set(embeddings.unembeddable)
    let order = all.indices.filter { !empty.contains($0) }.sorted { all[$0].id < all[$1].id }
    let vectors = try VectorMatrix(
      order.flatMap { embeddings.matrix[$0] }, rows: order.count,
      dimension: embedder.model.dimension)
    let made = Embedded(
      documents: order.map { all[$0] }, vectors: vectors,
      // Rows stand by ascending id, so the scan tells ties apart as rankings do.
      scan: try ExactScan(
        vectors, similarity: embedder.model.similarity, threads: embedder.threads))
    state.withLock { state in
      // Documents added meanwhile are embedded at the next call.
      if state.documents.count == all.count { state.embedded[embedder.model.identity] = made }
    }
    return made
  }
}

/// Injected documents by handle.
///
/// A handle is 128 random bits: who does not hold it can neither see nor remove the documents.
final class OverlayStore: Sendable {
  /// Handles at once.
  static let maximumHandles = 256
  /// Documents under one handle.
  static let maximumDocuments = 10_000
  /// Bytes of all titles and texts.
  static let maximumBytes = 64 << 20

  private let sets = Mutex<[UTF8Key: InjectedSet]>([:])

  /// How many handles there are, and documents under all of them.
  var counts: (handles: Int, documents: Int) {
    sets.withLock { ($0.count, $0.values.reduce(0) { $0 + $1.documents.count }) }
  }

  /// The documents of a handle.
  ///
  /// - Parameter handle: The handle.
  /// - Returns: The set.
  /// - Throws: `UsageError` if there is none.
  func set(_ handle: String) throws -> InjectedSet {
    guard let set = sets.withLock({ $0[UTF8Key(handle)] }) else { throw Self.unknown(handle) }
    return set
  }

  /// Adds documents under a handle, or under a new one.
  ///
  /// - Parameters:
  ///   - documents: The documents, ids distinct.
  ///   - handle: A handle; `nil` makes one.
  /// - Returns: The set.
  /// - Throws: `UsageError` for an unknown handle, an id that is there already, or a limit.
  func add(_ documents: [InjectedDocument], to handle: String?) throws -> InjectedSet {
    let bytes = documents.reduce(0) { $0 + $1.title.utf8.count + $1.text.utf8.count }
    return try sets.withLock { sets in
      let present = sets.values.reduce(0) { $0 + $1.bytes }
      guard present + bytes <= Self.maximumBytes else {
        throw UsageError(
          "injected texts would take \(Format.bytes(present + bytes)), at most"
            + " \(Format.bytes(Self.maximumBytes)) are kept: call rollback for handles that are done"
        )
      }
      let set: InjectedSet
      if let handle {
        guard let known = sets[UTF8Key(handle)] else { throw Self.unknown(handle) }
        set = known
      } else {
        guard sets.count < Self.maximumHandles else {
          throw UsageError(
            "there are \(sets.count) handles already: call rollback for those that are done")
        }
        set = InjectedSet(handle: Self.newHandle())
      }
      let ids = Set(set.documents.map(\.id))
      if let twice = documents.first(where: { ids.contains($0.id) }) {
        throw UsageError(
          "the id '\(TerminalText.excerpt(twice.id.string))' was injected under this handle before")
      }
      guard ids.count + documents.count <= Self.maximumDocuments else {
        throw UsageError(
          "a handle holds at most \(Self.maximumDocuments) documents, this would be"
            + " \(ids.count + documents.count)")
      }
      set.add(documents, bytes: bytes)
      sets[UTF8Key(set.handle)] = set
      return set
    }
  }

  /// Forgets the documents of a handle.
  ///
  /// - Parameter handle: The handle.
  /// - Returns: How many documents there were.
  /// - Throws: `UsageError` if there is no such handle.
  func remove(_ handle: String) throws -> Int {
    guard let set = sets.withLock({ $0.removeValue(forKey: UTF8Key(handle)) }) else {
      throw Self.unknown(handle)
    }
    return set.documents.count
  }

  private static func unknown(_ handle: String) -> UsageError {
    UsageError(
      "there is no handle '\(TerminalText.excerpt(handle))': inject gives one, and rollback ends it"
    )
  }

  private static func newHandle() -> String {
    // Not for results: a name that nobody can guess.
    var generator = SystemRandomNumberGenerator()
    return "overlay-"
      + (0..<2).map { _ in
        let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
      }.joined()
  }
}
