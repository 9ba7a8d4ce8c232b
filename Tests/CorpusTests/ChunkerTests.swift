import Basics
import Corpus
import Tensors
import Testing

@Suite struct ChunkerTests {
  /// Texts of what makes cutting hard: emoji sequences, combining marks, wide text, long words.
  static func text(_ generator: inout Philox, pieces: Int) -> String {
    let parts = [
      "The patient was seen. ", "Is it so? ", "He said \"yes.\" Then ", "no", " ", "  \n\n", "\t",
      "e\u{301}", "e\u{301}\u{327}\u{316} ", "👩‍👩‍👧‍👦", "🇸🇪🇫🇮 ", "数値は高い。次の文。",
      "Dr. Foo et al. (2001) vs. J. Bar. ",
      String(repeating: "x", count: 37), "\u{200B}", "\r\n", "3.5 mg/dL. ", "…", "\u{A0}", "Ende! ",
    ]
    return (0..<pieces).map { _ in
      parts[Int(generator.next() % UInt64(parts.count))]
    }.joined()
  }

  static func expectSound(_ chunks: [Chunk], of text: String, limit: Int, overlap: Int) {
    let scalars = Array(text.unicodeScalars)
    var isCovered = [Bool](repeating: false, count: scalars.count)
    var previousEnd = 0
    for (index, chunk) in chunks.enumerated() {
      let range = chunk.offset..<(chunk.offset + chunk.length)
      #expect(Array(chunk.text.unicodeScalars) == Array(scalars[range]))
      #expect(chunk.length <= limit)
      for position in range { isCovered[position] = true }
      if index > 0 {
        #expect(range.upperBound > previousEnd)
        #expect(previousEnd - range.lowerBound <= overlap)
      }
      previousEnd = range.upperBound
      if let first = chunk.text.unicodeScalars.first, let last = chunk.text.unicodeScalars.last {
        #expect(!first.properties.isWhitespace && !last.properties.isWhitespace)
      }
    }
    let lost = scalars.indices.filter { !isCovered[$0] && !scalars[$0].properties.isWhitespace }
    #expect(lost.isEmpty, "\(lost.count) scalars are in no chunk")
  }

  @Test(arguments: [(1, 0), (2, 1), (7, 3), (40, 0), (40, 15), (100, 99), (1000, 200)])
  func `random texts are covered by chunks that fit`(size: Int, overlap: Int) throws {
    let chunker = try Chunker(unit: .characters, size: size, overlap: overlap)
    var generator = Philox(seed: 11, stream: UInt64(size))
    for round in 0..<60 {
      let text = Self.text(&generator, pieces: round)
      let chunks = chunker.chunks(of: text)
      #expect(chunks == chunker.chunks(of: text))
      Self.expectSound(chunks, of: text, limit: size, overlap: overlap)
    }
  }

  @Test func `tokens are counted by the closure, which need not be monotone`() throws {
    // Every third letter costs two, and a text of even length one less.
    let count: @Sendable (String) -> Int = { text in
      let scalars = text.unicodeScalars.count
      return max(0, scalars + scalars / 3 - (scalars % 2 == 0 ? 1 : 0))
    }
    var generator = Philox(seed: 5)
    for (size, overlap) in [(3, 0), (20, 8), (64, 16)] {
      let chunker = try Chunker(unit: .tokens(count), size: size, overlap: overlap)
      for _ in 0..<40 {
        let text = Self.text(&generator, pieces: 25)
        let chunks = chunker.chunks(of: text)
        for chunk in chunks { #expect(count(chunk.text) <= size) }
        Self.expectSound(chunks, of: text, limit: .max, overlap: .max)
      }
    }
  }

  @Test func `a scalar of more tokens than the limit stands alone`() throws {
    let chunker = try Chunker(unit: .tokens { $0.utf8.count }, size: 2)
    #expect(chunker.chunks(of: "a👍b").map(\.text) == ["a", "👍", "b"])
  }

  @Test func `sentences stay whole where they fit`() throws {
    let text =
      "Dr. Moss gave 3.5 mg. It helped! \"Did it?\" Yes (see Fig. 2). An e.g. lower case one ran on."
    let chunks = try Chunker(unit: .characters, size: 34).chunks(of: text)
    #expect(
      chunks.map(\.text) == [
        "Dr. Moss gave 3.5 mg. It helped!", "\"Did it?\" Yes (see Fig. 2).",
        "An e.g. lower case one ran on.",
      ])
  }

  @Test func `an overlap repeats whole sentences, else words`() throws {
    let text = "One two three. Four five six. Seven eight nine. Ten."
    let chunks = try Chunker(unit: .characters, size: 30, overlap: 17).chunks(of: text)
    #expect(
      chunks.map(\.text) == [
        "One two three. Four five six.", "Four five six. Seven eight", "Seven eight nine. Ten.",
      ])
    let words = try Chunker(unit: .characters, size: 11, overlap: 5).chunks(
      of: "aaaa bbbb cccc dddd eeee")
    #expect(words.map(\.text) == ["aaaa bbbb", "bbbb cccc", "cccc dddd", "dddd eeee"])
  }

  @Test(arguments: ["", " ", "\n\t \u{A0}\u{3000}"])
  func `nothing but white space is one empty chunk`(text: String) throws {
    #expect(Chunker.medRAG.chunks(of: text) == [Chunk(text: "", offset: 0, length: 0)])
  }

  @Test func `a text of U+200B or controls is kept`() {
    for text in ["\u{200B}\u{200B}", "\u{1}\u{2}"] {
      #expect(Chunker.medRAG.chunks(of: text).map(\.text) == [text])
    }
  }

  @Test func `graphemes are cut only if they do not fit`() throws {
    let family = "👩‍👩‍👧‍👦"
    let text = family + family
    #expect(
      try Chunker(unit: .characters, size: 8).chunks(of: text).map(\.text) == [family, family])
    #expect(try Chunker(unit: .characters, size: 3).chunks(of: text).count == 6)
  }

  @Test(arguments: [(0, 0), (-1, 0), (5, 5), (5, -1)])
  func `sizes out of range are refused`(size: Int, overlap: Int) {
    #expect(throws: UsageError.self) {
      try Chunker(unit: .characters, size: size, overlap: overlap)
    }
  }

  @Test func `a long document takes linear time`() throws {
    let text = String(repeating: "word ", count: 400_000) + String(repeating: "y", count: 400_000)
    let start = ContinuousClock.now
    let chunks = try Chunker(unit: .characters, size: 1000, overlap: 100).chunks(of: text)
    #expect(chunks.count > 2000)
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}
