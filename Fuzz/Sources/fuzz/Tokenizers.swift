import Models

private let texts = [
  "Unaffable \u{E9}\u{301} [SEP] <s> ab, caf\u{E9} 日本\u{200B}\u{1F600}", "",
  "a" + String(repeating: "\u{301}", count: 40),
]

/// `tokenizer.json`, and texts through what was read.
func fuzzTokenizer(_ bytes: UnsafeRawBufferPointer) {
  expectReportable {
    let tokenizer = try TokenizerFile.load(file: Scratch.file("tokenizer.json", bytes))
    for text in texts {
      for limit in [nil, 0, 7] as [Int?] {
        var encodings = [
          tokenizer.encode(text, pair: nil, maximumTokens: limit),
          tokenizer.encode(text, pair: "日x", maximumTokens: limit),
          tokenizer.encodeWithoutTemplate(text, maximumTokens: limit),
        ]
        if let separated = tokenizer.encode(text, separatedFrom: "x", maximumTokens: limit) {
          encodings.append(separated)
        }
        for encoding in encodings {
          precondition(
            encoding.ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize },
            "an id outside the vocabulary of \(tokenizer.vocabularySize)")
          let count = encoding.ids.count
          precondition(
            encoding.typeIDs.count == count && encoding.offsets.count == count
              && encoding.isSpecial.count == count, "arrays of different lengths")
          precondition(
            encoding.offsets.allSatisfy {
              $0.lowerBound >= 0 && $0.upperBound <= text.unicodeScalars.count + 2
            }, "offsets outside the text")
        }
      }
    }
  }
}
