import Basics
import SystemPackage
import Testing

@testable import Models

/// Behaviour that a small vocabulary shows; no weights are needed.
@Suite struct SmallTokenizerTests {
  /// Text, ids without template, offsets; made by hand and equal to `tokenizers`,
  /// but for `<s>` in the BPE table: there a text may never become a special token.
  @Test(arguments: [
    ("unaffable", [1], [0, 9]),  // nine scalars, over the limit of eight
    ("unable", [4, 6], [0, 2, 2, 6]),
    ("fever fever", [7, 7], [0, 5, 6, 11]),
    ("feverx", [1], [0, 6]),
    ("[SEP]", [8, 10, 9], [0, 1, 1, 4, 4, 5]),
    ("Caf\u{E9}", [14], [0, 4]),
    ("CAFE\u{301}.", [14, 15], [0, 4, 5, 6]),
    ("日日", [11, 11], [0, 1, 1, 2]),
    ("e\u{301}\u{E9}", [12, 13], [0, 1, 2, 3]),
    ("\u{200B}fe\u{AD}ver\u{0}", [7], [1, 7]),
    ("\u{301}", [], []),
    (" \t\r\n\u{3000}", [], []),
    ("", [], []),
  ])
  func wordPiece(text: String, ids: [Int32], offsets: [Int]) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(TokenizerFixtures.wordPieceJSON())
    let plain = tokenizer.encodeWithoutTemplate(text, maximumTokens: nil)
    #expect(plain.ids == ids)
    #expect(plain.flatOffsets == offsets)
    let full = tokenizer.encode(text)
    #expect(full.ids == [2] + ids + [3])
    #expect(full.flatOffsets == [0, 0] + offsets + [0, 0])
    #expect(full.isSpecial == [true] + ids.map { _ in false } + [true])
  }

  @Test(arguments: [
    ("ab", [7], [0, 2]),
    ("a b", [3, 4, 3, 5], [0, 1, 0, 1, 1, 2, 2, 3]),
    ("<s>", [3, 13, 12], [0, 1, 0, 2, 2, 3]),  // never the special token
    ("\u{E9}", [3, 8], [0, 1, 0, 1]),
    ("e\u{301}", [3, 9], [0, 1, 0, 2]),  // other bytes, another token
    ("xyz ab", [3, 0, 7], [0, 1, 0, 3, 3, 6]),  // unknown scalars fuse
    ("", [], []),
  ])
  func bytePairs(text: String, ids: [Int32], offsets: [Int]) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(TokenizerFixtures.bpeJSON())
    let plain = tokenizer.encodeWithoutTemplate(text, maximumTokens: nil)
    #expect(plain.ids == ids)
    #expect(plain.flatOffsets == offsets)
    #expect(tokenizer.encode(text).ids == [1] + ids)
  }

  @Test func canonicallyEqualTokensAreTwo() throws {
    let tokenizer = try TokenizerFixtures.tokenizer(TokenizerFixtures.bpeJSON())
    #expect(tokenizer.id(ofToken: "\u{E9}") == 8)
    #expect(tokenizer.id(ofToken: "e\u{301}") == 9)
    #expect(tokenizer.tokenString(for: 9)?.unicodeScalars.count == 2)
    #expect(tokenizer.tokenString(for: 16) == nil)
    #expect(tokenizer.tokenString(for: -1) == nil)
    #expect(tokenizer.id(ofToken: "absent") == nil)
    #expect(tokenizer.vocabularySize == 16)
    #expect(tokenizer.specialTokens.bos == 1)
    #expect(tokenizer.specialTokens.eos == 2)
    #expect(tokenizer.specialTokens.unk == 0)
    #expect(tokenizer.specialTokens.cls == nil)
  }

  /// Tokens of both texts, the limit for both, what stays: `truncate_encodings` of `tokenizers`.
  @Test(arguments: [
    (3, 4, 7, 3, 4), (3, 4, 6, 3, 3), (10, 2, 6, 4, 2), (2, 10, 6, 2, 4), (10, 10, 7, 3, 4),
    (10, 9, 7, 4, 3), (5, 5, 0, 0, 0), (5, 5, 1, 0, 1), (0, 9, 4, 0, 4), (9, 0, 4, 4, 0),
  ])
  func longestFirst(_ first: Int, _ second: Int, _ limit: Int, _ a: Int, _ b: Int) {
    let kept = Truncation.longestFirst(first, second, limit: limit)
    #expect(kept.first == a && kept.second == b)
  }

  @Test func limitsBelowTheTemplateLeaveTheTemplate() throws {
    let tokenizer = try TokenizerFixtures.tokenizer(TokenizerFixtures.wordPieceJSON())
    for limit in [Int.min, -1, 0, 1, 2] {
      #expect(tokenizer.encode("fever", pair: nil, maximumTokens: limit).ids == [2, 3])
      #expect(tokenizer.encode("fever", pair: "e", maximumTokens: limit).ids == [2, 3, 3])
      #expect(
        tokenizer.encodeWithoutTemplate("e e e", maximumTokens: limit).ids.count
          == max(0, limit))
    }
    let pair = tokenizer.encode("fever", pair: "e", maximumTokens: .max)
    #expect(pair.ids == [2, 7, 3, 12, 3])
    #expect(pair.typeIDs == [0, 0, 0, 1, 1])
  }

  /// A text of a megabyte in one word: quadratic merging would take hours.
  @Test func longTextWithoutBorders() throws {
    let tokenizer = try TokenizerFixtures.tokenizer(TokenizerFixtures.bpeJSON())
    let text = String(repeating: "ab", count: 500_000)
    let encoding = tokenizer.encodeWithoutTemplate(text, maximumTokens: nil)
    #expect(encoding.ids.count == 500_000)
    #expect(encoding.offsets.last == 999_998..<1_000_000)
    let wordPiece = try TokenizerFixtures.tokenizer(TokenizerFixtures.wordPieceJSON())
    #expect(wordPiece.encodeWithoutTemplate(text, maximumTokens: nil).ids == [1])
    let marks = "e" + String(repeating: "\u{301}\u{316}", count: 200_000)
    #expect(wordPiece.encodeWithoutTemplate(marks, maximumTokens: nil).ids == [12])
  }

  /// The cut at word marks must not change what the whole text gives.
  @Test func wordMarksSplitOnlyWhereNoMergeCrosses() throws {
    // `b▁` is a token here, so the text must be merged as a whole.
    let crossing = TokenizerFixtures.bpeJSON(
      vocabulary: #"{"<unk>":0,"<s>":1,"</s>":2,"▁":3,"a":4,"b":5,"b▁":6,"▁b":7}"#,
      merges: #"["b ▁","▁ b"]"#)
    let tokenizer = try TokenizerFixtures.tokenizer(crossing)
    #expect(tokenizer.encodeWithoutTemplate("ab b", maximumTokens: nil).ids == [3, 4, 6, 5])
  }
}
