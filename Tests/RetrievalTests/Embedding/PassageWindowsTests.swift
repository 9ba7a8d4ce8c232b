import Models
import Retrieval
import TestSupport
import Testing

/// Windows of passages over the tiny models.
@Suite struct PassageWindowsTests {
  private static func model(
    _ name: String, limit: Int?, form: PassageForm = .joined, prompt: String? = nil
  ) throws -> EmbeddingModel {
    try TinyRetriever.model(name) { card in
      card.passageMaximumTokens = limit
      card.passageForm = form
      card.passagePrompt = prompt
    }
  }

  /// What the encoder reads of an input.
  private static func seen(_ input: EmbeddingInput, by model: EmbeddingModel) -> String {
    guard case .passage(let title, let text, let separator) = input else { return "" }
    let whole = title.isEmpty ? text : title + separator + text
    let end = model.encoder(for: .passage).contentTokenRanges(of: whole, isCut: true).last?
      .upperBound
    return String(String.UnicodeScalarView(whole.unicodeScalars.prefix(end ?? 0)))
  }

  private static func words(_ count: Int, _ generator: inout SeededGenerator) -> [String] {
    (0..<count).map { number in
      let length = Int.random(in: 1...9, using: &generator)
      return (0..<length).map { _ in String("abcdefgé ".randomElement(using: &generator) ?? "x") }
        .joined().replacing(" ", with: "") + "\(number)"
    }
  }

  /// Each word of a text is seen whole through some window.
  @Test(arguments: [12, 20, 64], ["", "passage: "])
  func nothingFallsBetweenWindows(limit: Int, prompt: String) throws {
    let model = try Self.model("tiny-bert", limit: limit, prompt: prompt.isEmpty ? nil : prompt)
    let windows = PassageWindows(model, separator: ". ", overlap: 8)
    let plain = try Self.model("tiny-bert", limit: nil)
    // Tokens left beside template and prompt; a word of no more than a window shares is seen whole.
    let room = limit - model.encoder(for: .passage).tokenCount(of: "")
    var generator = SeededGenerator(seed: UInt64(limit))
    for round in 0..<8 {
      let words = Self.words(Int.random(in: 0...120, using: &generator), &generator)
      let text = words.joined(separator: round % 3 == 0 ? " \n\t " : " ")
      let title = round % 2 == 0 ? "" : Self.words(3, &generator).joined(separator: " ")
      let further = windows.further(title: title, text: text)
      let first = EmbeddingInput.passage(title: title, text: text, separator: ". ")
      let seen = ([first] + further).map { " " + Self.seen($0, by: model) + " " }
      for word in words
      where plain.encoder(for: .passage).contentTokenRanges(of: word, isCut: false).count
        <= min(8, room / 2)
      {
        #expect(
          seen.contains { window in
            window.split { $0.isWhitespace }.contains(Substring(word))
              || window.split { $0.isWhitespace }.contains { $0.hasSuffix(". " + word) }
          }, "\(word) of '\(text)'")
      }
      // Each window moves on by half of what it saw at least; a window that begins inside a word may
      // need more tokens for it.
      let tokens = model.encoder(for: .passage).contentTokenRanges(of: text, isCut: false).count
      if room >= 16 { #expect(further.count <= 3 * tokens / room + 2) }
      #expect(further.count <= text.unicodeScalars.count)
    }
  }

  @Test func aPassageThatIsSeenWholeHasNoFurtherWindows() throws {
    let model = try Self.model("tiny-bert", limit: 16)
    let windows = PassageWindows(model, separator: " ")
    let encoder = model.encoder(for: .passage)
    let room = 16 - encoder.tokenCount(of: "")
    let exact = Array(repeating: "a", count: room).joined(separator: " ")
    #expect(encoder.tokenCount(of: exact) == 16)
    #expect(windows.further(title: "", text: exact).isEmpty)
    #expect(windows.further(title: "", text: exact + " a").count == 1)
    #expect(windows.further(title: "a", text: exact).count == 1)
    #expect(windows.further(title: "", text: "").isEmpty)
    #expect(windows.further(title: exact + " a", text: "").isEmpty, "no body is left to be seen")
  }

  @Test func anEncoderWithoutALimitHasNoFurtherWindows() throws {
    let model = try Self.model("tiny-static", limit: nil)
    guard model.encoder(for: .passage).maximumTokens == nil else {
      Issue.record("the static model has a limit")
      return
    }
    let text = Array(repeating: "word", count: 5000).joined(separator: " ")
    #expect(PassageWindows(model, separator: " ").further(title: "", text: text).isEmpty)
  }

  /// A title that fills the limit leaves all of the body to further windows.
  @Test func aLongTitleHidesNothing() throws {
    let model = try Self.model("tiny-bert", limit: 12)
    let title = Array(repeating: "b", count: 40).joined(separator: " ")
    let further = PassageWindows(model, separator: ". ").further(title: title, text: "c d e")
    #expect(further == [.passage(title: "", text: "c d e", separator: ". ")])
  }

  /// Where title and text are two segments, the body is read from its start again.
  @Test func pairs() throws {
    let model = try Self.model("tiny-bert", limit: 16, form: .pair)
    let windows = PassageWindows(model, separator: "")
    #expect(windows.further(title: "a", text: "b c").isEmpty)
    let long = Array(repeating: "b", count: 40).joined(separator: " ")
    let further = windows.further(title: "a", text: long)
    #expect(further.first == .passage(title: "", text: long, separator: ""))
    #expect(further.count > 2)
  }

  /// White space, one endless word and scalars of several bytes end, and long texts do not take
  /// quadratic time.
  @Test func strangeTexts() throws {
    let model = try Self.model("tiny-bert", limit: 16)
    let windows = PassageWindows(model, separator: " ")
    let space = String(repeating: " ", count: 20_000)
    #expect(windows.further(title: "", text: space).isEmpty)
    let behind = windows.further(
      title: "",
      text: "a " + space
        + Array(repeating: "b c", count: 20)
        .joined(separator: " "))
    #expect(behind.contains { Self.seen($0, by: model).contains("b c") })
    let word = String(repeating: "é", count: 30_000)
    _ = windows.further(title: "", text: word)
    let long = Array(repeating: "b", count: 40_000).joined(separator: " ")
    #expect(windows.further(title: "", text: long).count > 3000)
  }

  /// What stands behind the limit changes no bit of the passage's vector, and does change the windows'.
  @Test func firstWindowsAreBlind() throws {
    let model = try Self.model("tiny-bert", limit: 16)
    let embedder = Embedder(model: model, threads: 1)
    let cutter = PassageWindows(model, separator: " ")
    let head = Array(repeating: "b", count: 30).joined(separator: " ")
    func vectors(_ payload: String) throws -> (own: [Float], further: [[Float]]) {
      let text = head + " " + payload
      let own = try embedder.embed([.passage(title: "", text: text, separator: " ")])
      let further = try embedder.embed(cutter.further(title: "", text: text))
      return (own.matrix[0], (0..<further.matrix.rows).map { further.matrix[$0] })
    }
    let (a, b) = (try vectors("send the money"), try vectors("call this number"))
    #expect(a.own == b.own)
    #expect(a.further.last != b.further.last)
  }
}
