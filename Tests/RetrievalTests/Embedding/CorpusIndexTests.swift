import Basics
import Models
import Retrieval
import TestSupport
import Testing

/// Rankings against brute force, on whole numbers, so that scores are exact and ties are many.
@Suite struct CorpusIndexTests {
  private struct Chunk {
    var document: String
    var vector: [Float]
  }

  /// Documents of 1 to `most` chunks whose ids do not follow the order of insertion.
  private static func fill(
    _ store: DocumentStore, documents: Int, chunks: (Int) -> Int, dimension: Int,
    similarity: Similarity, seed: UInt64
  ) throws -> (chunks: [Chunk], identity: RetrieverIdentity) {
    var random = IndexRandom(seed: seed)
    let stored = (0..<documents).map { number in
      StoredDocument(
        id: "d\(number * 7919 % 1000)", text: String(repeating: "x", count: 200),
        chunks: (0..<chunks(number)).map { $0..<($0 + 1) })
    }
    _ = try store.addDocuments(stored, from: ImportOrigin(run: "test", source: "test"))
    let identity = RetrieverIdentity(
      model: "whole", modelHash: "1", dimension: dimension, similarity: similarity.rawValue,
      titleSeparator: " ", instructionSet: "any")
    let keys = try store.pendingChunks(of: identity)
    let vectors = keys.map { _ in
      // Never all zero, which cosine would refuse.
      [1] + (1..<dimension).map { _ in Float(random.bits() % 3) - 1 }
    }
    try store.storeEmbeddings(
      of: identity, zip(keys, vectors).map { (chunk: $0, vector: $1) })
    let ids = try store.documentIDs(ofChunks: keys)
    return (zip(ids, vectors).map { Chunk(document: $0, vector: $1) }, identity)
  }

  private static func bruteForce(
    _ chunks: [Chunk], _ query: [Float], _ similarity: Similarity, limit: Int
  ) -> [(id: String, score: Double)] {
    var best: [String: Double] = [:]
    for chunk in chunks {
      let score =
        similarity == .l2
        ? -zip(query, chunk.vector).reduce(0.0) {
          $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
        } : zip(query, chunk.vector).reduce(0.0) { $0 + Double($1.0 * $1.1) }
      best[chunk.document] = max(best[chunk.document] ?? -.infinity, score)
    }
    return Array(
      best.map { (id: $0.key, score: $0.value) }.sorted {
        $0.score > $1.score || ($0.score == $1.score && UTF8Key($0.id) < UTF8Key($1.id))
      }.prefix(limit))
  }

  @Test(arguments: [Similarity.innerProduct, .l2], [1, 2, 5])
  func rankingsEqualBruteForceWithTiesByID(similarity: Similarity, threads: Int) throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    let (chunks, identity) = try Self.fill(
      store, documents: 300, chunks: { _ in 1 }, dimension: 4, similarity: similarity, seed: 4)
    let index = try CorpusIndex(
      store: store, identity: identity, similarity: similarity, threads: threads)
    try expectBruteForce(index, chunks, similarity, limits: [1, 2, 7, 10, 299, 300, 1000])
    try store.close()
  }

  /// One document has more chunks than any first look has room for, and they score alike.
  @Test(arguments: [Similarity.innerProduct, .l2])
  func severalChunksCountOnce(similarity: Similarity) throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    let (chunks, identity) = try Self.fill(
      store, documents: 60, chunks: { $0 % 20 == 0 ? 150 : 1 + $0 % 4 }, dimension: 3,
      similarity: similarity, seed: 6)
    let index = try CorpusIndex(
      store: store, identity: identity, similarity: similarity, threads: 2)
    #expect(index.vectors.rows > 500)
    try expectBruteForce(index, chunks, similarity, limits: [1, 3, 10, 59, 60, 200])
    try store.close()
  }

  @Test(arguments: [Similarity.innerProduct, .l2])
  func similaritiesToRowsAreThoseOfTheRanking(similarity: Similarity) throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    let (_, identity) = try Self.fill(
      store, documents: 50, chunks: { 1 + $0 % 3 }, dimension: 5, similarity: similarity, seed: 8)
    let index = try CorpusIndex(
      store: store, identity: identity, similarity: similarity, threads: 2)
    let query = try VectorMatrix(vector: [1, -2, 0, 3, 1])
    let hits = try index.rank(query, limit: 50)[0]
    #expect(try index.similarities(of: query, to: hits.map(\.row)) == hits.map(\.score))
    #expect(try index.similarities(of: query, to: []) == [])
    for (row, chunk) in index.chunks.enumerated() { #expect(index.row(ofChunk: chunk) == row) }
    #expect(index.row(ofChunk: 0) == nil && index.row(ofChunk: .max) == nil)
    try store.close()
  }

  private func expectBruteForce(
    _ index: CorpusIndex, _ chunks: [Chunk], _ similarity: Similarity, limits: [Int]
  ) throws {
    let dimension = index.vectors.dimension
    var random = IndexRandom(seed: 11)
    let queries = (0..<20).map { _ in (0..<dimension).map { _ in Float(random.bits() % 5) - 2 } }
    let matrix = try VectorMatrix(queries.flatMap(\.self), rows: 20, dimension: dimension)
    for limit in limits {
      for (query, ranking) in zip(queries, try index.rank(matrix, limit: limit)) {
        let expected = Self.bruteForce(chunks, query, similarity, limit: limit)
        #expect(ranking.map(\.id.string) == expected.map(\.id), "limit \(limit)")
        #expect(ranking.map(\.score) == expected.map(\.score), "limit \(limit)")
        for hit in ranking { #expect(index.documentIDs[hit.row] == hit.id) }
      }
    }
  }

  @Test func chunksThatWaitAreRefused() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    let (_, identity) = try Self.fill(
      store, documents: 5, chunks: { _ in 1 }, dimension: 3, similarity: .l2, seed: 1)
    _ = try store.addDocuments(
      [StoredDocument(id: "late", text: "late")], from: ImportOrigin(run: "t", source: "t"))
    let error = #expect(throws: InputError.self) {
      _ = try CorpusIndex(store: store, identity: identity, similarity: .l2, threads: 1)
    }
    #expect(error?.description.contains("1 passages wait") == true)
    try store.close()
  }
}
