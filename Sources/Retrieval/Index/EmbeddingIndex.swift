public import Models
public import SystemPackage

/// Vectors under Int64 keys, searched by similarity.
///
/// Everything may be called from any thread: searches run side by side, changes run alone. Calls
/// block and belong off the cooperative pool.
public protocol EmbeddingIndex: Sendable {
  /// Values in each vector.
  var dimension: Int { get }
  /// How vectors are compared.
  var similarity: Similarity { get }
  /// Number of vectors.
  var count: Int { get }

  /// Adds vectors.
  ///
  /// - Parameters:
  ///   - vectors: `[n, dimension]`, finite; under cosine none of norm zero.
  ///   - ids: One for each vector: not negative, not in the index, not twice. Nothing is added
  ///     if one of them is refused.
  /// - Throws: `VectorIndexError` that names the id.
  func add(_ vectors: VectorMatrix, ids: [Int64]) throws

  /// The best vectors for each query, by score from high to low, then by id from low to high.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`, finite; under cosine none of norm zero.
  ///   - k: Vectors for each query, 1 to 10,000; a smaller index gives all it has.
  ///   - effort: How hard an approximate index looks.
  /// - Returns: One ranking for each query; it does not depend on the queries beside it nor on the
  ///   number of threads.
  /// - Throws: `VectorIndexError` that names the row.
  func search(_ queries: VectorMatrix, k: Int, effort: SearchEffort) throws -> [[Neighbor]]

  /// Removes vectors; ids that are not there are passed over.
  ///
  /// - Parameter ids: The keys.
  /// - Returns: The number of vectors removed.
  /// - Throws: `VectorIndexError.unsupported` if this kind cannot.
  @discardableResult
  func remove(_ ids: [Int64]) throws -> Int

  /// The vector under an id as it is stored: approximate where the kind compresses, of norm 1
  /// under cosine.
  ///
  /// - Parameter id: The key.
  /// - Returns: `dimension` values.
  /// - Throws: `VectorIndexError.unknownID`.
  func reconstruct(_ id: Int64) throws -> [Float]

  /// Writes the index and its manifest into a directory, each whole or not at all.
  ///
  /// - Parameters:
  ///   - directory: An existing directory.
  ///   - source: What the vectors were made from.
  /// - Returns: The manifest written.
  /// - Throws: `FileError` if writing fails.
  @discardableResult
  func save(to directory: FilePath, source: IndexSource) throws -> IndexManifest
}

extension EmbeddingIndex {
  /// The best vectors for each query at the standard effort.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`.
  ///   - k: Vectors for each query, 1 to 10,000.
  /// - Returns: One ranking for each query.
  /// - Throws: `VectorIndexError` that names the row.
  public func search(_ queries: VectorMatrix, k: Int) throws -> [[Neighbor]] {
    try search(queries, k: k, effort: .standard)
  }
}

/// Limits on a search, the same for every index.
enum SearchLimits {
  static let maximumK = 10_000
  /// Neighbours in one answer, over all queries: about 1.6 GB.
  static let maximumAnswers = 100_000_000

  static func check(k: Int, queries: Int) throws {
    guard (1...maximumK).contains(k) else {
      throw VectorIndexError.limit(name: "k", value: k, range: "1 to \(maximumK)")
    }
    guard queries <= maximumAnswers / k else {
      throw VectorIndexError.limit(
        name: "queries", value: queries,
        range: "at most \(maximumAnswers / k) at once for k = \(k)")
    }
  }
}
