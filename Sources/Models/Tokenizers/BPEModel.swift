/// Byte pair encoding of SentencePiece's kind: scalars are merged by rank, what the vocabulary
/// cannot spell falls back to byte tokens or to the unknown token.
///
/// - SeeAlso: Sennrich et al. 2016, section 3.2; `tokenizers/src/models/bpe` of
///   huggingface/tokenizers.
struct BPEModel: TokenModel {
  let vocabulary: Vocabulary
  let unknownID: Int32?
  private let merges: MergeTable
  /// Ids of `<0x00>` to `<0xFF>`, or empty without byte fallback.
  private let byteTokens: [Int32]
  private let fusesUnknown: Bool
  /// Ids of the ASCII scalars, -1 for none.
  private let asciiTokens: [Int32]
  /// Whether no merge reaches over the border before a `▁` that follows another scalar: then each
  /// such border splits the text, and the queue stays as short as a word.
  private let splitsAtWordMark: Bool

  /// SentencePiece's mark for a space, U+2581.
  static let wordMark: [UInt8] = [0xE2, 0x96, 0x81]

  /// A model; `byteTokens` are 256 ids or none.
  init(
    vocabulary: Vocabulary, merges: MergeTable, unknownID: Int32?, byteTokens: [Int32],
    fusesUnknown: Bool
  ) {
    self.vocabulary = vocabulary
    self.merges = merges
    self.unknownID = unknownID
    self.byteTokens = byteTokens
    self.fusesUnknown = fusesUnknown
    asciiTokens = (0..<0x80).map { (byte: UInt8) -> Int32 in
      withUnsafeBytes(of: byte) { raw in
        vocabulary.plainID(of: raw.bindMemory(to: UInt8.self)) ?? -1
      }
    }
    // A merge over the border would give a token with a mark inside that follows no other mark; and
    // the mark must be a symbol of its own, not bytes or a part of a longer unknown token.
    let markID = Self.wordMark.withUnsafeBufferPointer { vocabulary.plainID(of: $0) }
    splitsAtWordMark =
      markID != nil
      && !vocabulary.contains { token in
        var index = token.startIndex + 1
        while index + 2 < token.endIndex {
          if token[index...].starts(with: Self.wordMark),
            !token[..<index].suffix(3).elementsEqual(Self.wordMark)
          {
            return true
          }
          index += 1
        }
        return false
      }
  }

  func appendPieces(
    of text: UnsafeBufferPointer<UInt8>, splitBy preTokenizer: PreTokenizer,
    to pieces: inout [TokenPiece]
  ) {
    var word = BPEWord()
    preTokenizer.forEachWord(in: text) { range in
      var start = range.lowerBound
      while start < range.upperBound {
        let end = segmentEnd(from: start, upTo: range.upperBound, in: text)
        fill(&word, start..<end, of: text)
        word.merge(by: merges)
        word.append(to: &pieces)
        start = end
      }
    }
  }

  /// Where the segment that begins at `start` ends: before the next border that no merge crosses.
  private func segmentEnd(
    from start: Int, upTo end: Int, in text: UnsafeBufferPointer<UInt8>
  ) -> Int {
    guard splitsAtWordMark else { return end }
    var index = start
    var followsMark = true
    while index < end {
      let isMark =
        text[index] == Self.wordMark[0] && index + 2 < end && text[index + 1] == Self.wordMark[1]
        && text[index + 2] == Self.wordMark[2]
      if isMark, !followsMark { return index }
      followsMark = isMark
      index += isMark ? 3 : 1
    }
    return end
  }

  /// One symbol a scalar; bytes or the unknown token for scalars outside the vocabulary.
  private func fill(
    _ word: inout BPEWord, _ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>
  ) {
    word.removeAll(startingAt: range.lowerBound)
    var index = range.lowerBound
    var unknownLength = 0
    while index < range.upperBound {
      let (scalar, length) = decodeScalar(text, at: index)
      let slice = UnsafeBufferPointer(rebasing: text[index..<index + length])
      let id =
        scalar < 0x80
        ? asciiTokens[Int(scalar)] : vocabulary.plainID(of: slice) ?? -1
      index += length
      if id >= 0 || !byteTokens.isEmpty {
        if let unknownID, unknownLength > 0 {
          word.append(unknownID, length: unknownLength)
          unknownLength = 0
        }
        if id >= 0 {
          word.append(id, length: length)
        } else {
          for byte in slice { word.append(byteTokens[Int(byte)], length: 1) }
        }
      } else if let unknownID {
        if unknownLength > 0, !fusesUnknown {
          word.append(unknownID, length: unknownLength)
          unknownLength = 0
        }
        unknownLength += length
      }
    }
    if let unknownID, unknownLength > 0 { word.append(unknownID, length: unknownLength) }
  }
}
