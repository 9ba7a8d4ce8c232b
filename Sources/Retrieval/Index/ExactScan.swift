import CKernels
import Dispatch
public import Models
import Synchronization

/// Exact search over vectors that lie in memory or in a mapped file, without a copy of them.
///
/// One query is answered in about the time of reading the vectors once; a few queries share the
/// reading. A score is the same sum in the same order whatever the number of threads, of queries
/// and the instruction set, so rankings are repeatable bit by bit.
public struct ExactScan: Sendable {
  /// How vectors are compared; under cosine each score is divided by the norm of its vector.
  public let similarity: Similarity
  private let vectors: VectorMatrix
  private let ids: [Int64]?
  /// 1 / norm of each vector, under cosine only.
  private let inverseNorms: [Double]
  private let path: rbk_scan_path

  /// Checks the vectors, which reads them once.
  ///
  /// - Parameters:
  ///   - vectors: `[n, dimension]`, finite; under cosine none of norm zero.
  ///   - ids: One for each vector, distinct and not negative; nil takes the row numbers.
  ///   - similarity: How vectors are compared.
  ///   - threads: Threads for the check.
  /// - Throws: `VectorIndexError` that names the vector.
  public init(
    _ vectors: VectorMatrix, ids: [Int64]? = nil, similarity: Similarity, threads: Int = 2
  ) throws {
    try self.init(
      vectors, ids: ids, similarity: similarity, threads: threads, path: rbk_scan_best_path())
  }

  init(
    _ vectors: VectorMatrix, ids: [Int64]?, similarity: Similarity, threads: Int,
    path: rbk_scan_path
  ) throws {
    if let ids {
      guard ids.count == vectors.rows else {
        throw VectorIndexError.shape("\(vectors.rows) vectors came with \(ids.count) ids")
      }
      var seen = Set<Int64>(minimumCapacity: ids.count)
      for id in ids {
        guard id >= 0 else { throw VectorIndexError.id(id, reason: "negative ids are not allowed") }
        guard seen.insert(id).inserted else {
          throw VectorIndexError.id(id, reason: "is given twice")
        }
      }
    }
    self.vectors = vectors
    self.ids = ids
    self.similarity = similarity
    self.path = path
    inverseNorms = try Self.checkedInverseNorms(
      vectors, ids: ids, similarity: similarity, threads: threads, path: path)
  }

  /// Number of vectors.
  public var count: Int { vectors.rows }
  /// Values in each vector.
  public var dimension: Int { vectors.dimension }

  /// The best vectors for each query, by score from high to low, then by id from low to high.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`, finite; under cosine none of norm zero.
  ///   - k: Vectors for each query, 1 to 10,000; fewer vectors give all there are.
  ///   - threads: Threads to use; the answer does not depend on it.
  /// - Returns: One ranking for each query.
  /// - Throws: `VectorIndexError` that names the row.
  public func search(
    _ queries: VectorMatrix, k: Int, threads: Int = 2
  ) throws -> [[Neighbor]] {
    try SearchLimits.check(k: k, queries: queries.rows)
    let prepared = try VectorCheck.prepared(
      queries, dimension: dimension, similarity: similarity, what: "query",
      name: { "query row \($0)" })
    guard count > 0 else { return Array(repeating: [], count: queries.rows) }
    return prepared.withValues { values in
      var rankings: [[Neighbor]] = []
      rankings.reserveCapacity(queries.rows)
      // So many queries at once that their heaps stay small; each lot reads the vectors once.
      let lot = max(16, min(256, (1 << 20) / min(k, count)))
      var row = 0
      while row < queries.rows {
        let rows = min(lot, queries.rows - row)
        let slice = UnsafeBufferPointer(
          rebasing: values[row * dimension..<(row + rows) * dimension])
        rankings += scan(slice, queries: rows, k: min(k, count), threads: threads)
        row += rows
      }
      return rankings
    }
  }

