import Attacks
import Basics
import Corpus
import Models
import Testing

/// Begins and ends every sequence with a token of its own; letters are tokens.
private struct LetterTokenizer: Tokenizer {
  let vocabularySize = 0x11_0000
  let specialTokens = SpecialTokens()
  func encode(_ text: String, pair: String?, maximumTokens: Int?) -> Encoding {
    var encoding = Encoding(ids: [1], typeIDs: [0], offsets: [0..<0], isSpecial: [true])
    for (offset, scalar) in text.unicodeScalars.enumerated()
    where !scalar.properties.isWhitespace {
      encoding.ids.append(Int32(scalar.value))
      encoding.typeIDs.append(0)
      encoding.offsets.append(offset..<(offset + 1))
      encoding.isSpecial.append(false)
    }
    encoding.ids.append(2)
    encoding.typeIDs.append(0)
    encoding.offsets.append(0..<0)
    encoding.isSpecial.append(true)
    return encoding
  }
  func tokenString(for id: Int32) -> String? { nil }
  func id(ofToken token: String) -> Int32? { nil }
}

@Suite struct TokenMeterTests {
  @Test(arguments: [("", 0), (" ", 0), ("a", 1), (" a\u{301}b \u{2003}c\n", 2), ("a b", 2)])
  func `words are counted`(text: String, count: Int) {
    #expect(TokenMeter.words().count(text) == count)
  }

  @Test(arguments: [
    (0, ""), (1, " one"), (2, " one \u{301}two"), (3, " one \u{301}two  three"),
    (4, " one \u{301}two  three "), (9, " one \u{301}two  three "),
  ])
  func `a beginning ends with its last token`(tokens: Int, expected: String) {
    let cut = TokenMeter.words().prefix(" one \u{301}two  three ", tokens: tokens)
    // The whole text stays as it is, white space at its end included.
    #expect(utf8Equal(cut, tokens == 3 ? " one \u{301}two  three " : expected))
  }

  @Test func `the meter of a tokenizer leaves out the template`() {
    let meter = TokenMeter(LetterTokenizer(), maximumTokens: 10)
    #expect(meter.limit == 8)
    #expect(meter.count("ab c") == 3)
    #expect(meter.prefix("ab cd", tokens: 3) == "ab c")
    #expect(TokenMeter(LetterTokenizer(), maximumTokens: 1).limit == 0)
    #expect(TokenMeter(LetterTokenizer(), maximumTokens: nil).limit == nil)
  }
}

@Suite struct CountedEncoderTests {
  @Test func `every text counts, and the budget holds before anything is encoded`() throws {
    let spending = EncoderSpending(budget: 5)
    let encoder = CountedEncoder(spending: spending) { texts, side in
      texts.map { [Float($0.utf8.count), side == .query ? 1 : 0] }
    }
    #expect(try encoder.vectors(of: ["a", "bb"], as: .query) == [[1, 1], [2, 1]])
    #expect(spending.forwardPasses == 2)
    #expect(spending.remaining == 3)
    #expect(throws: BudgetExhausted(budget: 5)) {
      try encoder.vectors(of: ["a", "a", "a", "a"], as: .passage)
    }
    #expect(spending.forwardPasses == 2)
    #expect(try encoder.vectors(of: ["a", "a", "a"], as: .passage).count == 3)
    #expect(spending.remaining == 0)
    #expect(throws: BudgetExhausted.self) { try spending.book(forward: 1, backward: 1) }
    #expect(spending.backwardPasses == 0)
    #expect(EncoderSpending().remaining == nil)
  }

  @Test func `concatenation needs no encoder`() throws {
    let spending = EncoderSpending(budget: 0)
    let surroundings = AttackSurroundings(
      encoder: CountedEncoder(spending: spending) { _, _ in [] })
    let made = try ConcatenationAttack().poison(
      [Query(id: "q", text: "x")], payloads(["t"]), surroundings)
    #expect(made.count == 1)
    #expect(spending.forwardPasses == 0)
  }
}
