import Basics
import Foundation
import Models
import SystemPackage
import TestSupport
import Testing

@testable import Retrieval

/// Mapped vectors are those of the store, or are not used.
@Suite struct VectorFileTests {
  private static let identity = RetrieverIdentity(
    model: "whole", modelHash: "1", dimension: 3, similarity: "l2", titleSeparator: " ",
    instructionSet: "any")

  private static func fill(_ store: DocumentStore, _ ids: [String]) throws {
    _ = try store.addDocuments(
      ids.map { StoredDocument(id: $0, text: $0) }, from: ImportOrigin(run: "t", source: "t"))
    try store.storeEmbeddings(
      of: identity,
      try store.pendingChunks(of: identity).map { (chunk: $0, vector: [1, Float($0), -0.5]) })
  }

  private static func index(_ store: DocumentStore) throws -> CorpusIndex {
    try CorpusIndex(store: store, identity: identity, similarity: .l2, threads: 1)
  }

  @Test(arguments: [[], ["a"], ["c", "a", "b"]])
  func mappedVectorsAreTheStores(ids: [String]) throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try Self.fill(store, ids)
    if ids.isEmpty { try store.markUnembeddable([], for: Self.identity) }
    let copied = try Self.index(store)
    #expect(!copied.isMapped)
    try copied.writeVectors()
    let mapped = try Self.index(store)
    #expect(mapped.isMapped)
    #expect(mapped.chunks == copied.chunks && mapped.documentIDs == copied.documentIDs)
    #expect(mapped.vectors.withValues { Array($0) } == copied.vectors.withValues { Array($0) })
    #expect(mapped.state == copied.state)
    try store.close()
  }

  @Test func aChangedStoreOrAnotherRetrieverIsNotServedFromTheFile() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try Self.fill(store, ["a", "b"])
    try Self.index(store).writeVectors()
    try Self.fill(store, ["c"])
    #expect(try !Self.index(store).isMapped)
    #expect(try Self.index(store).vectors.rows == 3)
    try Self.index(store).writeVectors()
    #expect(try Self.index(store).isMapped)
    _ = try store.remove(["b"])
    #expect(try Self.index(store).vectors.rows == 2)
    // The same name with other weights: the store has none of its vectors.
    var other = Self.identity
    other.modelHash = "2"
    #expect(throws: StoreError.self) {
      _ = try CorpusIndex(store: store, identity: other, similarity: .l2, threads: 1)
    }
    try store.close()
  }

  /// Every byte flipped and every length cut: the answer is the store's.
  @Test func noDamagedFileIsUsed() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try Self.fill(store, ["a", "b", "c"])
    let sound = try Self.index(store)
    try sound.writeVectors()
    let path = VectorFile.path(
      retriever: "whole", in: store.path.removingLastComponent())
    let bytes = try FileBytes.read(path, limit: 1 << 16)
    for position in bytes.indices {
      var damaged = bytes
      damaged[position] ^= 1
      try AtomicFile.write(damaged, to: path)
      let read = try Self.index(store)
      // Padding means nothing; everywhere else the file is refused.
      if read.isMapped { #expect(bytes[position] == UInt8(ascii: " "), "byte \(position)") }
      #expect(read.vectors.withValues { Array($0) } == sound.vectors.withValues { Array($0) })
    }
    for length in bytes.indices {
      try AtomicFile.write(bytes[..<length], to: path)
      #expect(try !Self.index(store).isMapped, "length \(length)")
    }
    try AtomicFile.write(bytes + [0], to: path)
    #expect(try !Self.index(store).isMapped)
    let findings = try IndexFolder(path.removingLastComponent()).verify()
    #expect(findings.contains { $0.path == path && $0.isDamage })
    try AtomicFile.write(bytes, to: path)
    #expect(try Self.index(store).isMapped)
    try store.close()
  }
}
