import Basics
import Models
import SystemPackage
import TestSupport
import Testing

@testable import Retrieval

/// Rows 31 to 34, 41 and 47 of FAULTS.md.
@Suite struct IndexFileTests {
  private let source = IndexSource(model: "mini", corpusGeneration: 12, corpusChecksum: "ab12")
  private var expected: IndexExpectation {
    IndexExpectation(
      source: source, dimension: 8, similarity: .innerProduct, rebuild: "ragbench index build x")
  }

  private func small(_ text: String, rows: Int = 20) throws -> FaissIndex {
    var random = IndexRandom(seed: 77)
    let vectors = try random.vectors(max(rows, 4), 8)
    let index = try FaissIndex(
      kind: IndexKind(parsing: text), dimension: 8, similarity: .innerProduct)
    try index.train(vectors)
    try index.add(vectors.rows(0..<rows), ids: (0..<rows).map { Int64($0 * 3) })
    return index
  }

  private func isRefused(_ error: any Error) -> Bool {
    guard let error = error as? VectorIndexError, case .file = error else { return false }
    return error.exitStatus == .badData
      && error.description.hasSuffix("rebuild the index with: ragbench index build x")
  }

  @Test(arguments: ["Flat", "IVF4,Flat", "HNSW16", "SQ8", "IVF4,SQ8"], [0, 1, 20])
  func roundTrip(_ text: String, _ rows: Int) throws {
    let index = try small(text, rows: rows)
    var random = IndexRandom(seed: 1)
    let queries = try random.vectors(5, 8)
    let before = try index.search(queries, k: 4)
    let directory = try TemporaryDirectory()
    let manifest = try index.save(to: directory.path, source: source)
    #expect(try directory.names() == ["index.faiss", "index.json"])
    #expect(manifest.count == rows)
    #expect(try IndexManifest.read(from: directory.path, rebuild: "") == manifest)
    let loaded = try FaissIndex.load(from: directory.path, expecting: expected)
    #expect(try loaded.search(queries, k: 4) == before)
    #expect(try index.search(queries, k: 4) == before)
    #expect(loaded.kind == index.kind)
    #expect(loaded.count == rows)
    // It goes on living: ids are known, vectors can be added.
    if rows > 0 {
      let vector = try VectorMatrix(vector: loaded.reconstruct(0))
      #expect(throws: VectorIndexError.self) { try loaded.add(vector, ids: [0]) }
      try loaded.add(vector, ids: [1])
      #expect(loaded.count == rows + 1)
    }
  }

  @Test(arguments: ["Flat", "IVF4,Flat", "HNSW16"])
  func damageIsRefused(_ text: String) throws {
    let directory = try TemporaryDirectory()
    try small(text).save(to: directory.path, source: source)
    for name in ["index.faiss", "index.json"] {
      let bytes = try FileBytes.read(directory.file(name), limit: 1 << 20)
      // Damaged in place: thousands of new files would take minutes.
      let file = try FileDescriptor.open(directory.file(name), .readWrite)
      defer { try? file.close() }
      for position in bytes.indices {
        for mask in [0xFF, 0x01] as [UInt8] {
          try file.writeAll(toAbsoluteOffset: Int64(position), [bytes[position] ^ mask])
          expectRefusalOrManifestUnchanged(in: directory, "byte \(position) of \(name) ^ \(mask)")
        }
        try file.writeAll(toAbsoluteOffset: Int64(position), [bytes[position]])
      }
      try file.writeAll(toAbsoluteOffset: Int64(bytes.count), [0])
      expectRefusalOrManifestUnchanged(in: directory, "\(name) and one byte more")
      for length in bytes.indices.reversed() {
        try file.resize(to: Int64(length), retryOnInterrupt: true)
        expectRefusalOrManifestUnchanged(in: directory, "\(length) bytes of \(name)")
      }
      try file.writeAll(toAbsoluteOffset: 0, bytes)
    }
    _ = try FaissIndex.load(from: directory.path, expecting: expected)
  }

  /// Blanks between the members of a manifest may turn into other blanks or, at its end, go.
  private func expectRefusalOrManifestUnchanged(in directory: TemporaryDirectory, _ what: String) {
    do {
      let loaded = try FaissIndex.load(from: directory.path, expecting: expected)
      if !what.contains("index.json") || loaded.count != 20 { Issue.record("\(what): accepted") }
    } catch {
      if !isRefused(error) { Issue.record("\(what): \(error)") }
    }
  }

