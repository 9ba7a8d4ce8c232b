/// A text or a pair of texts as tokens.
public struct Encoding: Sendable, Equatable {
  /// Token ids, template tokens included.
  public var ids: [Int32]
  /// Segment of each token, as the template says.
  public var typeIDs: [Int32]
  /// Where each token stands in the text it came from, in Unicode scalars of the original text;
  /// `0..<0` for template tokens. Within one text they do not decrease.
  public var offsets: [Range<Int>]
  /// Whether the template added the token.
  public var isSpecial: [Bool]

  /// An encoding of parallel arrays.
  public init(
    ids: [Int32] = [], typeIDs: [Int32] = [], offsets: [Range<Int>] = [], isSpecial: [Bool] = []
  ) {
    self.ids = ids
    self.typeIDs = typeIDs
    self.offsets = offsets
    self.isSpecial = isSpecial
  }
}

/// The ids of the tokens with a role; `nil` where the vocabulary has none.
public struct SpecialTokens: Sendable, Equatable {
  /// Begins a sequence of a BERT-like encoder.
  public var cls: Int32?
  /// Ends or separates sequences of a BERT-like encoder.
  public var sep: Int32?
  /// Fills a batch.
  public var pad: Int32?
  /// Stands for what the vocabulary cannot spell.
  public var unk: Int32?
  /// Hides a token in masked language modelling.
  public var mask: Int32?
  /// Begins a sequence of a decoder.
  public var bos: Int32?
  /// Ends a sequence of a decoder.
  public var eos: Int32?

  /// No special tokens.
  public init() {}
}

/// Turns text into token ids as the Python package `tokenizers` does with
/// `encode_special_tokens = True`: the text of a special token inside a document is plain text.
public protocol Tokenizer: Sendable {
  /// One more than the largest id.
  var vocabularySize: Int { get }
  /// The ids of the tokens with a role.
  var specialTokens: SpecialTokens { get }
  /// Turns ids back into text; `nil` for vocabularies that are not of bytes.
  var decoder: TokenDecoder? { get }

  /// Encodes a text, or a pair, with the tokens of the template.
  ///
  /// - Parameters:
  ///   - text: Plain text, under 2 GiB. Empty text gives the template alone.
  ///   - pair: The second text, for a template of two.
  ///   - maximumTokens: The limit, template tokens counted; the longer text is cut at its end
  ///     first. Below the template's own count the template alone stays. `nil` cuts nothing.
  /// - Returns: The tokens.
  func encode(_ text: String, pair: String?, maximumTokens: Int?) -> Encoding

  /// Encodes two texts as one, the separator token between them, with the template of one text.
  ///
  /// - Parameters:
  ///   - text: The first text.
  ///   - second: The second text; its offsets are its own.
  ///   - maximumTokens: The limit, template tokens and separator counted; what is over is cut at the
  ///     end, wherever that lies. `nil` cuts nothing.
  /// - Returns: The tokens, the separator marked as special; `nil` if the vocabulary has no
  ///   separator token.
  func encode(_ text: String, separatedFrom second: String, maximumTokens: Int?) -> Encoding?

  /// Encodes a text without template tokens, cut at its end to `maximumTokens`.
  func encodeWithoutTemplate(_ text: String, maximumTokens: Int?) -> Encoding

  /// The token of an id, `nil` outside the vocabulary.
  func tokenString(for id: Int32) -> String?

  /// The id of a token, compared by bytes, special tokens included.
  func id(ofToken token: String) -> Int32?
}

extension Tokenizer {
  /// `nil`: a tokenizer that says nothing of it gives no text back.
  public var decoder: TokenDecoder? { nil }

  /// Encodes one text with the tokens of the template, uncut.
  public func encode(_ text: String) -> Encoding {
    encode(text, pair: nil, maximumTokens: nil)
  }

  /// `nil`: a tokenizer that says nothing of it has no separator token.
  public func encode(
    _ text: String, separatedFrom second: String, maximumTokens: Int?
  ) -> Encoding? { nil }

  /// Encodes a text without template tokens, cut at its end to `maximumTokens`.
  public func encodeWithoutTemplate(_ text: String, maximumTokens: Int?) -> Encoding {
    let full = encode(text)
    let kept = full.ids.indices.filter { !full.isSpecial[$0] }
      .prefix(max(0, maximumTokens ?? .max))
    return Encoding(
      ids: kept.map { full.ids[$0] }, typeIDs: kept.map { full.typeIDs[$0] },
      offsets: kept.map { full.offsets[$0] }, isSpecial: kept.map { _ in false })
  }
}
