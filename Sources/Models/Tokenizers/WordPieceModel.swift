/// WordPiece: the longest token that begins the word, then the longest that continues it.
///
/// - SeeAlso: Wu et al. 2016, section 4.1; `tokenizers/src/models/wordpiece/mod.rs` of
///   huggingface/tokenizers.
struct WordPieceModel: TokenModel {
  let vocabulary: Vocabulary
  private let unknown: Int32
  private let continuingPrefix: [UInt8]
  private let prefixHash: ByteHash
  private let maximumScalarsPerWord: Int

  /// A model; words over `maximumScalarsPerWord` scalars are unknown as a whole.
  init(
    vocabulary: Vocabulary, unknownID: Int32, continuingPrefix: String,
    maximumScalarsPerWord: Int
  ) {
    self.vocabulary = vocabulary
    unknown = unknownID
    self.continuingPrefix = Array(continuingPrefix.utf8)
    self.maximumScalarsPerWord = maximumScalarsPerWord
    var hash = ByteHash()
    for byte in continuingPrefix.utf8 { hash.add(byte) }
    prefixHash = hash
  }

  var unknownID: Int32? { unknown }

  func appendPieces(
    of text: UnsafeBufferPointer<UInt8>, splitBy preTokenizer: PreTokenizer,
    to pieces: inout [TokenPiece]
  ) {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: vocabulary.longestToken + 1) {
      hashes in
      preTokenizer.forEachWord(in: text) { word in
        append(word, of: text, hashes: hashes, to: &pieces)
      }
    }
  }

  /// Appends the tokens of one word, or one unknown token for the whole of it.
  private func append(
    _ word: Range<Int>, of text: UnsafeBufferPointer<UInt8>,
    hashes: UnsafeMutableBufferPointer<UInt64>, to pieces: inout [TokenPiece]
  ) {
    let firstPiece = pieces.count
    if word.count > maximumScalarsPerWord,
      word.count(where: { !isContinuation(text[$0]) }) > maximumScalarsPerWord
    {
      pieces.append(TokenPiece(id: unknown, lower: word.lowerBound, upper: word.upperBound))
      return
    }
    var start = word.lowerBound
    while start < word.upperBound {
      let prefix = start == word.lowerBound ? [] : continuingPrefix
      var hash = start == word.lowerBound ? ByteHash() : prefixHash
      let limit = min(word.upperBound - start, vocabulary.longestToken)
      for index in 0..<limit {
        hash.add(text[start + index])
        hashes[index] = hash.value
      }
      var length = limit
      var found: Int32?
      while length > 0 {
        let end = start + length
        if end == word.upperBound || !isContinuation(text[end]) {
          found = vocabulary.plainID(
            hash: hashes[length - 1], prefix: prefix,
            rest: UnsafeBufferPointer(rebasing: text[start..<end]))
          if found != nil { break }
        }
        length -= 1
      }
      guard let found else {
        pieces.removeSubrange(firstPiece...)
        pieces.append(TokenPiece(id: unknown, lower: word.lowerBound, upper: word.upperBound))
        return
      }
      pieces.append(TokenPiece(id: found, lower: start, upper: start + length))
      start += length
    }
  }
}
