import CFaiss
public import Models

/// An index kept by FAISS, exact or approximate.
///
/// FAISS lets searches run side by side and nothing beside a change, so every call goes through a
/// lock. Equal calls give equal bytes and rankings at any number of threads.
///
/// Unchecked: `handle` points to a C++ object whose calls `lock` keeps apart, and `state` is read
/// and written only under it.
public final class FaissIndex: EmbeddingIndex, @unchecked Sendable {
  struct State {
    /// The keys inside; FAISS itself takes a key twice without a word.
    var ids: Set<Int64> = []
    /// The search parameter that FAISS holds, nil where unknown.
    var parameter: Int?
    /// The operation that failed half-way.
    var failed: String?
  }

  /// How vectors are found and stored.
  public let kind: IndexKind
  /// Values in each vector.
  public let dimension: Int
  /// How vectors are compared.
  public let similarity: Similarity
  let lock = ReadWriteLock()
  let handle: OpaquePointer
  var state = State()

  /// An empty index.
  ///
  /// - Parameters:
  ///   - kind: How vectors are found and stored.
  ///   - dimension: Values in each vector, 1 to 65,536.
  ///   - similarity: How vectors are compared.
  /// - Throws: `VectorIndexError.kind` or `.limit` if the kind does not fit the dimension.
  public init(kind: IndexKind, dimension: Int, similarity: Similarity) throws {
    try kind.validate(dimension: dimension)
    var made: OpaquePointer?
    let metric = similarity == .l2 ? RBF_L2 : RBF_INNER_PRODUCT
    try FaissLibrary.check(
      rbf_create(Int32(dimension), kind.description, metric, &made), "create index \(kind)")
    guard let made else {
      throw VectorIndexError.engine(operation: "create index \(kind)", message: "no index made")
    }
    handle = made
    self.kind = kind
    self.dimension = dimension
    self.similarity = similarity
  }

  /// Takes over an index that was read and checked.
  init(reading handle: OpaquePointer, manifest: IndexManifest, ids: Set<Int64>) {
    self.handle = handle
    kind = manifest.kind
    dimension = manifest.dimension
    similarity = manifest.similarity
    state.ids = ids
  }

  deinit { rbf_free(handle) }

  /// Number of vectors.
  public var count: Int { lock.read { state.ids.count } }

  /// Whether vectors can be added; at once for kinds that need no training.
  public var isTrained: Bool { lock.read { rbf_is_trained(handle) != 0 } }

  /// Whether an id is in the index.
  ///
  /// - Parameter id: The key.
  /// - Returns: Whether a vector has it.
  public func contains(_ id: Int64) -> Bool { lock.read { state.ids.contains(id) } }

  /// Learns cells and codes; does nothing for kinds that need no training.
  ///
  /// - Parameter vectors: `[n, dimension]`, a fair sample; 39 for each cell or code are plenty.
  /// - Throws: `VectorIndexError.tooFewTrainingVectors`, `.alreadyTrained`, `.vector` with the row.
  public func train(_ vectors: VectorMatrix) throws {
    guard kind.minimumTrainingVectors > 0 else { return }
    let prepared = try VectorCheck.prepared(
      vectors, dimension: dimension, similarity: similarity, what: "training vector",
      name: { "training row \($0)" })
    guard prepared.rows >= kind.minimumTrainingVectors else {
      throw VectorIndexError.tooFewTrainingVectors(
        kind: kind.description, needed: kind.minimumTrainingVectors, found: prepared.rows)
    }
    try change("training") {
      guard rbf_is_trained(handle) == 0 else {
        throw VectorIndexError.alreadyTrained(kind: kind.description)
      }
      try prepared.withValues { values in
        guard let first = values.baseAddress else { return }
        try failing("training", rbf_train(handle, Int64(prepared.rows), first))
      }
    }
  }

  /// Adds vectors; see ``EmbeddingIndex/add(_:ids:)``.
  public func add(_ vectors: VectorMatrix, ids: [Int64]) throws {
    guard ids.count == vectors.rows else {
      throw VectorIndexError.shape("\(vectors.rows) vectors came with \(ids.count) ids")
    }
    let prepared = try VectorCheck.prepared(
      vectors, dimension: dimension, similarity: similarity, what: "vector",
      name: { "vector of id \(ids[$0])" })
    var fresh = Set<Int64>(minimumCapacity: ids.count)
    for id in ids {
      guard id >= 0 else { throw VectorIndexError.id(id, reason: "negative ids are not allowed") }
      guard fresh.insert(id).inserted else {
        throw VectorIndexError.id(id, reason: "is given twice")
      }
    }
    try change("add") {
      guard rbf_is_trained(handle) != 0 else {
        throw VectorIndexError.notTrained(kind: kind.description)
      }
      if let present = ids.first(where: state.ids.contains) {
        throw VectorIndexError.id(present, reason: "is in the index already; remove it first")
      }
      try prepared.withValues { values in
        guard let first = values.baseAddress, !ids.isEmpty else { return }
        try failing("add", rbf_add(handle, Int64(ids.count), first, ids))
      }
      state.ids.formUnion(fresh)
    }
  }

  /// Removes vectors; see ``EmbeddingIndex/remove(_:)``.
  @discardableResult
  public func remove(_ ids: [Int64]) throws -> Int {
    guard kind.canRemove else {
      throw VectorIndexError.unsupported(
        kind: kind.description, operation: "remove vectors",
        instead: "build it again without them")
    }
    return try change("remove") {
      let present = Set(ids).intersection(state.ids)
      guard !present.isEmpty else { return 0 }
      var removed: Int64 = 0
      // Sorted, because the order of a set changes from run to run.
      try failing(
        "remove", rbf_remove(handle, Int64(present.count), present.sorted(), &removed))
      guard removed == present.count else {
        state.failed = "remove"
        throw VectorIndexError.engine(
          operation: "remove", message: "FAISS removed \(removed) of \(present.count) vectors")
      }
      state.ids.subtract(present)
      return present.count
    }
  }

  /// The vector under an id; see ``EmbeddingIndex/reconstruct(_:)``.
  public func reconstruct(_ id: Int64) throws -> [Float] {
    let vector = try lock.read {
      try checkUsable()
      return rbf_can_reconstruct(handle) != 0 ? try stored(id) : nil
    }
    if let vector { return vector }
    return try change("reconstruct") {
      try FaissLibrary.check(rbf_prepare_reconstruct(handle), "reconstruct")
      return try stored(id)
    }
  }

  private func stored(_ id: Int64) throws -> [Float] {
    guard state.ids.contains(id) else { throw VectorIndexError.unknownID(id) }
    var vector = [Float](repeating: 0, count: dimension)
    try FaissLibrary.check(rbf_reconstruct(handle, id, &vector), "reconstruct id \(id)")
    return vector
  }

  /// Runs a change alone, unless an earlier one failed half-way.
  func change<Result>(_ operation: String, _ body: () throws -> Result) throws -> Result {
    try lock.write {
      try checkUsable()
      return try body()
    }
  }

  func checkUsable() throws {
    if let failed = state.failed { throw VectorIndexError.halfChanged(failed) }
  }

  /// A change that FAISS breaks off may be half done, so the index is closed to all further use.
  private func failing(_ operation: String, _ status: rbf_status) throws {
    do {
      try FaissLibrary.check(status, operation)
    } catch {
      state.failed = operation
      throw error
    }
  }
}
