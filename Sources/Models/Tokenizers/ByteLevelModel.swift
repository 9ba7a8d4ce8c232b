/// Byte pair encoding over the bytes of the text, as GPT-2 and its successors have it.
///
/// A byte that the vocabulary lacks is left out, as in `tokenizers`: SmolLM2 has no token for six
/// control characters. Its place goes to the token before it.
///
/// - SeeAlso: Radford et al. 2019, section 2.2; `tokenizers/src/models/bpe` of
///   huggingface/tokenizers.
struct ByteLevelModel: TokenModel {
  let vocabulary: Vocabulary
  var unknownID: Int32? { nil }
  private let merges: MergeTable
  /// The token of each byte, -1 for none.
  private let byteTokens: [Int32]
  /// Whether a word that is a token stays whole, whatever the merges say.
  private let keepsWholeWords: Bool

  /// A model; its vocabulary writes bytes in ``ByteAlphabet``.
  init(vocabulary: Vocabulary, merges: MergeTable, keepsWholeWords: Bool) {
    self.vocabulary = vocabulary
    self.merges = merges
    self.keepsWholeWords = keepsWholeWords
    byteTokens = ByteAlphabet.utf8.map { bytes in
      bytes.withUnsafeBufferPointer { vocabulary.plainID(of: $0) ?? -1 }
    }
  }

  func appendPieces(
    of text: UnsafeBufferPointer<UInt8>, splitBy preTokenizer: PreTokenizer,
    to pieces: inout [TokenPiece]
  ) {
    var word = BPEWord()
    preTokenizer.forEachWord(in: text) { range in
      if keepsWholeWords, let id = wholeWord(text[range]) {
        pieces.append(TokenPiece(id: id, lower: range.lowerBound, upper: range.upperBound))
        return
      }
      word.removeAll(startingAt: range.lowerBound)
      for index in range {
        let id = byteTokens[Int(text[index])]
        if id >= 0 { word.append(id, length: 1) } else { word.skipByte() }
      }
      word.merge(by: merges)
      word.append(to: &pieces)
    }
  }

  private func wholeWord(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int32? {
    guard bytes.count <= vocabulary.longestToken else { return nil }
    let token = bytes.flatMap { ByteAlphabet.utf8[Int($0)] }
    return token.withUnsafeBufferPointer { vocabulary.plainID(of: $0) }
  }
}
