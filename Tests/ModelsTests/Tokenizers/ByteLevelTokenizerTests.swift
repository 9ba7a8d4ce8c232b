import Basics
import SystemPackage
import TestSupport
import Testing

@testable import Models

/// Byte-level BPE with a small committed vocabulary, equal to `tokenizers` 0.23.3: `byte_level_small.json`.
@Suite struct ByteLevelTokenizerTests {
  static let kinds = ["smollm", "gpt2", "llama3", "qwen2", "prefix"]

  private static func root() throws -> JSONObject {
    try TokenizerFixtures.json("byte_level_tokenizer.json")
  }

  /// The committed tokenizer behind the splitting and the template of a kind.
  private static func tokenizer(_ kind: String) throws -> any Tokenizer {
    let golden = try TokenizerFixtures.json("byte_level_small.json")
    var root = try root()
    root["pre_tokenizer"] = try golden.object("kinds")[kind]
    root["post_processor"] = try golden.object("post_processors")[kind]
    if kind == "llama3" {
      var model = try root.object("model")
      model["ignore_merges"] = true
      root["model"] = .object(model)
    }
    return try TokenizerFixtures.tokenizer(JSONValue.object(root).serialized())
  }

  @Test(arguments: kinds)
  func hardStrings(kind: String) throws {
    let golden = try TokenizerFixtures.json("byte_level_small.json")
    let columns = try golden.strings("columns")
    let column = try #require(columns.firstIndex(of: kind))
    let tokenizer = try Self.tokenizer(kind)
    let decoder = try #require(tokenizer.decoder)
    let rows = try golden.array("cases").compactMap(\.arrayValue)
    #expect(rows.count >= 400)
    for row in rows {
      let text = try #require(row[0].stringValue)
      let encoding = tokenizer.encode(text)
      #expect(encoding.shortDigest == row[column].stringValue, "\(text.debugDescription)")
      guard kind != "prefix" else { continue }
      let decoded = decoder.text(encoding.ids, keepsSpecialTokens: false)
      #expect(decoded.utf8.elementsEqual(text.utf8), "\(text.debugDescription)")
    }
  }

  @Test func decodings() throws {
    let decoder = try #require(try Self.tokenizer("gpt2").decoder)
    try decoder.expectDecodings("byte_level_small.json")
  }

