import Basics
import Dispatch
import Models
import Retrieval
import Statistics
import Synchronization
import Testing

private let allKinds = [
  "Flat", "SQ8", "PQ4", "HNSW8", "IVF8,Flat", "IVF8,SQ8", "IVF8,PQ4", "PQ1", "IVF8,PQ1",
]
private let dimension = 24

private func filled(
  _ text: String, _ similarity: Similarity = .innerProduct, rows: Int = 300, seed: UInt64 = 5
) throws -> (index: FaissIndex, vectors: VectorMatrix, ids: [Int64]) {
  var random = IndexRandom(seed: seed)
  let vectors = try random.clustered(rows, dimension, clusters: 10)
  let ids = (0..<rows).map { Int64($0) * 7 + 3 }
  let index = try FaissIndex(
    kind: IndexKind(parsing: text), dimension: dimension, similarity: similarity)
  try index.train(vectors)
  try index.add(vectors, ids: ids)
  return (index, vectors, ids)
}

@Suite(.serialized) struct FaissIndexTests {
  @Test(arguments: Similarity.allCases)
  func flatAgreesWithThePlainLoop(_ similarity: Similarity) throws {
    let (index, vectors, ids) = try filled("Flat", similarity)
    var random = IndexRandom(seed: 9)
    let queries = try random.vectors(40, dimension)
    let rankings = try index.search(queries, k: 10)
    for (row, ranking) in rankings.enumerated() {
      let plain = plainRanking(
        vectors, ids: ids, query: queries[row], similarity: similarity, k: 10)
      #expect(ranking.map(\.id) == plain.map(\.id))
      for (found, expected) in zip(ranking, plain) {
        // 24 terms below 4: at most 24 * 4 * 2^-23 of rounding.
        #expect(abs(Double(found.score) - expected.score) <= 1.2e-5)
      }
    }
  }

  @Test(arguments: allKinds, Similarity.allCases)
  func answersAreRanked(_ text: String, _ similarity: Similarity) throws {
    let (index, vectors, ids) = try filled(text, similarity)
    #expect(index.count == 300)
    // 25 queries at once would take FAISS's BLAS path; each must answer as it does alone.
    let together = try index.search(vectors.rows(0..<25), k: 7)
    for row in 0..<25 {
      let alone = try index.search(vectors.rows(row..<row + 1), k: 7)
      #expect(alone == [together[row]])
      #expect(together[row].count == 7)
      #expect(Set(together[row].map(\.id)).isSubset(of: ids))
      for (better, worse) in zip(together[row], together[row].dropFirst()) {
        #expect(better.ranksBefore(worse))
      }
    }
  }

  @Test(arguments: allKinds)
  func threadsDoNotMatter(_ text: String) throws {
    let before = FaissLibrary.threads
    defer { try? FaissLibrary.setThreads(before) }
    var answers: [[[Neighbor]]] = []
    for threads in [1, 2, 3] {
      try FaissLibrary.setThreads(threads)
      let (index, vectors, _) = try filled(text, rows: 600)
      answers.append(try index.search(vectors.rows(0..<50), k: 9))
    }
    #expect(answers[0] == answers[1])
    #expect(answers[0] == answers[2])
  }

  @Test(arguments: allKinds.filter { $0 != "HNSW8" })
  func piecesMakeTheWhole(_ text: String) throws {
    let (whole, vectors, ids) = try filled(text)
    let pieces = try FaissIndex(
      kind: IndexKind(parsing: text), dimension: dimension, similarity: .innerProduct)
    try pieces.train(vectors)
    for piece in [0..<1, 1..<30, 30..<30, 30..<299, 299..<300] {
      try pieces.add(vectors.rows(piece), ids: Array(ids[piece]))
    }
    #expect(try pieces.search(vectors, k: 5) == whole.search(vectors, k: 5))
  }

  @Test(arguments: allKinds.filter { $0 != "HNSW8" })
  func removedVectorsCanComeBack(_ text: String) throws {
    let (index, vectors, ids) = try filled(text)
    let before = try index.search(vectors, k: 5)
    let gone = Array(ids[50..<120])
    #expect(try index.remove(gone + [999_999, gone[0]]) == 70)
    #expect(index.count == 230)
    for ranking in try index.search(vectors, k: 300) {
      #expect(Set(ranking.map(\.id)).isDisjoint(with: gone))
    }
    #expect(throws: VectorIndexError.unknownID(gone[3])) { try index.reconstruct(gone[3]) }
    #expect(try index.remove(gone) == 0)
    try index.add(vectors.rows(50..<120), ids: gone)
    #expect(try index.search(vectors, k: 5) == before)
  }

