import Basics
import Foundation
import Retrieval
import SystemPackage
import TestSupport
import Testing

/// FAULTS.md, row 53: stores of every release stay readable.
@Suite struct StoreFixtureTests {
  /// What `Tests/Fixtures/stores/v1/store.sqlite.gz` holds; never change it.
  private static let content = [
    StoredDocument(
      id: "e\u{301}", title: "Title", text: "Heart failure, é 患者.", metadata: ["n": 1],
      chunks: [0..<5, 5..<20], line: 3),
    StoredDocument(id: "é", text: "", metadata: [:]),
  ]
  private static let vectors: [Float] = [1, -2.5, .leastNonzeroMagnitude, 0, 3, 4, 5, 6]

  @Test func aStoreOfSchema1IsRead() throws {
    let temporary = TemporaryStore()
    let packed = try FileBytes.read(
      Checkout.fixture("stores/v1/store.sqlite.gz"), limit: 1 << 20)
    try temporary.overwrite(try Gzip.decompress(packed, limit: 4 << 20))
    // The sum of both digests modulo 2^256, from Python's hashlib.
    let state = StoreState(
      generation: 1, checksum: "6dfc117ef64ce35eb293d399c44293f6699e6f3c681c975b0c49b50d3c4c94fa",
      documents: 2, chunks: 3)
    for access in [DocumentStore.Access.reading, .writing] {
      let store = try temporary.open(access)
      #expect(try store.state() == state)
      #expect(try Self.content.map { try store.document($0.id) } == Self.content)
      let origin = try #require(try store.origin(of: "e\u{301}"))
      #expect(origin.origin == ImportOrigin(run: "fixture", source: "v1.jsonl") && origin.line == 3)
      let (loaded, vectors) = try store.embeddings(of: .test())
      #expect(loaded.chunks == [1, 2] && loaded.pending == 0 && vectors == Self.vectors)
      #expect(try store.hasCurrentPostings())
      #expect(try BM25Index(store).search("hearts", limit: 9).map(\.chunk) == [1])
      #expect(try store.verify() == [])
      try store.close()
    }
  }

  /// Writes the fixture anew when a release changes the schema: into a new folder, with the old
  /// one kept.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["RAGBENCH_WRITE_STORE_FIXTURE"] != nil))
  func writeFixture() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(Self.content, from: ImportOrigin(run: "fixture", source: "v1.jsonl"))
    try store.storeEmbeddings(
      of: .test(), [(1, Array(Self.vectors[..<4])), (2, Array(Self.vectors[4...]))])
    try store.markUnembeddable([3], for: .test())
    try store.updatePostings()
    try store.close()
    let folder = try #require(
      ProcessInfo.processInfo.environment["RAGBENCH_WRITE_STORE_FIXTURE"])
    try AtomicFile.write(
      try Gzip.compress(temporary.bytes, level: 9),
      to: FilePath(folder).appending("store.sqlite.gz"))
  }
}
