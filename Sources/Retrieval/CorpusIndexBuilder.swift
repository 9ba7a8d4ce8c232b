import Basics
public import Corpus
import Models
public import SystemPackage
import Tensors

/// Brings a corpus into a store and embeds it; every step is resumed where an earlier run stopped.
public struct CorpusIndexBuilder: Sendable {
  /// What is being done.
  public enum Stage: Sendable {
    /// Passages are read into the store.
    case importing(total: Int)
    /// Passages are embedded.
    case embedding(total: Int)
  }

  /// Passages that are embedded and committed together.
  private static let slice = 512

  private let bundle: CorpusBundle
  private let embedder: Embedder
  private let indexes: FilePath

  /// Creates a builder.
  ///
  /// - Parameters:
  ///   - bundle: the corpus.
  ///   - embedder: the retriever.
  ///   - indexes: the folder of all indexes.
  public init(bundle: CorpusBundle, embedder: Embedder, indexes: FilePath) {
    self.bundle = bundle
    self.embedder = embedder
    self.indexes = indexes
  }

  /// The folder of a corpus: its name and the checksum of its passages, so that a corpus that was
  /// changed never meets an index of its former self.
  ///
  /// - Parameters:
  ///   - bundle: the corpus.
  ///   - indexes: the folder of all indexes.
  /// - Returns: a sub-folder of `indexes`, which need not exist.
  public static func directory(of bundle: CorpusBundle, in indexes: FilePath) -> FilePath {
    indexes.appending("\(bundle.name)-\(bundle.passagesChecksum.prefix(12))")
  }

  /// What decides the bits of the corpus's embeddings.
  public var identity: RetrieverIdentity {
    RetrieverIdentity(
      model: embedder.model.name, modelHash: embedder.model.identity,
      dimension: embedder.model.dimension, similarity: embedder.model.similarity.rawValue,
      titleSeparator: bundle.titleSeparator, instructionSet: ComputeContext.instructionSet)
  }

  /// Imports and embeds what is missing, and opens the index.
  ///
  /// - Parameters:
  ///   - wait: how long to wait for another process that writes.
  ///   - begin: called at the start of each stage that has work to do.
  ///   - advance: called with the number of passages done since the last call, from any thread.
  /// - Returns: the index, complete.
  /// - Throws: `LockedError` if another process writes; `StoreError`, `InputError`, `FileError`.
  public func build(
    wait: Duration = .zero, begin: (Stage) -> Void = { _ in },
    advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> CorpusIndex {
    let directory = Self.directory(of: bundle, in: indexes)
    if let ready = try openIfComplete(directory) { return ready }
    let store = try Self.writableStore(
      of: bundle, in: indexes, wait: wait, begin: begin, advance: advance)
    let pending = try store.pendingChunks(of: identity)
    if pending.isEmpty {
      // A corpus without passages has a retriever all the same.
      try store.markUnembeddable([], for: identity)
    } else {
      begin(.embedding(total: pending.count))
      for start in stride(from: 0, to: pending.count, by: Self.slice) {
        try embed(
          Array(pending[start..<min(start + Self.slice, pending.count)]), in: store, advance)
      }
    }
    try store.close()
    return try open(directory)
  }

  /// Marks an import that came to its end; later additions and removals are the user's.
  private static let importedName = "imported.json"

  /// Whether all passages of a corpus were brought into its store.
  ///
  /// - Parameter directory: The corpus's folder.
  /// - Returns: Whether an import came to its end.
  public static func isImported(_ directory: FilePath) -> Bool {
    directory.appending(importedName).exists
  }

  /// The store of a corpus with all its passages, open for writing.
  ///
  /// - Parameters:
  ///   - bundle: The corpus.
  ///   - indexes: The folder of all indexes.
  ///   - wait: How long to wait for another process that writes.
  ///   - begin: Called if passages have to be imported.
  ///   - advance: Called with the number of passages done since the last call.
  /// - Returns: The store.
  /// - Throws: `LockedError` if another process writes; `StoreError`, `InputError`, `FileError`.
  public static func writableStore(
    of bundle: CorpusBundle, in indexes: FilePath, wait: Duration = .zero,
    begin: (Stage) -> Void = { _ in }, advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> DocumentStore {
    let directory = directory(of: bundle, in: indexes)
    let store =
      DocumentStore.exists(in: directory)
      ? try DocumentStore.open(in: directory, for: .writing, wait: wait)
      : try DocumentStore.create(in: directory, wait: wait)
    AtomicFile.removeAbandoned(in: directory)
    if !isImported(directory) {
      begin(.importing(total: bundle.passageCount))
      try importPassages(of: bundle, into: store, advance: advance)
      try AtomicFile.write(
        JSONValue.object(["passages": .string(bundle.passagesChecksum)]).serialized() + "\n",
        to: directory.appending(importedName))
    }
    return store
  }

  /// Whether all passages are in the store and embedded, so that `build` has nothing to do.
  ///
  /// - Returns: Whether the index can be opened as it is.
  /// - Throws: `StoreError` if the store is damaged.
  public func isComplete() throws -> Bool {
    guard let store = try completeStore(Self.directory(of: bundle, in: indexes)) else {
      return false
    }
    try store.close()
    return true
  }

  private func openIfComplete(_ directory: FilePath) throws -> CorpusIndex? {
    try completeStore(directory).map { try index(of: $0) }
  }

  private func completeStore(_ directory: FilePath) throws -> DocumentStore? {
    guard DocumentStore.exists(in: directory), Self.isImported(directory) else { return nil }
    let store = try DocumentStore.open(in: directory)
    let isKnown = try store.retrievers().contains { $0.identity == identity && $0.pending == 0 }
    if isKnown { return store }
    try store.close()
    return nil
  }

  private func open(_ directory: FilePath) throws -> CorpusIndex {
    try index(of: DocumentStore.open(in: directory))
  }

  /// Opens the index, by its mapped vectors from the second time on.
  private func index(of store: DocumentStore) throws -> CorpusIndex {
    let index = try CorpusIndex(
      store: store, identity: identity, similarity: embedder.model.similarity,
      threads: embedder.threads)
    // Where the folder cannot be written, the store is read each time.
    if !index.isMapped { try? index.writeVectors() }
    return index
  }

  private static func importPassages(
    of bundle: CorpusBundle, into store: DocumentStore, advance: @escaping @Sendable (Int) -> Void
  ) throws {
    let origin = ImportOrigin(
      run: "corpus \(bundle.name)", source: bundle.manifest.passages.path)
    var line = 0
    _ = try store.addDocuments(from: origin) { add in
      try bundle.forEachPassage { passage in
        try Task.checkCancellation()
        line += 1
        try add(
          StoredDocument(
            id: passage.id, title: passage.title, text: passage.text, metadata: passage.metadata,
            line: line))
        advance(1)
      }
    }
  }

  private func embed(
    _ keys: [Int64], in store: DocumentStore, _ advance: @escaping @Sendable (Int) -> Void
  ) throws {
    let chunks = try store.chunks(keys)
    let embeddings = try embedder.embed(
      chunks.map {
        .passage(title: $0.title, text: $0.text, separator: bundle.titleSeparator)
      }, progress: advance)
    let empty = Set(embeddings.unembeddable)
    if !empty.isEmpty {
      try store.markUnembeddable(empty.sorted().map { chunks[$0].key }, for: identity)
    }
    try store.storeEmbeddings(
      of: identity,
      chunks.indices.filter { !empty.contains($0) }.map { (chunks[$0].key, embeddings.matrix[$0]) })
  }
}
