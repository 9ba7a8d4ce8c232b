import Basics
import Foundation
import Retrieval
import SystemPackage
import TestSupport
import Testing

/// The values of `Tests/Fixtures/bm25/bm25.json`.
private struct BM25Golden: Decodable {
  struct Document: Decodable { var id: String, title: String, text: String }
  struct Score: Decodable { var id: String, score: Double }
  struct Query: Decodable { var text: String, clean: [Score], overlay: [Score], together: [Score] }

  var documents: [Document]
  var injected: [Document]
  var queries: [Query]

  static func load() throws -> BM25Golden {
    try JSONDecoder().decode(
      BM25Golden.self,
      from: Data(contentsOf: URL(fileURLWithPath: Checkout.fixture("bm25/bm25.json").string)))
  }
}

@Suite struct BM25Tests {
  private let golden: BM25Golden
  private let temporary = TemporaryStore()
  private let store: DocumentStore

  init() throws {
    golden = try BM25Golden.load()
    store = try temporary.create()
    try store.addDocuments(
      golden.documents.map { StoredDocument(id: $0.id, title: $0.title, text: $0.text) },
      from: temporary.origin)
  }

  private var injected: [InjectedText] {
    golden.injected.map { InjectedText(id: $0.id, title: $0.title, text: $0.text) }
  }

  /// The same additions in the same order on both sides; `log` may differ in the last place.
  private func expectSame(_ found: [(String, Double)], _ expected: [BM25Golden.Score]) {
    let found = found.sorted { utf8Precedes($0.0, $1.0) }
    let expected = expected.sorted { utf8Precedes($0.id, $1.id) }
    #expect(found.map { Array($0.0.utf8) } == expected.map { Array($0.id.utf8) })
    expectClose(found.map(\.1), expected.map(\.score), absolute: 0, relative: 1e-13)
  }

  @Test(arguments: [false, true])
  func scoresAreThoseOfTheFormula(stored: Bool) throws {
    if stored { try store.updatePostings() }
    #expect(try store.hasCurrentPostings() == stored)
    let index = try BM25Index(store)
    for query in golden.queries {
      let hits = try index.search(query.text, limit: 1000)
      expectSame(hits.map { ($0.documentID, $0.score) }, query.clean)
      for (hit, next) in zip(hits, hits.dropFirst()) {
        #expect(
          hit.score > next.score
            || (hit.score == next.score && utf8Precedes(hit.documentID, next.documentID)))
      }
      #expect(try index.search(query.text, limit: 5) == Array(hits.prefix(5)))
      #expect(
        try index.rank(query.text, limit: 1000)
          == hits.map { RankedDocument(id: UTF8Key($0.documentID), score: $0.score) })
    }
    #expect(exitStatus { _ = try index.search("x", limit: 0) } == .usage)
  }

  @Test func injectedDocumentsScoreWithCleanStatistics() throws {
    let index = try BM25Index(store)
    for query in golden.queries {
      let scores = try index.scores(of: injected, for: query.text)
      expectSame(
        zip(golden.injected, scores).filter { $0.1 > 0 }.map { ($0.0.id, $0.1) }, query.overlay)
    }
    // The text of a stored document scores with the very bits of the stored one.
    let copy = golden.documents[5]
    let query = golden.queries.last?.text ?? ""
    let hit = try #require(
      try index.search(query, limit: 100).first { $0.documentID == copy.id })
    let score = try index.scores(
      of: [InjectedText(id: "copy", title: copy.title, text: copy.text)], for: query)
    #expect(score == [hit.score])
  }

  @Test func rankingTogetherEqualsIndexingTogether() throws {
    let index = try BM25Index(store)
    let both = TemporaryStore()
    let joined = try both.create()
    try joined.addDocuments(
      (golden.documents + golden.injected).map {
        StoredDocument(id: $0.id, title: $0.title, text: $0.text)
      }, from: both.origin)
    let exact = try BM25Index(joined)
    for query in golden.queries {
      let found = try index.rank(query.text, adding: injected, limit: 1000)
      expectSame(found.map { ($0.id.string, $0.score) }, query.together)
      let indexed = try exact.rank(query.text, limit: 1000)
      #expect(Set(found.map(\.id)) == Set(indexed.map(\.id)))
      let scores = Dictionary(uniqueKeysWithValues: indexed.map { ($0.id, $0.score) })
      #expect(found.allSatisfy { scores[$0.id] == $0.score })
      #expect(try index.rank(query.text, adding: injected, limit: 4) == Array(found.prefix(4)))
      #expect(
        try index.rank(query.text, adding: [], limit: 9).map(\.id)
          == index.rank(query.text, limit: 9).map(\.id))
    }
    // On exact ties the injected document comes last.
    let tied = try index.rank("tied", adding: [injected[1]], limit: 10)
    let place = try #require(tied.firstIndex { $0.isInjected })
    #expect(tied[..<place].allSatisfy { $0.score >= tied[place].score })
  }

  @Test func stalePostingsAreNotUsed() throws {
    try store.updatePostings()
    let old = try BM25Index(store)
    #expect(try old.search("brandnew", limit: 3) == [])
    try store.addDocuments([StoredDocument(id: "n", text: "brandnew")], from: temporary.origin)
    #expect(try !store.hasCurrentPostings())
    #expect(try BM25Index(store).search("brandnew", limit: 3).map(\.documentID) == ["n"])
    #expect(exitStatus { _ = try old.search("unseen term", limit: 3) } == .usage)
    try store.updatePostings()
    #expect(try BM25Index(store).search("brandnew", limit: 3).map(\.documentID) == ["n"])
    #expect(try store.verify() == [])
  }

  @Test func aDocumentHasTheScoreOfItsBestChunk() throws {
    let other = TemporaryStore()
    let chunked = try other.create()
    try chunked.addDocuments(
      [
        StoredDocument(id: "b", text: "heart and lung, liver", chunks: [0..<9, 9..<14, 14..<21]),
        StoredDocument(id: "a", text: "lung"), StoredDocument(id: "c", text: ""),
      ], from: other.origin)
    let index = try BM25Index(chunked)
    let hits = try index.search("lung heart", limit: 9)
    #expect(hits.count == 3)
    let ranked = try index.rank("lung heart", limit: 9)
    #expect(ranked.map(\.id.string).sorted() == ["a", "b"])
    for document in ranked {
      #expect(
        document.score == hits.filter { $0.documentID == document.id.string }.map(\.score).max())
    }
  }

  @Test func emptyStoresAndBadConstants() throws {
    let other = TemporaryStore()
    let empty = try other.create()
    #expect(try BM25Index(empty).search("heart", limit: 3) == [])
    try empty.updatePostings()
    let index = try BM25Index(empty)
    #expect(try index.rank("heart", limit: 3) == [])
    let alone = try index.rank("heart", adding: [InjectedText(id: "p", text: "hearts")], limit: 3)
    #expect(alone.map(\.id.string) == ["p"])
    for parameters in [
      BM25Parameters(k1: -1), BM25Parameters(k1: .nan), BM25Parameters(b: 1.5),
      BM25Parameters(b: .nan),
    ] {
      #expect(exitStatus { _ = try BM25Index(empty, parameters: parameters) } == .usage)
    }
  }
}