  /// What a document says is plain text; what it spells are the bytes of the special token.
  @Test func specialTokensInTextArePlain() throws {
    let tokenizer = try Self.tokenizer("smollm")
    for token in ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] {
      let id = try #require(tokenizer.id(ofToken: token))
      let ids = tokenizer.encode("a\(token)b").ids
      #expect(!ids.contains(id) && tokenizer.decoder?.isSpecial(id) == true)
      #expect(ids.allSatisfy { tokenizer.decoder?.isSpecial($0) == false })
      #expect(tokenizer.decoder?.text(ids, keepsSpecialTokens: false) == "a\(token)b")
    }
  }

  /// A text of a megabyte without a border, and one that is nothing but white space.
  @Test func longTexts() throws {
    let tokenizer = try Self.tokenizer("smollm")
    for text in [
      String(repeating: "ab", count: 500_000), String(repeating: " ", count: 1_000_000),
      String(repeating: "'", count: 300_000), String(repeating: "é", count: 300_000),
    ] {
      let encoding = tokenizer.encode(text)
      #expect(encoding.offsets.last?.upperBound == text.unicodeScalars.count)
      #expect(tokenizer.decoder?.text(encoding.ids) == text)
    }
  }

  @Test func bytesOutsideTheVocabularyAreLeftOut() throws {
    let json = """
      {"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
      "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}
      """
    let tokenizer = try TokenizerFixtures.tokenizer(json)
    #expect(tokenizer.encode("axb").ids == [2] && tokenizer.encode("xy").ids == [])
    #expect(tokenizer.encode("axb").flatOffsets == [0, 3])
    #expect(tokenizer.encode("xab").flatOffsets == [1, 3])
  }

  @Test(arguments: [
    (
      #"{"type":"ByteLevel"}"#, #"{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"a"}"#,
      "lacks a byte"
    ),
    (
      #"{"type":"ByteLevel"}"#, #"{"type":"BPE","vocab":{"a":0},"merges":["a b"]}"#,
      "'b', which is not in"
    ),
    (
      #"{"type":"ByteLevel"}"#, #"{"type":"BPE","vocab":{"a":0},"merges":[],"byte_fallback":true}"#,
      "byte_fallback"
    ),
    (
      #"{"type":"ByteLevel"}"#, #"{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}"#,
      "dropout"
    ),
    (#"{"type":"ByteLevel"}"#, #"{"type":"WordPiece","vocab":{"[UNK]":0}}"#, "with BPE only"),
    (#"{"type":"Digits"}"#, "", "expected 'ByteLevel' as the last step"),
    (#"{"type":"Metaspace"}"#, "", "'Metaspace' is not supported"),
    (
      #"{"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]}"#, "",
      "pre_tokenizer.pretokenizers.1"
    ),
    (
      #"{"type":"Sequence","pretokenizers":[{"type":"Digits"},{"type":"ByteLevel"}]}"#, "",
      "add_prefix_space"
    ),
    (
      #"{"type":"Split","pattern":{"Regex":"a+"},"behavior":"Isolated"}"#, "",
      "the expression 'a+' is not supported"
    ),
    (#"{"type":"Split","pattern":{"String":"a"},"behavior":"Isolated"}"#, "", "Regex"),
  ])
  func refusals(splitting: String, model: String, message: String) throws {
    let model = model.isEmpty ? #"{"type":"BPE","vocab":{"a":0},"merges":[]}"# : model
    let error = #expect(throws: InputError.self) {
      try TokenizerFixtures.tokenizer(#"{"pre_tokenizer":\#(splitting),"model":\#(model)}"#)
    }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  // MARK: - GGUF

  /// The committed vocabulary as the metadata of a GGUF file; a closure changes keys.
  static func gguf(
    _ change: (inout [(String, [UInt8])]) throws -> Void = { _ in }
  ) throws -> GGUFFile {
    var keys = try ggufKeys()
    try change(&keys)
    return try GGUFBench().open(GGUFBytes(keys: keys).bytes)
  }

  static func ggufKeys() throws -> [(String, [UInt8])] {
    let model = try root().object("model")
    let vocabulary = try model.object("vocab").members.sorted {
      ($0.value.intValue ?? 0) < ($1.value.intValue ?? 0)
    }
    let merges = try model.array("merges").map { pair in
      (pair.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
    }
    func strings(_ values: [String]) -> [UInt8] {
      GGUFBytes.array(8, count: UInt64(values.count), values.flatMap { GGUFBytes.text($0) })
    }
    let types = vocabulary.indices.flatMap { GGUFBytes.number(Int32($0 < 3 ? 3 : 1)) }
    func text(_ value: String) -> [UInt8] { GGUFBytes.value(8, GGUFBytes.text(value)) }
    func number(_ value: UInt32) -> [UInt8] { GGUFBytes.value(4, GGUFBytes.number(value)) }
    return [
      ("tokenizer.ggml.model", text("gpt2")), ("tokenizer.ggml.pre", text("smollm")),
      ("tokenizer.ggml.tokens", strings(vocabulary.map(\.key))),
      ("tokenizer.ggml.token_type", GGUFBytes.array(5, count: UInt64(vocabulary.count), types)),
      ("tokenizer.ggml.merges", strings(merges)),
      ("tokenizer.ggml.bos_token_id", number(1)), ("tokenizer.ggml.eos_token_id", number(2)),
    ]
  }

  @Test func metadataGivesTheSameTokenizer() throws {
    let tokenizer = try TokenizerFile.load(gguf: Self.gguf())
    let other = try Self.tokenizer("smollm")
    #expect(tokenizer.vocabularySize == other.vocabularySize)
    #expect(tokenizer.specialTokens.bos == 1 && tokenizer.specialTokens.eos == 2)
    let golden = try TokenizerFixtures.json("byte_level_small.json")
    for row in try golden.array("cases").compactMap(\.arrayValue) {
      let text = try #require(row[0].stringValue)
      #expect(tokenizer.encode(text) == other.encode(text), "\(text.debugDescription)")
    }
    let adding = try TokenizerFile.load(
      gguf: Self.gguf { keys in
        keys.append(("tokenizer.ggml.add_bos_token", GGUFBytes.value(7, [1])))
        keys.append(("tokenizer.ggml.add_eos_token", GGUFBytes.value(7, [1])))
      })
    let plain = other.encode("a b").ids
    #expect(adding.encode("a b").ids == [1] + plain + [2])
    #expect(adding.encodeWithoutTemplate("a b", maximumTokens: nil).ids == plain)
  }

  private static func type(_ value: Int32, of id: Int) -> (inout [(String, [UInt8])]) throws -> Void
  {
    { keys in
      let start = keys[3].1.count - 4 * 700 + 4 * id
      keys[3].1.replaceSubrange(start..<start + 4, with: GGUFBytes.number(value))
    }
  }

  @Test func hostileMetadata() throws {
    func text(_ value: String) -> [UInt8] { GGUFBytes.value(8, GGUFBytes.text(value)) }
    func strings(_ values: [String]) -> [UInt8] {
      GGUFBytes.array(8, count: UInt64(values.count), values.flatMap { GGUFBytes.text($0) })
    }
    let faults: [(String, (inout [(String, [UInt8])]) throws -> Void)] = [
      ("'tokenizer.ggml.model': the type 'llama'", { $0[0].1 = text("llama") }),
      ("'tokenizer.ggml.model' is missing", { $0.remove(at: 0) }),
      ("'tokenizer.ggml.pre': the type 'default'", { $0[1].1 = text("default") }),
      ("'tokenizer.ggml.pre' is missing", { $0.remove(at: 1) }),
      (
        "the vocabulary is empty",
        {
          $0[2].1 = strings([])
          $0.remove(at: 3)
        }
      ),
      ("700 types for 2 tokens", { $0[2].1 = strings(["a", "b"]) }),
      (
        "'a' has the ids 0 and 1",
        {
          $0[2].1 = strings(["a", "a"])
          $0.remove(at: 3)
        }
      ),
      ("'tokenizer.ggml.tokens' is string, expected an array", { $0[2].1 = text("a") }),
      ("an array of 700 float32, expected an array of integers", { $0[3].1[4] = 6 }),
      ("the token 5, '#', has the type 6", Self.type(6, of: 5)),
      ("has the type 4", Self.type(4, of: 5)), ("has the type -1", Self.type(-1, of: 699)),
      ("has the type 7", Self.type(7, of: 0)),
      ("'tokenizer.ggml.merges.0': expected two tokens", { $0[4].1 = strings(["ab"]) }),
      ("the merge has 'a\u{E9}'", { $0[4].1 = strings(["a \u{E9}"]) }),
      (
        "the id 700 is outside the vocabulary of 700",
        {
          $0[5].1 = GGUFBytes.value(4, GGUFBytes.number(UInt32(700)))
        }
      ),
      ("the id -1 is outside", { $0[5].1 = GGUFBytes.value(5, GGUFBytes.number(Int32(-1))) }),
      (
        "there is no 'tokenizer.ggml.bos_token_id'",
        {
          $0.remove(at: 5)
          $0.append(("tokenizer.ggml.add_bos_token", GGUFBytes.value(7, [1])))
        }
      ),
    ]
    for (message, change) in faults {
      let file = try Self.gguf(change)
      let error = #expect(throws: InputError.self, "\(message)") {
        try TokenizerFile.load(gguf: file)
      }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
      #expect(error?.description.contains("model.gguf") == true)
    }
  }

  /// Byte tokens of a SentencePiece vocabulary, right or wrong, are none of a byte-level one.
  @Test(arguments: ["<0x-1>", "<0xZZ>", "<0x41>"])
  func byteTokens(token: String) throws {
    let file = try Self.gguf { keys in
      keys[2].1 = GGUFBytes.array(8, count: 1, GGUFBytes.text(token))
      keys[3].1 = GGUFBytes.array(5, count: 1, GGUFBytes.number(Int32(6)))
    }
    let error = #expect(throws: InputError.self) { try TokenizerFile.load(gguf: file) }
    #expect(error?.description.contains("the token 0, '\(token)', has the type 6") == true)
  }
}

extension Encoding {
  /// The first 16 digits of the SHA-256 of ids, then start and end of each token, as little-endian
  /// Int32.
  var shortDigest: String {
    let numbers = ids + flatOffsets.map { Int32($0) }
    return String(
      numbers.map(\.littleEndian).withUnsafeBytes { Checksum.sha256($0) }.prefix(16))
  }
}

extension TokenDecoder {
  /// Compares random ids with the texts of a fixture, whole and token by token.
  func expectDecodings(_ fixture: String) throws {
    let rows = try TokenizerFixtures.json(fixture).objects("decodings")
    #expect(rows.count >= 100)
    for row in rows {
      let ids = try row.ints("ids").map { Int32($0) }
      for (key, keeps) in [("text", true), ("plain", false)] {
        let expected = try row.string(key)
        let found = text(ids, keepsSpecialTokens: keeps)
        #expect(found.utf8.elementsEqual(expected.utf8), "\(ids)")
        var stream = stream(keepsSpecialTokens: keeps)
        var pieces = ids.map { stream.append($0) }
        pieces.append(stream.finish())
        #expect(pieces.joined().utf8.elementsEqual(expected.utf8), "\(ids)")
      }
    }
  }
}
