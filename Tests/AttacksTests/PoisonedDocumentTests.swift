import Attacks
import Basics
import Corpus
import TestSupport
import Testing

@Suite struct PoisonedDocumentTests {
  static func document(_ id: String = "poison:x:pii:q:1", seed: UInt64 = 5) -> PoisonedDocument {
    PoisonedDocument(
      id: id, title: "T\u{301}\u{2028}", text: "q </script> \u{202E}\"\u{301} payload\n",
      attack: "x", version: 3, seed: seed, targetQueryIDs: ["q", "\u{E9}", "e\u{301}"],
      payloadKind: "pii", payloadID: "p-1",
      parameters: ["separator": "\u{301}", "n": [1, 2.5, nil], "deep": ["a": true]])
  }

  @Test(arguments: [0, 5, UInt64(Int64.max), UInt64(Int64.max) + 1, .max])
  func `provenance survives a file`(seed: UInt64) throws {
    let directory = try TemporaryDirectory()
    let documents = [Self.document(seed: seed), Self.document("poison:x:pii:q:2", seed: seed)]
    try PoisonedDocuments.write(documents, to: directory.file("poisoned.jsonl"))
    let read = try PoisonedDocuments.read(directory.file("poisoned.jsonl"))
    #expect(read == documents)
    #expect(read.map(\.seed) == [seed, seed])
    #expect(read[0].targetQueryIDs.map { UTF8Key($0) } == ["q", "\u{E9}", "e\u{301}"])
    #expect(read[0].parameters == documents[0].parameters)
  }

  @Test func `a file is a BEIR corpus with the agreed members`() throws {
    let directory = try TemporaryDirectory()
    try PoisonedDocuments.write([Self.document()], to: directory.file("p.jsonl"))
    let row = try JSONParser.parse(contentsOf: directory.file("p.jsonl")).requiredObject()
    #expect(row.keys == ["_id", "title", "text", "metadata"])
    #expect(
      try row.object("metadata").keys == [
        "attack", "version", "seed", "target_query_ids", "payload_kind", "payload_id", "parameters",
      ])
    let passage = try Passage(beir: row, at: Place())
    #expect(utf8Equal(passage.text, Self.document().text))
  }

  @Test func `an empty file has no documents, and one id twice is refused`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("p.jsonl")
    try PoisonedDocuments.write([], to: path)
    #expect(try PoisonedDocuments.read(path).isEmpty)
    #expect(throws: InputError.self) {
      try PoisonedDocuments.write([Self.document(), Self.document()], to: path)
    }
    // The failed writing leaves the old file.
    #expect(try PoisonedDocuments.read(path).isEmpty)
    let line = try Self.document().passage.beirObject.serialized() + "\n"
    try directory.write("twice.jsonl", Array((line + line).utf8))
    let error = #expect(throws: InputError.self) {
      try PoisonedDocuments.read(directory.file("twice.jsonl"))
    }
    #expect(error?.place.line == 2)
    #expect(contains(error?.message ?? "", "line 1"))
  }

  @Test(arguments: [
    "attack", "version", "seed", "target_query_ids", "payload_kind", "payload_id", "parameters",
  ])
  func `missing or wrong provenance names line and key`(key: String) throws {
    let directory = try TemporaryDirectory()
    for value in [nil, JSONValue.bool(true), .number(0.5), .null] {
      var passage = Self.document().passage
      passage.metadata[key] = value
      try directory.write(
        "p.jsonl", Array(("\n" + (try passage.beirObject.serialized())).utf8))
      let error = #expect(throws: InputError.self) {
        try PoisonedDocuments.read(directory.file("p.jsonl"))
      }
      #expect(error?.place.line == 2)
      #expect(contains(error?.message ?? "", "metadata.\(key)"), "\(error?.message ?? "")")
    }
  }

  @Test(arguments: ["-1", "18446744073709551616", "x", ""])
  func `a seed out of range is refused`(seed: String) throws {
    var passage = Self.document().passage
    passage.metadata["seed"] = .string(seed)
    #expect(throws: InputError.self) { try PoisonedDocument(passage) }
    passage.metadata["seed"] = -1
    #expect(throws: InputError.self) { try PoisonedDocument(passage) }
  }

  @Test func `documents differ where only bytes differ`() {
    var other = Self.document()
    other.title = "\u{1E6A}\u{2028}"
    #expect(other != Self.document())
    other = Self.document()
    other.targetQueryIDs[1] = "e\u{301}"
    #expect(other != Self.document())
  }

  @Test func `NUL is refused`() {
    var passage = Self.document().passage
    passage.text = "a\0"
    #expect(throws: InputError.self) { try PoisonedDocument(passage) }
  }

  @Test func `identifiers are distinct and of bounded length`() {
    let long = String(repeating: "x", count: 4096)
    let ids = [
      ("a", "b:1", 1), ("a", "b", 11), ("a", "b:1", 11), ("a", long, 1), ("a", long + "y", 1),
    ]
    .map { PoisonedDocument.identifier(attack: $0.0, kind: "pii", query: $0.1, copy: $0.2) }
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.utf8.count < 600 })
  }

  @Test(
    arguments: [
      [[0, 99]], [[-1, 2]], [[3, 2]], [[0]], ["x"], [[0, 1], [2, 300]],
    ] as [JSONValue])
  func `payload ranges that lead nowhere give no text`(ranges: JSONValue) {
    var document = Self.document()
    document.parameters["payload_ranges"] = ranges
    #expect(document.payloadText == nil)
  }
}
