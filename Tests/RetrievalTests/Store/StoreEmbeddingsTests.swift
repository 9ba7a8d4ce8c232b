import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Retrieval

@Suite struct StoreEmbeddingsTests {
  private func vector(_ number: Int, dimension: Int = 4) -> [Float] {
    (0..<dimension).map { Float(number) + Float($0) / 7 }
  }

  @Test func vectorsComeBackBitForBitInChunkOrder() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(documents(5), from: temporary.origin)
    let (tiny, odd) = (RetrieverIdentity.test(), RetrieverIdentity.test(dimension: 3))
    #expect(try store.pendingChunks(of: tiny) == [1, 2, 3, 4, 5])
    try store.storeEmbeddings(
      of: tiny, [(5, vector(5)), (1, vector(1)), (3, [0, -0.0, .leastNonzeroMagnitude, 3e38])])
    try store.storeEmbeddings(of: odd, [(2, vector(9, dimension: 3))])
    try store.markUnembeddable([4], for: tiny)
    #expect(try store.pendingChunks(of: tiny) == [2])
    #expect(try store.pendingChunks(of: odd) == [1, 3, 4, 5])

    let (loaded, vectors) = try store.embeddings(of: tiny)
    #expect(loaded.chunks == [1, 3, 5] && loaded.pending == 1)
    #expect(loaded.state == (try store.state()))
    let expected = vector(1) + [0, -0.0, .leastNonzeroMagnitude, 3e38] + vector(5)
    #expect(vectors.map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(try store.embeddings(of: odd).vectors == vector(9, dimension: 3))
    #expect(
      try store.retrievers() == [
        StoredRetriever(identity: tiny, embedded: 3, unembeddable: 1, pending: 1),
        StoredRetriever(identity: odd, embedded: 1, unembeddable: 0, pending: 4),
      ])

    // Another identity shares nothing; embeddings leave the generation alone.
    var other = tiny
    other.instructionSet = "avx2"
    #expect(try store.pendingChunks(of: other).count == 5)
    #expect(exitStatus { _ = try store.embeddings(of: other) } == .badData)
    #expect(try store.state().generation == 1)

    // Removing documents removes their vectors, of every retriever.
    try store.remove([documents(5)[0].id, documents(5)[1].id])
    #expect(try store.embeddings(of: tiny).loaded.chunks == [3, 5])
    #expect(try store.embeddings(of: odd).loaded.chunks == [])
    try store.removeEmbeddings(of: tiny)
    #expect(try store.retrievers().map(\.identity) == [odd])
    #expect(try store.verify() == [])
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func numbersThatAreNotFiniteAreRefusedByName(value: Float) throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(documents(2), from: temporary.origin)
    let expected = StoreError.vector(
      chunk: 2, document: documents(2)[1].id, reason: "holds \(value) at position 1")
    #expect(throws: expected) {
      try store.storeEmbeddings(of: .test(), [(1, vector(1)), (2, [1, value, 1, 1])])
    }
    #expect(try store.pendingChunks(of: .test()).count == 2)
  }

  @Test func shapesAndUnknownChunksAreRefused() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(documents(1), from: temporary.origin)
    #expect(exitStatus { try store.storeEmbeddings(of: .test(), [(1, [1, 2])]) } == .badData)
    #expect(throws: StoreError.unknownChunk(2)) {
      try store.storeEmbeddings(of: .test(), [(1, vector(1)), (2, vector(2))])
    }
    #expect(throws: StoreError.unknownChunk(-1)) { try store.markUnembeddable([-1], for: .test()) }
    #expect(try store.pendingChunks(of: .test()) == [1])
    #expect(
      exitStatus {
        try store.storeEmbeddings(of: .test(dimension: 0), [(1, [])])
      } == .usage)
  }

  @Test func manyVectorsAreStoredInSeveralTransactions() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(documents(4500), from: temporary.origin)
    let retriever = RetrieverIdentity.test(dimension: 5)
    let chunks = try store.pendingChunks(of: retriever)
    let values = (0..<(4500 * 5)).map { Float($0) }
    try values.withUnsafeBufferPointer {
      try store.storeEmbeddings(of: retriever, chunks: chunks, vectors: $0)
    }
    try store.close()
    let reader = try temporary.open()
    let (loaded, vectors) = try reader.embeddings(of: retriever)
    let isEqual = loaded.chunks == chunks && vectors == values
    #expect(isEqual && loaded.pending == 0)
  }

  @Test func theIdentityIsOneLineOfJSON() throws {
    let identity = RetrieverIdentity.test()
    #expect(
      try identity.canonicalText
        == #"{"model":"tiny","modelHash":"abc","dimension":4,"similarity":"cosine","titleSeparator":" ","instructionSet":"avx512"}"#
    )
    #expect(try RetrieverIdentity(canonicalText: identity.canonicalText) == identity)
    #expect(throws: InputError.self) { try RetrieverIdentity(canonicalText: "{}") }
  }
}
