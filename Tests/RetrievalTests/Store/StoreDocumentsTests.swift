import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Retrieval

@Suite struct StoreDocumentsTests {
  /// A kill right after the file has appeared leaves one that can be read without writing: SQLite
  /// has nothing to switch and so no journal to roll back.
  @Test func theFileIsInWriteAheadModeFromTheFirst() throws {
    let temporary = TemporaryStore()
    try StoreSchema.createFile(at: temporary.path, name: "first")
    #expect(Array(temporary.bytes[18...19]) == [2, 2])
    #expect(try temporary.open().state().documents == 0)
    let store = try temporary.open(.writing)
    try store.addDocuments(
      [StoredDocument(id: "d", title: "", text: "x")], from: temporary.origin)
    #expect(try store.state().documents == 1)
  }

  @Test func documentsComeBackAsTheyWere() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    let nasty = StoredDocument(
      id: "e\u{301}/1 ' \"; DROP TABLE documents", title: "\u{202E}title",
      text: "a\u{300}\r\n\u{FEFF}</script>%s\u{10FFFF}", metadata: ["a": [1, nil, 2.5, "\u{1}"]],
      chunks: [0..<2, 1..<4, 4..<4], line: 7)
    try store.addDocuments([nasty], from: temporary.origin)
    #expect(try store.document(nasty.id) == nasty)
    #expect(try store.document("\u{E9}/1 ' \"; DROP TABLE documents") == nil)
    let origin = try #require(try store.origin(of: nasty.id))
    #expect(origin.origin == temporary.origin && origin.line == 7)
    let chunks = try store.chunks(ofDocument: nasty.id)
    #expect(chunks.map(\.text.unicodeScalars.count) == [2, 3, 0])
    #expect(chunks.map { Array($0.text.utf8) }[1] == Array("\u{300}\r\n".utf8))
    #expect(try store.chunks(chunks.map(\.key).reversed()) == chunks.reversed())
    #expect(
      try store.documentIDs(ofChunks: chunks.map(\.key)).map { Array($0.utf8) }.allSatisfy {
        $0 == Array(nasty.id.utf8)
      })
    #expect(throws: StoreError.unknownChunk(99)) { try store.chunks([99]) }
    let passages = try store.passages([chunks[1].key, 99, chunks[0].key])
    #expect(passages.map { $0?.chunk } == [chunks[1], nil, chunks[0]])
    let passage = try #require(passages[0])
    #expect(passage.origin == temporary.origin && passage.line == 7)
    #expect(try JSONParser.parse(passage.metadata) == .object(nasty.metadata))
  }

  @Test func idsAreComparedByBytes() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    let report = try store.addDocuments(
      ["é", "e\u{301}", "A", "a"].map { StoredDocument(id: $0, text: "x") },
      from: temporary.origin)
    #expect(report.added == 4)
    var ids: [String] = []
    try store.forEachDocument { ids.append($0.id) }
    #expect(ids.map { Array($0.utf8) } == ["A", "a", "e\u{301}", "é"].map { Array($0.utf8) })
  }

  @Test func addingAgainIsANoOpAndOtherContentAConflict() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    let all = documents(2500)
    #expect(try store.addDocuments(all, from: temporary.origin).added == 2500)
    let first = try store.state()
    #expect(first.generation == 3 && first.documents == 2500 && first.chunks == 2500)
    #expect(try store.addDocuments(all, from: temporary.origin).unchanged == 2500)
    #expect(try store.state() == first)

    var other = all[17]
    other.text += "!"
    #expect(
      throws: StoreError.conflict(id: other.id, differences: ["text"])
    ) {
      try store.addDocuments([other], from: temporary.origin)
    }
    other = all[17]
    other.metadata["n"] = .string("17")
    #expect(throws: StoreError.conflict(id: other.id, differences: ["metadata"])) {
      try store.addDocuments([other], from: temporary.origin)
    }
    #expect(try store.state() == first)
    let key = try store.chunks(ofDocument: other.id)[0].key
    let report = try store.addDocuments([other], from: temporary.origin, replacing: true)
    #expect(report.replaced == 1 && report.added == 0)
    #expect(try store.document(other.id) == other)
    // Keys are never given twice.
    #expect(try store.chunks(ofDocument: other.id)[0].key > 2500)
    #expect(throws: StoreError.unknownChunk(key)) { try store.chunks([key]) }
    #expect(try store.verify() == [])
  }

  @Test func theChecksumIsOfTheContentWhateverItsHistory() throws {
    let one = TemporaryStore()
    let other = TemporaryStore()
    let (first, second) = (try one.create(), try other.create())
    try first.addDocuments(documents(20), from: one.origin)
    try second.addDocuments(documents(25).reversed(), from: one.origin)
    #expect(try first.state().checksum != second.state().checksum)
    let removal = try second.remove(documents(25).suffix(5).map(\.id) + ["nobody", "nobody"])
    #expect(removal.removed == 5 && removal.unknown == ["nobody"])
    #expect(try first.state().checksum == second.state().checksum)
    #expect(try second.state().generation == 2)
    var moved = documents(20)[3]
    moved.chunks = [0..<5, 5..<moved.text.unicodeScalars.count]
    try second.addDocuments([moved], from: one.origin, replacing: true)
    #expect(try first.state().checksum != second.state().checksum)
    #expect(try second.remove(documents(20).map(\.id)).removed == 20)
    #expect(try second.state().checksum == String(repeating: "0", count: 64))
    #expect(try second.state().chunks == 0)
    #expect(try second.verify() == [])
  }

  @Test(arguments: [
    ("", "", "", "the id is empty"),
    ("a\tb", "", "", "the id holds a tab"),
    ("a\nb", "", "", "the id holds a line feed"),
    ("a\r\nb", "", "", "the id holds a carriage return"),
    ("a\0", "", "", "the id holds a NUL"),
    ("a", "t\0", "", "the title holds a NUL at byte 1"),
    ("a", "", "12\0", "the text holds a NUL at byte 2"),
    (String(repeating: "i", count: 1025), "", "", "the id has 1025 bytes, at most 1024 can be"),
  ])
  func recordsAreRefusedByName(id: String, title: String, text: String, reason: String) throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    #expect(throws: StoreError.record(id: id, reason: reason)) {
      try store.addDocuments(
        [StoredDocument(id: id, title: title, text: text)], from: temporary.origin)
    }
    #expect(try store.state().documents == 0)
  }

  @Test func badChunksAreRefused() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    for chunks in [[0..<3], [-1..<1], []] {
      #expect(
        exitStatus {
          try store.addDocuments(
            [StoredDocument(id: "a", text: "é", chunks: chunks)], from: temporary.origin)
        } == .badData)
    }
  }

  @Test func anErrorWhileReadingKeepsWhatWasCommitted() throws {
    struct Stop: Error {}
    let temporary = TemporaryStore()
    let store = try temporary.create()
    #expect(throws: Stop.self) {
      try store.addDocuments(from: temporary.origin) { add in
        for document in documents(1500) { try add(document) }
        throw Stop()
      }
    }
    #expect(try store.state().documents == 1000)
    let report = try store.addDocuments(documents(1500), from: temporary.origin)
    #expect(report.unchanged == 1000 && report.added == 500)
  }

  @Test func onlyOneWriterAndManyReaders() throws {
    let temporary = TemporaryStore()
    let writer = try temporary.create()
    try writer.addDocuments(documents(3), from: temporary.origin)
    #expect(exitStatus { _ = try temporary.open(.writing) } == .locked)
    let reader = try temporary.open()
    #expect(try reader.state() == writer.state())
    #expect(
      exitStatus { try reader.addDocuments(documents(4), from: temporary.origin) }
        == .cannotCreate)
    try writer.addDocuments(documents(4), from: temporary.origin)
    #expect(try reader.state().documents == 4)
    #expect(exitStatus { _ = try temporary.create() } == .locked)
  }

  @Test func aMissingStoreAndAnExistingOne() throws {
    let temporary = TemporaryStore()
    #expect(exitStatus { _ = try temporary.open() } == .noInput)
    try temporary.create().close()
    #expect(throws: StoreError.exists(temporary.path)) { _ = try temporary.create() }
    #expect(exitStatus { _ = try DocumentStore.create(in: "/proc/no/such") } == .cannotCreate)
    #expect(try temporary.directory.names().filter { $0.hasSuffix(".tmp") } == [])
  }

  @Test func textIsFound() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(
      [
        StoredDocument(id: "b", title: "Failing hearts", text: "100% of naïve mice"),
        StoredDocument(id: "a", text: "The heart failed twice; heart failure"),
        StoredDocument(id: "c", text: "nothing"),
      ], from: temporary.origin)
    #expect(try Set(store.documents(matching: "heart fail", limit: 9)) == ["a", "b"])
    #expect(try store.documents(matching: "\"heart failure\"", limit: 9) == ["a"])
    #expect(try store.documents(matching: "title: heart", limit: 9) == ["b"])
    #expect(try store.documents(containing: "100% of na", limit: 9) == ["b"])
    #expect(try store.documents(containing: "h", limit: 2) == ["a", "b"])
    #expect(exitStatus { _ = try store.documents(matching: "\"open", limit: 9) } == .usage)
    #expect(exitStatus { _ = try store.documents(containing: "", limit: 9) } == .usage)
    try store.remove(["a"])
    #expect(try store.documents(matching: "heart", limit: 9) == ["b"])
    #expect(try store.verify() == [])
  }
}