  /// The score of each query against one vector of its own, the same bits that `search` gives.
  ///
  /// - Parameters:
  ///   - queries: `[n, dimension]`, finite; under cosine none of norm zero.
  ///   - rows: The row of each query's vector.
  /// - Returns: One score for each query.
  /// - Throws: `VectorIndexError` that names the query's row.
  public func scores(of queries: VectorMatrix, against rows: [Int]) throws -> [Float] {
    precondition(
      rows.count == queries.rows && rows.allSatisfy { (0..<count).contains($0) },
      "scores: \(queries.rows) queries, \(rows.count) rows of \(count)")
    let prepared = try VectorCheck.prepared(
      queries, dimension: dimension, similarity: similarity, what: "query",
      name: { "query row \($0)" })
    let measure = similarity == .l2 ? RBK_SCAN_SQUARED_DISTANCE : RBK_SCAN_DOT
    return prepared.withValues { queries in
      vectors.withValues { values in
        guard let values = values.baseAddress, let queries = queries.baseAddress else { return [] }
        return rows.enumerated().map { query, row in
          var score: Float = 0
          rbk_scan_scores(
            path, measure, values + row * dimension, 1, queries + query * dimension, 1, dimension,
            &score)
          return finished(score, row: row)
        }
      }
    }
  }

  /// The score from the kernel's sum.
  private func finished(_ sum: Float, row: Int) -> Float {
    switch similarity {
    case .innerProduct: sum
    case .cosine: Float(Double(sum) * inverseNorms[row])
    // 0 - x, not -x: the best score is 0, never -0.
    case .l2: 0 - sum
    }
  }

  private func scan(
    _ queries: UnsafeBufferPointer<Float>, queries queryCount: Int, k: Int, threads: Int
  ) -> [[Neighbor]] {
    vectors.withValues { values in
      guard let rows = values.baseAddress, let first = queries.baseAddress else { return [] }
      let merged = Mutex((0..<queryCount).map { _ in BoundedRanking(capacity: k) })
      nonisolated(unsafe) let (sharedRows, sharedQueries) = (rows, first)
      ScanBlocks(rows: count, dimension: dimension).forEachWorker(threads: threads) { blocks in
        var rankings = (0..<queryCount).map { _ in BoundedRanking(capacity: k) }
        withUnsafeTemporaryAllocation(
          of: Float.self, capacity: ScanBlocks.queries * ScanBlocks.rows
        ) { scores in
          guard let out = scores.baseAddress else { return }
          while let block = blocks.next() {
            score(
              block, of: sharedRows, against: sharedQueries, queryCount, into: out,
              rankings: &rankings)
          }
        }
        merged.withLock { all in
          for query in 0..<queryCount {
            for neighbor in rankings[query].heap { all[query].offer(neighbor) }
          }
        }
      }
      return merged.withLock { $0.map { $0.ranked() } }
    }
  }

  /// Scores one block of rows tile by tile: a tile stays in the cache while the queries pass.
  private func score(
    _ block: Range<Int>, of rows: UnsafePointer<Float>, against queries: UnsafePointer<Float>,
    _ queryCount: Int, into scores: UnsafeMutablePointer<Float>,
    rankings: inout [BoundedRanking]
  ) {
    let measure = similarity == .l2 ? RBK_SCAN_SQUARED_DISTANCE : RBK_SCAN_DOT
    for tile in stride(from: block.lowerBound, to: block.upperBound, by: ScanBlocks.rows) {
      let tileRows = min(ScanBlocks.rows, block.upperBound - tile)
      for group in stride(from: 0, to: queryCount, by: ScanBlocks.queries) {
        let groupQueries = min(ScanBlocks.queries, queryCount - group)
        rbk_scan_scores(
          path, measure, rows + tile * dimension, tileRows, queries + group * dimension,
          groupQueries, dimension, scores)
        for query in 0..<groupQueries {
          collect(
            UnsafeMutableBufferPointer(start: scores + query * tileRows, count: tileRows),
            from: tile, into: &rankings[group + query])
        }
      }
    }
  }

