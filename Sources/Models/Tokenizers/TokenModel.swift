/// A token and the bytes of the normalised text that it stands for.
struct TokenPiece: Equatable {
  var id: Int32
  var lower: Int
  var upper: Int
}

/// The part of a tokenizer that turns words into tokens.
protocol TokenModel: Sendable {
  /// The tokens of the text.
  var vocabulary: Vocabulary { get }
  /// The id for what the vocabulary cannot spell.
  var unknownID: Int32? { get }

  /// Appends the tokens of all words of a normalised text.
  func appendPieces(
    of text: UnsafeBufferPointer<UInt8>, splitBy preTokenizer: PreTokenizer,
    to pieces: inout [TokenPiece])
}
