import Basics
import CKernels
import Models
import TestSupport
import Testing

@testable import Retrieval

@Suite struct ExactScanTests {
  @Test(arguments: Similarity.allCases, [1, 3, 16, 31, 32, 33, 47, 100, 384])
  func agreesWithThePlainLoop(_ similarity: Similarity, _ dimension: Int) throws {
    var random = IndexRandom(seed: 3)
    let vectors = try random.vectors(501, dimension)
    let queries = try random.vectors(7, dimension)
    let ids = (0..<501).map { Int64(1000 - $0) }
    let found = try ExactScan(vectors, ids: ids, similarity: similarity).search(queries, k: 20)
    for row in 0..<7 {
      let plain = plainRanking(
        vectors, ids: ids, query: queries[row], similarity: similarity, k: 20)
      // Each of d terms is below 4 and rounded once, then at most d / 32 + 5 sums are.
      let tolerance = Double(dimension) * 4 * Double(dimension / 32 + 6) * 0x1p-24
      for (neighbor, expected) in zip(found[row], plain) {
        #expect(abs(Double(neighbor.score) - expected.score) <= tolerance)
      }
      if dimension > 1 { #expect(found[row].map(\.id) == plain.map(\.id)) }
    }
  }

  @Test(arguments: Similarity.allCases)
  func agreesWithFaiss(_ similarity: Similarity) throws {
    var random = IndexRandom(seed: 4)
    let vectors = try random.clustered(2000, 48, clusters: 20)
    let queries = try random.clustered(30, 48, clusters: 20)
    let ids = (0..<2000).map(Int64.init)
    let flat = try FaissIndex(kind: .flat, dimension: 48, similarity: similarity)
    try flat.add(vectors, ids: ids)
    let faiss = try flat.search(queries, k: 10)
    let ours = try ExactScan(vectors, similarity: similarity).search(queries, k: 10)
    for (a, b) in zip(faiss, ours) {
      for (x, y) in zip(a, b) { #expect(abs(x.score - y.score) <= 1e-4) }
    }
    #expect(recall(ours, of: faiss) >= 0.999)
  }

  /// The sum is defined, so instruction sets, threads and neighbours in a batch change no bit.
  @Test(arguments: Similarity.allCases)
  func everyPathGivesTheSameBits(_ similarity: Similarity) throws {
    var random = IndexRandom(seed: 8)
    let vectors = try random.vectors(3000, 109)
    let queries = try random.vectors(23, 109)
    func search(_ path: rbk_scan_path, threads: Int) throws -> [[Neighbor]] {
      try ExactScan(vectors, ids: nil, similarity: similarity, threads: threads, path: path)
        .search(queries, k: 50, threads: threads)
    }
    let portable = try search(RBK_SCAN_PORTABLE, threads: 1)
    for path in [RBK_SCAN_AVX2, RBK_SCAN_AVX512] {
      for threads in [1, 2, 5] { #expect(try search(path, threads: threads) == portable) }
    }
    let scan = try ExactScan(vectors, similarity: similarity)
    for row in 0..<23 {
      #expect(try scan.search(queries.rows(row..<row + 1), k: 50) == [portable[row]])
    }
  }

  @Test func tiesAreBrokenByID() throws {
    // 5000 rows of two values: all scores tied but one.
    var values = [Float](repeating: 1, count: 10_000)
    values[9_999] = 3
    let vectors = try VectorMatrix(values, rows: 5000, dimension: 2)
    let ids = (0..<5000).map { Int64(5000 - $0) }
    let scan = try ExactScan(vectors, ids: ids, similarity: .innerProduct)
    for threads in [1, 2, 4] {
      let found = try scan.search(VectorMatrix(vector: [1, 1]), k: 4, threads: threads)[0]
      #expect(found.map(\.id) == [1, 2, 3, 4])
      #expect(found.map(\.score) == [4, 2, 2, 2])
    }
  }

  @Test func theFirstBadVectorIsNamed() throws {
    var values = [Float](repeating: 1, count: 40_000 * 8)
    values[30_000 * 8 + 2] = .nan
    values[39_999 * 8] = .infinity
    let vectors = try VectorMatrix(values, rows: 40_000, dimension: 8)
    #expect(
      throws: VectorIndexError.vector(
        name: "vector row 30000", fault: "value nan in column 2 is not finite")
    ) { try ExactScan(vectors, similarity: .l2) }
  }

  @Test func searchesAMappedFile() throws {
    var random = IndexRandom(seed: 2)
    let vectors = try random.vectors(300, 12)
    let directory = try TemporaryDirectory()
    let bytes = vectors.withValues { Array(UnsafeRawBufferPointer($0)) }
    let path = try directory.write("vectors", [1, 2, 3, 4, 5, 6, 7, 8] + bytes)
    let file = try MappedFile(path)
    let mapped = try VectorMatrix(mapping: file, byteOffset: 8, rows: 300, dimension: 12)
    let query = try random.vectors(1, 12)
    #expect(
      try ExactScan(mapped, similarity: .l2).search(query, k: 9)
        == ExactScan(vectors, similarity: .l2).search(query, k: 9))
    for (offset, rows) in [(6, 1), (-4, 1), (12, 300), (8, 301), (bytes.count + 12, 0)] {
      #expect(throws: InputError.self) {
        try VectorMatrix(mapping: file, byteOffset: offset, rows: rows, dimension: 12)
      }
    }
  }

  @Test func nothingToSearch() throws {
    let empty = try VectorMatrix([], rows: 0, dimension: 3)
    let scan = try ExactScan(empty, similarity: .cosine)
    #expect(try scan.search(VectorMatrix(vector: [1, 2, 3]), k: 5) == [[]])
    #expect(try scan.search(empty, k: 5) == [])
  }
}