  private func collect(
    _ scores: UnsafeMutableBufferPointer<Float>, from first: Int,
    into ranking: inout BoundedRanking
  ) {
    if similarity != .innerProduct {
      for row in 0..<scores.count { scores[row] = finished(scores[row], row: first + row) }
    }
    var threshold = ranking.threshold
    for row in 0..<scores.count where scores[row] >= threshold {
      let id = ids.map { $0[first + row] } ?? Int64(first + row)
      ranking.offer(Neighbor(id: id, score: scores[row]))
      threshold = ranking.threshold
    }
  }
}

extension ExactScan {
  /// Checks all rows; the squared norms come from the kernel, and only a suspicious one is summed
  /// again in Float64, which tells what is wrong.
  private static func checkedInverseNorms(
    _ vectors: VectorMatrix, ids: [Int64]?, similarity: Similarity, threads: Int,
    path: rbk_scan_path
  ) throws -> [Double] {
    let (rows, dimension) = (vectors.rows, vectors.dimension)
    var inverse = [Double](repeating: 0, count: similarity == .cosine ? rows : 0)
    let faults = Mutex<(row: Int, error: any Error)?>(nil)
    vectors.withValues { values in
      inverse.withUnsafeMutableBufferPointer { inverse in
        // Each worker writes the rows of its own blocks.
        nonisolated(unsafe) let (values, inverse) = (values, inverse)
        ScanBlocks(rows: rows, dimension: dimension).forEachWorker(threads: threads) { blocks in
          while let block = blocks.next() {
            for row in block {
              let vector = UnsafeBufferPointer(
                rebasing: values[row * dimension..<(row + 1) * dimension])
              do {
                let squared = try squaredNorm(
                  vector, row: row, ids: ids, similarity: similarity, path: path)
                if similarity == .cosine { inverse[row] = 1 / squared.squareRoot() }
              } catch {
                // The first row is named, whichever thread is first.
                faults.withLock { if $0.map({ row < $0.row }) ?? true { $0 = (row, error) } }
              }
            }
          }
        }
      }
    }
    if let fault = faults.withLock({ $0 }) { throw fault.error }
    return inverse
  }

  private static func squaredNorm(
    _ vector: UnsafeBufferPointer<Float>, row: Int, ids: [Int64]?, similarity: Similarity,
    path: rbk_scan_path
  ) throws -> Double {
    guard let first = vector.baseAddress else { return 0 }
    var squared: Float = 0
    rbk_scan_scores(path, RBK_SCAN_DOT, first, 1, first, 1, vector.count, &squared)
    // Below 1e-20 partial sums may have lost digits to underflow.
    if squared > 1e-20, squared < 1e30 { return Double(squared) }
    let name = ids.map { "vector of id \($0[row])" } ?? "vector row \(row)"
    return try VectorCheck.squaredNorm(of: vector, similarity: similarity, name: name)
  }
}

/// Rows in blocks of about a megabyte, handed to whichever thread is free.
private struct ScanBlocks: ~Copyable, Sendable {
  /// Rows in a tile: 96 KiB at 384 dimensions.
  static let rows = 64
  /// Queries that pass over a tile together: 24 KiB at 384 dimensions.
  static let queries = 16

  private let total: Int
  private let blockRows: Int
  private let taken = Atomic<Int>(0)

  init(rows: Int, dimension: Int) {
    total = rows
    let tiles = max(1, (1 << 20) / (4 * dimension * Self.rows))
    blockRows = tiles * Self.rows
  }

  /// The next block that no thread has taken.
  func next() -> Range<Int>? {
    let start = taken.wrappingAdd(blockRows, ordering: .relaxed).oldValue
    guard start < total else { return nil }
    return start..<min(total, start + blockRows)
  }

  /// Runs `body` on as many threads as there is work for, and waits for all of them.
  func forEachWorker(threads: Int, _ body: @Sendable (borrowing ScanBlocks) -> Void) {
    let workers = min(max(1, threads), (total + blockRows - 1) / blockRows)
    if workers <= 1 {
      body(self)
    } else {
      DispatchQueue.concurrentPerform(iterations: workers) { _ in body(self) }
    }
  }
}