  @Test func graphsCannotRemove() throws {
    let (index, _, ids) = try filled("HNSW8")
    #expect(
      throws: VectorIndexError.unsupported(
        kind: "HNSW8", operation: "remove vectors", instead: "build it again without them")
    ) { try index.remove([ids[0]]) }
    #expect(index.count == 300)
  }

  @Test(arguments: ["Flat", "HNSW8", "IVF8,Flat", "SQ8", "IVF8,SQ8"])
  func vectorsComeBack(_ text: String) throws {
    let (index, vectors, ids) = try filled(text)
    let tolerance: Float = text.hasSuffix("SQ8") ? 0.02 : 0
    for row in [0, 17, 299] {
      let vector = try index.reconstruct(ids[row])
      for (found, expected) in zip(vector, vectors[row]) {
        #expect(abs(found - expected) <= tolerance)
      }
    }
    #expect(throws: VectorIndexError.unknownID(4)) { try index.reconstruct(4) }
    // The map that IVF needs for this must not stand in the way of changes.
    if index.kind.canRemove {
      try index.remove([ids[0]])
      #expect(throws: VectorIndexError.unknownID(ids[0])) { try index.reconstruct(ids[0]) }
    }
    try index.add(vectors.rows(0..<1), ids: [1_000_000])
    #expect(try index.reconstruct(1_000_000).count == dimension)
  }

  @Test(arguments: ["Flat", "IVF2,Flat", "SQ8", "HNSW8"], [3, 400])
  func tiesAreBrokenByID(_ text: String, _ rows: Int) throws {
    let index = try FaissIndex(
      kind: IndexKind(parsing: text), dimension: 3, similarity: .innerProduct)
    let vectors = try VectorMatrix(
      (0..<rows).flatMap { _ in [0.5, 0.25, 1] as [Float] }, rows: rows, dimension: 3)
    try index.train(vectors)
    // Falling ids: the order of storage is the wrong one.
    try index.add(vectors, ids: (0..<rows).map { Int64(rows - $0) })
    let effort = text.hasPrefix("HNSW") ? SearchEffort(efSearch: 1000) : .standard
    let ranking = try index.search(
      VectorMatrix(vector: [1, 1, 1]), k: 5, effort: effort)[0]
    #expect(ranking.map(\.id) == (1...min(5, rows)).map(Int64.init))
  }

  @Test func recallOfApproximateKinds() throws {
    var random = IndexRandom(seed: 31)
    let all = try random.clustered(4100, 32, clusters: 60)
    let (vectors, queries) = try (all.rows(0..<4000), all.rows(4000..<4100))
    let ids = (0..<4000).map(Int64.init)
    let truth = try ExactScan(vectors, similarity: .cosine).search(queries, k: 10)
    for (text, effort, floor) in [
      ("Flat", SearchEffort.standard, 1.0), ("HNSW16", .standard, 0.95),
      ("IVF32,Flat", SearchEffort(nprobe: 32), 1.0), ("IVF32,Flat", .standard, 0.8),
      ("SQ8", .standard, 0.9),
    ] {
      let index = try FaissIndex(
        kind: IndexKind(parsing: text), dimension: 32, similarity: .cosine)
      try index.train(vectors)
      try index.add(vectors, ids: ids)
      let found = try index.search(queries, k: 10, effort: effort)
      let share = recall(found, of: truth)
      #expect(share >= floor, "\(text): \(share)")
    }
  }

  @Test func effortBuysRecall() throws {
    let (index, vectors, _) = try filled("IVF8,Flat")
    let exact = try index.search(vectors, k: 50, effort: SearchEffort(nprobe: 8))
    let little = try index.search(vectors, k: 50, effort: SearchEffort(nprobe: 1))
    #expect(recall(little, of: exact) < 0.9)
    // Alternating parameters must not leak from one search into the next.
    #expect(try index.search(vectors, k: 50, effort: SearchEffort(nprobe: 8)) == exact)
  }

  /// FAISS with its own threads, asked from several of ours, while BLAS works on others: every answer
  /// comes, and is the right one (FAULTS.md, row 42).
  @Test(.timeLimit(.minutes(2)), arguments: ["Flat", "IVF8,Flat", "HNSW8", "PQ4"])
  func aThousandNestedQueries(_ text: String) throws {
    try FaissLibrary.setThreads(4)
    defer { try? FaissLibrary.setThreads(2) }
    let (index, vectors, _) = try filled(text)
    let queries = try (0..<10).map { try vectors.rows($0 * 25..<($0 + 1) * 25) }
    let expected = try queries.map { try index.search($0, k: 5) }
    let rows = vectors.withValues { Array($0) }
    let faults = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    // 1,000 searches of 25 queries, each next to an estimate that runs on BLAS.
    DispatchQueue.concurrentPerform(iterations: 8) { worker in
      for round in 0..<125 {
        let number = (worker + round) % queries.count
        do {
          let found = try index.search(queries[number], k: 5)
          if found != expected[number] { faults.add(1, ordering: .relaxed) }
          if round % 5 == 0 { _ = try CovarianceEstimate(rows: rows, dimension: dimension) }
        } catch {
          failed.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(faults.load(ordering: .relaxed) == 0 && failed.load(ordering: .relaxed) == 0)
  }

  @Test func searchesAndChangesFromManyThreads() throws {
    // What is added meanwhile lies too far away to be an answer.
    let (index, vectors, ids) = try filled("IVF8,Flat", .l2)
    let expected = try index.search(vectors.rows(0..<4), k: 3)
    let faults = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 1000) { task in
      do {
        if task % 50 == 0 {
          let id = Int64(1_000_000 + task)
          try index.add(
            VectorMatrix([Float](repeating: -90, count: 24), rows: 1, dimension: 24), ids: [id])
          try index.remove([id])
        } else {
          let effort = task % 7 == 0 ? SearchEffort(nprobe: 3) : .standard
          let found = try index.search(vectors.rows(0..<4), k: 3, effort: effort)
          if effort == .standard, found != expected { faults.withLock { $0.append("\(task)") } }
        }
      } catch {
        faults.withLock { $0.append("\(error)") }
      }
    }
    #expect(faults.withLock { $0 } == [])
    #expect(index.count == ids.count)
  }
}
