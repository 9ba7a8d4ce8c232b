import Basics
import Foundation
import Retrieval
import SystemPackage
import TestSupport
import Testing

/// FAULTS.md, row 46.
@Suite struct StoreDamageTests {
  /// A closed store with documents and vectors.
  private func filled() throws -> TemporaryStore {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(documents(300), from: temporary.origin)
    try store.storeEmbeddings(
      of: .test(), try store.pendingChunks(of: .test()).map { ($0, [Float($0), 1, 2, 12_345.678]) })
    try store.updatePostings()
    try store.close()
    return temporary
  }

  @Test func truncatedFilesAreRefusedAtEveryPage() throws {
    let temporary = try filled()
    let bytes = temporary.bytes
    #expect(try temporary.directory.names() == ["store.lock", "store.sqlite"])
    for length in [0, 5, 100, 16_383] + Array(stride(from: 16_384, to: bytes.count, by: 20_000)) {
      try temporary.overwrite(Array(bytes[..<length]))
      for access in [DocumentStore.Access.reading, .writing] {
        let status = exitStatus { _ = try temporary.open(access) }
        #expect(status == .badData, "length \(length): \(String(describing: status))")
      }
      #expect(temporary.bytes.count == length)
    }
  }

  @Test func otherFilesAreRefused() throws {
    let temporary = try filled()
    let bytes = temporary.bytes
    let text = Array(String(repeating: "not a database\n", count: 2000).utf8)
    var other = bytes
    other.replaceSubrange(68..<72, with: [0, 0, 0, 1])
    for content in [text, [UInt8](repeating: 0, count: 40_000), other] {
      try temporary.overwrite(content)
      #expect(exitStatus { _ = try temporary.open(.writing) } == .badData)
      let isUntouched = temporary.bytes == content
      #expect(isUntouched)
    }
    try FileManager.default.removeItem(atPath: temporary.path.string)
    try FileManager.default.createDirectory(
      atPath: temporary.path.string, withIntermediateDirectories: false)
    #expect(exitStatus { _ = try temporary.open() } == .badData)
  }

  @Test func aNewerSchemaIsRefusedWithBothNumbers() throws {
    let temporary = try filled()
    var bytes = temporary.bytes
    // The user version, big-endian, in SQLite's header.
    bytes.replaceSubrange(60..<64, with: [0, 0, 0, 9])
    try temporary.overwrite(bytes)
    for access in [DocumentStore.Access.reading, .writing] {
      #expect(throws: StoreError.newerSchema(temporary.path, found: 9, supported: 1)) {
        _ = try temporary.open(access)
      }
    }
    let isUntouched = temporary.bytes == bytes
    #expect(isUntouched)
  }

  @Test func theLogOfAnotherStoreIsRefusedAndNotMerged() throws {
    let temporary = try filled()
    let foreign = TemporaryStore()
    let writer = try foreign.create()
    try writer.addDocuments(documents(40, prefix: "f"), from: foreign.origin)
    let log = try #require(FileManager.default.contents(atPath: foreign.path.string + "-wal"))
    #expect(log.count > 16_384)
    let bytes = temporary.bytes
    try temporary.overwrite(Array(log), suffix: "-wal")
    for access in [DocumentStore.Access.reading, .writing] {
      let status = exitStatus { _ = try temporary.open(access) }
      #expect(status == .badData)
    }
    let isUntouched = temporary.bytes == bytes
    #expect(isUntouched)
    let isLogUntouched =
      FileManager.default.contents(atPath: temporary.path.string + "-wal") == log
    #expect(isLogUntouched)
  }

  @Test func withoutItsLogAStoreIsAtItsLastCheckpoint() throws {
    let temporary = TemporaryStore()
    let store = try temporary.create()
    try store.addDocuments(documents(30), from: temporary.origin)
    // What a crash leaves behind, less the log.
    let copy = TemporaryStore()
    try copy.overwrite(temporary.bytes)
    let reader = try copy.open()
    #expect(try reader.state().generation == 0)
    #expect(try store.state().generation == 1)
    #expect(try reader.verify() == [])
  }

  @Test func aChangedByteOfATextOrAVectorIsFound() throws {
    let temporary = try filled()
    let bytes = temporary.bytes
    let text = Array("text of document 123".utf8)
    let vector = [Float(200), 1, 2, 12_345.678].flatMap { value in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
    for (pattern, offset, mask) in [(text, 3, UInt8(1)), (vector, 3, 0x80), (vector, 12, 1)] {
      let found = firstRange(of: pattern, in: bytes)
      let position = try #require(found)
      var damaged = bytes
      damaged[position + offset] ^= mask
      try temporary.overwrite(damaged)
      let store = try temporary.open()
      if pattern == text {
        #expect(exitStatus { _ = try store.document(documents(124)[123].id) } == .badData)
      } else {
        #expect(exitStatus { _ = try store.embeddings(of: .test()) } == .badData)
      }
      #expect(try !store.verify().isEmpty)
      try store.close()
      let isUntouched = temporary.bytes == damaged
      #expect(isUntouched)
    }
  }

  @Test func noChangedByteEndsTheProcess() throws {
    let temporary = try filled()
    let bytes = temporary.bytes
    var (refused, found, silent) = (0, 0, 0)
    try Damage.flipping(bytes, step: bytes.count / 97) { damaged, _ in
      for suffix in ["-wal", "-shm"] { unlink(temporary.path.string + suffix) }
      try temporary.overwrite(damaged)
      do {
        let store = try temporary.open()
        let findings = try store.verify()
        _ = try BM25Index(store).search("text of document 7", limit: 3)
        if findings.isEmpty { silent += 1 } else { found += 1 }
      } catch let error as any ReportableError {
        #expect(error.exitStatus == .badData || error.exitStatus == .failure, "\(error)")
        refused += 1
      }
    }
    // Bytes that nothing uses, such as the free part of a page, may go unseen; used ones not.
    print("changed bytes: \(refused) refused, \(found) found by verify, \(silent) unused")
    #expect(refused + found >= 10)
  }

  private func firstRange(of pattern: [UInt8], in bytes: [UInt8]) -> Int? {
    Data(bytes).range(of: Data(pattern))?.lowerBound
  }
}
