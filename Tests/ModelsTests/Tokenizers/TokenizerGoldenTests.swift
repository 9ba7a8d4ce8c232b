import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// Ids and offsets equal to the Python package `tokenizers` 0.23.3, see Tests/Fixtures/tokenizers.
@Suite struct TokenizerGoldenTests {
  /// Compares the cases of a fixture, each with its text in the message.
  private func check(
    _ fixture: String, minimum: Int, encode: (JSONObject) throws -> Encoding
  ) throws {
    let cases = try TokenizerFixtures.json(fixture).objects("cases")
    #expect(cases.count >= minimum)
    for object in cases {
      let encoding = try encode(object)
      let text = try object.string("text").debugDescription
      let ids = try object.ints("ids").map { Int32($0) }
      let offsets = try object.ints("offsets")
      #expect(encoding.ids == ids, "\(text)")
      #expect(encoding.flatOffsets == offsets, "\(text)")
      if object["types"] != nil {
        let types = try object.ints("types").map { Int32($0) }
        #expect(encoding.typeIDs == types, "\(text)")
      }
    }
  }

  @Test func hardStringsWordPiece() throws {
    guard let tokenizer = try TokenizerFixtures.miniLM() else { return }
    try check("wordpiece.json", minimum: 320) { tokenizer.encode(try $0.string("text")) }
  }

  @Test func hardStringsFromVocabularyText() throws {
    guard let directory = installedModel("all-MiniLM-L6-v2") else { return }
    // Not every installation keeps vocab.txt beside tokenizer.json: it is written from the other.
    let json = try TokenizerFile.load(directory: directory)
    let temporary = FileManager.default.temporaryDirectory
      .appendingPathComponent("ragbench-vocab-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: temporary) }
    let lines = (0..<Int32(json.vocabularySize)).map { (json.tokenString(for: $0) ?? "") + "\n" }
    try Data(lines.joined().utf8).write(to: temporary.appendingPathComponent("vocab.txt"))
    let text = try TokenizerFile.load(directory: FilePath(temporary.path))
    #expect(text.vocabularySize == json.vocabularySize)
    #expect(text.specialTokens == json.specialTokens)
    try check("wordpiece.json", minimum: 320) { text.encode(try $0.string("text")) }
  }

  @Test func pairsAndTruncation() throws {
    guard let tokenizer = try TokenizerFixtures.miniLM() else { return }
    try check("wordpiece_pairs.json", minimum: 40) { object in
      tokenizer.encode(
        try object.string("text"), pair: try object.string("pair"),
        maximumTokens: try object.optionalInt("max_length"))
    }
    try check("wordpiece_truncated.json", minimum: 12) { object in
      tokenizer.encode(
        try object.string("text"), pair: nil, maximumTokens: try object.int("max_length"))
    }
  }

  @Test func hardStringsBPE() throws {
    guard let tokenizer = try TokenizerFixtures.wordLlama() else { return }
    try check("bpe.json", minimum: 320) {
      tokenizer.encodeWithoutTemplate(try $0.string("text"), maximumTokens: nil)
    }
  }

  @Test func twoThousandPassages() throws {
    guard let passages = try realPassages() else { return }
    let rows = try TokenizerFixtures.json("passages.json").array("passages")
    #expect(rows.count == 2000)
    #expect(passages.count == rows.count)
    let wordPiece = try TokenizerFixtures.miniLM()
    let bpe = try TokenizerFixtures.wordLlama()
    for (text, row) in zip(passages, rows) {
      guard let row = row.arrayValue, row.count == 5 else {
        Issue.record("a row of passages.json has not five columns")
        return
      }
      let name = row[0].stringValue ?? "?"
      if let wordPiece {
        let encoding = wordPiece.encode(text)
        #expect(encoding.ids.count == row[1].intValue, "\(name)")
        #expect(digest(encoding) == row[2].stringValue, "\(name)")
      }
      if let bpe {
        let encoding = bpe.encodeWithoutTemplate(text, maximumTokens: nil)
        #expect(encoding.ids.count == row[3].intValue, "\(name)")
        #expect(digest(encoding) == row[4].stringValue, "\(name)")
      }
    }
  }

  /// The passages in the order of Tests/Fixtures/tokenizers/README.md.
  private func realPassages(test: String = #function) throws -> [String]? {
    guard let root = ProcessInfo.processInfo.environment["RAGBENCH_TEST_DATA"], !root.isEmpty
    else {
      FileHandle.standardError.write(
        Data("\n*** SKIPPED \(test): RAGBENCH_TEST_DATA is not set\n".utf8))
      return nil
    }
    func read(_ file: String, _ count: Int, _ text: (JSONObject) throws -> String) throws
      -> [String]
    {
      var reader = try LineReader(FilePath(root).appending(file))
      return try (0..<count).compactMap { _ in
        try reader.next().map { try text(JSONParser.parse($0).requiredObject()) }
      }
    }
    return try read("openstax/textbook_chunks.jsonl.gz", 1000) { try $0.string("content") }
      + read("scifact/corpus.jsonl.gz", 500) {
        try $0.string("title") + " " + $0.string("text")
      } + read("medquad/medquad_answered.jsonl.gz", 500) { try $0.string("answer") }
  }

  /// SHA-256 of the ids, then of start and end of each token, as little-endian Int32.
  private func digest(_ encoding: Encoding) -> String {
    let numbers = encoding.ids + encoding.flatOffsets.map { Int32($0) }
    return numbers.map(\.littleEndian).withUnsafeBytes { Checksum.sha256($0) }
  }

  @Test func everyScalar() throws {
    let object = try TokenizerFixtures.json("bert_scalars.json")
    func set(_ key: String) throws -> Set<UInt32> {
      let ranges = try object.ints(key).map { UInt32($0) }
      return Set(
        stride(from: 0, to: ranges.count, by: 2).flatMap { ranges[$0]...ranges[$0 + 1] })
    }
    let (removed, space) = (try set("removed"), try set("space"))
    let (cjk, punctuation) = (try set("cjk"), try set("punctuation"))
    var mapped: [UInt32: String] = [:]
    for row in try object.objects("mapped") {
      mapped[UInt32(try row.int("scalar"))] = try row.string("becomes")
    }
    let normalizer = BertNormalizer(
      cleansText: true, spacesIdeographs: true, stripsAccents: nil, lowercases: true)
    var differing: [String] = []
    for value in UInt32(1)..<0x11_0000 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let result = normalizer(AlignedText("x\(scalar)x"))
      let middle = result.bytes.dropFirst().dropLast()
      let expected: [UInt8]
      if removed.contains(value) {
        expected = []
      } else if space.contains(value) {
        expected = [0x20]
      } else if cjk.contains(value) {
        expected = Array(" \(scalar) ".utf8)
      } else if let text = mapped[value] {
        expected = Array(text.utf8)
      } else if (0xAC00...0xD7A3).contains(value) {
        expected = Array(String(scalar).decomposedStringWithCanonicalMapping.utf8)
      } else {
        expected = Array(String(scalar).utf8)
      }
      let isPunctuation = ScalarTables.shared.flags(of: value).contains(.punctuation)
      // A compatibility ideograph is set apart first and decomposed after.
      if !middle.elementsEqual(expected) || isPunctuation != punctuation.contains(value) {
        differing.append(String(value, radix: 16))
      }
    }
    #expect(differing == [])
  }
}