  private func expectRefusal(
    of directory: TemporaryDirectory, _ part: String,
    _ adjust: (inout IndexExpectation) -> Void = { _ in }
  ) {
    var expectation = expected
    adjust(&expectation)
    #expect {
      try FaissIndex.load(from: directory.path, expecting: expectation)
    } throws: { isRefused($0) && "\($0)".contains(part) }
  }

  @Test func anotherOriginIsRefused() throws {
    let directory = try TemporaryDirectory()
    try small("Flat").save(to: directory.path, source: source)
    expectRefusal(of: directory, "model is mini, expected maxi") { $0.source.model = "maxi" }
    expectRefusal(of: directory, "corpus generation is 12, expected 13") {
      $0.source.corpusGeneration = 13
    }
    expectRefusal(of: directory, "dimension is 8, expected 9") { $0.dimension = 9 }
    expectRefusal(of: directory, "similarity is inner-product, expected l2") {
      $0.similarity = .l2
    }
  }

  @Test func anotherVersionIsRefused() throws {
    let directory = try TemporaryDirectory()
    var manifest = try small("Flat").save(to: directory.path, source: source)
    let text = try manifest.serialized()
    try directory.write(
      "index.json", text: text.replacing("\"version\": 1,", with: "\"version\": 2,"))
    expectRefusal(of: directory, "format version 2, this program reads version 1")
    manifest.faissVersion = "1.9.0"
    try directory.write("index.json", text: manifest.serialized())
    expectRefusal(of: directory, "FAISS version is 1.9.0, expected 1.7.3")
  }

  /// A manifest that is whole and says something else than its file.
  @Test func falseManifestsAreRefused() throws {
    let directory = try TemporaryDirectory()
    let right = try small("Flat").save(to: directory.path, source: source)
    func check(_ part: String, _ change: (inout IndexManifest) throws -> Void) throws {
      var manifest = right
      try change(&manifest)
      try directory.write("index.json", text: manifest.serialized())
      expectRefusal(of: directory, part)
    }
    try check("20 vectors, the manifest says 21") { $0.count = 21 }
    try check("0 to 57, the manifest says 0 to 58") { $0.highestID = 58 }
    try check("kind is not HNSW16") { $0.kind = try IndexKind(parsing: "HNSW16") }
    try check("bytes, the manifest says 3") { $0.bytes = 3 }
    try check("SHA-256") { $0.sha256 = "00" }
  }

  @Test func swappedAndMissingFiles() throws {
    let (a, b) = (try TemporaryDirectory(), try TemporaryDirectory())
    try small("Flat").save(to: a.path, source: source)
    try small("Flat", rows: 19).save(to: b.path, source: source)
    let manifests = try (
      FileBytes.read(a.file("index.json"), limit: 1 << 20),
      FileBytes.read(b.file("index.json"), limit: 1 << 20)
    )
    try a.write("index.json", manifests.1)
    try b.write("index.json", manifests.0)
    expectRefusal(of: a, "the manifest says")
    expectRefusal(of: b, "the manifest says")
    let empty = try TemporaryDirectory()
    expectRefusal(of: empty, "the manifest is missing")
    try empty.write("index.json", manifests.0)
    expectRefusal(of: empty, "the index file is missing")
  }

  @Test(arguments: ["Flat", "IVF4,Flat", "HNSW16"])
  func equalBuildsGiveEqualFiles(_ text: String) throws {
    let before = FaissLibrary.threads
    defer { try? FaissLibrary.setThreads(before) }
    var manifests: [IndexManifest] = []
    for threads in [1, 2, 4] {
      try FaissLibrary.setThreads(threads)
      let directory = try TemporaryDirectory()
      let index = try small(text)
      // Searching and reconstructing leave no trace in the file.
      if threads > 1 {
        _ = try index.search(VectorMatrix(vector: [1, 2, 3, 4, 5, 6, 7, 8]), k: 3)
        _ = try index.reconstruct(3)
      }
      manifests.append(try index.save(to: directory.path, source: source))
    }
    #expect(manifests[0] == manifests[1])
    #expect(manifests[0] == manifests[2])
  }

  @Test func aFullDiskKeepsTheOldIndex() throws {
    let directory = try TemporaryDirectory()
    try small("Flat").save(to: directory.path, source: source)
    let larger = try small("Flat", rows: 200)
    #expect {
      try larger.save(
        to: directory.path, source: source,
        files: FaultyFileSystem(.full(afterBytes: 1000)))
    } throws: { ($0 as? FileError)?.exitStatus == .inputOutput }
    #expect(try directory.names() == ["index.faiss", "index.json"])
    #expect(try FaissIndex.load(from: directory.path, expecting: expected).count == 20)
    try larger.save(to: directory.path, source: source)
    #expect(try FaissIndex.load(from: directory.path, expecting: expected).count == 200)
  }

  @Test func everyFailingCallLeavesAnIndexOrNone() throws {
    for n in 1...40 {
      let directory = try TemporaryDirectory()
      try small("Flat").save(to: directory.path, source: source)
      let larger = try small("Flat", rows: 30)
      do {
        _ = try larger.save(
          to: directory.path, source: source, files: FaultyFileSystem(.any(n, .ioError)))
        #expect(try FaissIndex.load(from: directory.path, expecting: expected).count == 30)
      } catch is FileError {
        do {
          let count = try FaissIndex.load(from: directory.path, expecting: expected).count
          #expect(count == 20 || count == 30)
        } catch {
          #expect(isRefused(error))
        }
        try larger.save(to: directory.path, source: source)
        #expect(try FaissIndex.load(from: directory.path, expecting: expected).count == 30)
      }
    }
  }
}
