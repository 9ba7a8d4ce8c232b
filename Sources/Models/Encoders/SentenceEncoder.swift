public import Tensors

/// From text to vector: tokenizer, encoder, pooling, normalisation.
public struct SentenceEncoder: Sendable {
  /// Makes the tokens.
  public let tokenizer: any Tokenizer
  private let encoder: any SequenceEncoder
  /// How token states become a vector.
  public let pooling: Pooling
  /// Whether vectors are divided by their length.
  public let normalises: Bool
  /// Tokens after which an input is cut, template tokens included; nil where nothing is cut.
  public let maximumTokens: Int?
  /// Put before each text.
  public let prompt: String
  /// Whether the tokenizer's template stands around the tokens; static embeddings have none.
  public let usesTemplate: Bool

  /// Width of the vectors.
  public var dimension: Int { encoder.dimension }

  /// Joins the parts.
  ///
  /// - Parameters:
  ///   - tokenizer: makes the tokens.
  ///   - encoder: makes the states.
  ///   - pooling: how states become a vector.
  ///   - normalises: whether vectors are divided by their length.
  ///   - maximumTokens: where inputs are cut; the encoder's own limit holds in any case.
  ///   - prompt: put before each text.
  ///   - usesTemplate: whether the tokenizer's template stands around the tokens.
  public init(
    tokenizer: any Tokenizer, encoder: any SequenceEncoder, pooling: Pooling, normalises: Bool,
    maximumTokens: Int?, prompt: String = "", usesTemplate: Bool = true
  ) {
    self.tokenizer = tokenizer
    self.encoder = encoder
    self.pooling = pooling
    self.normalises = normalises
    self.maximumTokens = [maximumTokens, encoder.maximumTokens].compactMap(\.self).min()
    self.prompt = prompt
    self.usesTemplate = usesTemplate
  }

  /// The tokens of an input, or nil if nothing in it can be embedded.
  ///
  /// - Parameters:
  ///   - text: the text, or the first segment of a pair.
  ///   - pair: the second segment, or nil.
  /// - Returns: tokens with the template's, cut to `maximumTokens`; nil for an empty text, for one of
  ///   white space, controls or zero-width characters only, and where only tokens of the template
  ///   and the prompt would be left.
  public func tokens(of text: String, pair: String? = nil) -> TokenSequence? {
    guard Self.isEmbeddable(text) || pair.map(Self.isEmbeddable) == true else { return nil }
    return sequence(
      encode(text, pair: pair, maximumTokens: maximumTokens),
      promptEnd: pair == nil ? prompt.unicodeScalars.count : 0)
  }

  /// The tokens of two texts in one segment with the tokenizer's separator between them, or nil if
  /// nothing in them can be embedded.
  ///
  /// - Parameters:
  ///   - text: the first text.
  ///   - second: the second text; may be empty, the separator stands all the same.
  /// - Returns: tokens with the template's, cut at the end to `maximumTokens`; nil as for one text.
  ///   Where the tokenizer has no separator or there is no template, the texts are joined by a space.
  public func tokens(of text: String, separatedFrom second: String) -> TokenSequence? {
    guard usesTemplate,
      let encoding = tokenizer.encode(
        prompt + text, separatedFrom: second, maximumTokens: maximumTokens)
    else { return tokens(of: text + " " + second) }
    guard Self.isEmbeddable(text) || Self.isEmbeddable(second) else { return nil }
    return sequence(encoding, promptEnd: 0)
  }

  private func sequence(_ encoding: Encoding, promptEnd: Int) -> TokenSequence? {
    let hasContent = zip(encoding.isSpecial, encoding.offsets).contains { isSpecial, range in
      !isSpecial && range.upperBound > promptEnd
    }
    return hasContent ? TokenSequence(ids: encoding.ids, typeIDs: encoding.typeIDs) : nil
  }

  /// Number of tokens of a text, template tokens included and nothing cut.
  public func tokenCount(of text: String) -> Int {
    encode(text, pair: nil, maximumTokens: nil).ids.count
  }

  /// Number of tokens of a text without the template's, cut as `tokens(of:pair:)` cuts.
  public func contentTokenCount(of text: String) -> Int {
    encode(text, pair: nil, maximumTokens: maximumTokens).isSpecial
      .reduce(0) { $0 + ($1 ? 0 : 1) }
  }

  /// One vector for each sequence.
  ///
  /// - Parameters:
  ///   - sequences: results of `tokens(of:pair:)`.
  ///   - context: where it runs.
  /// - Returns: `[sequences, dimension]`. A row does not depend on the other sequences.
  public func vectors(of sequences: [TokenSequence], in context: ComputeContext) -> Tensor {
    let pooled = encoder.vectors(of: sequences, pooling: pooling, in: context)
    return normalises ? context.normalized(pooled) : pooled
  }

  private func encode(_ text: String, pair: String?, maximumTokens: Int?) -> Encoding {
    let first = prompt + text
    if usesTemplate {
      return tokenizer.encode(first, pair: pair, maximumTokens: maximumTokens)
    }
    // One vector a token knows no segments: a pair is one text of two parts.
    return tokenizer.encodeWithoutTemplate(
      pair.map { first + " " + $0 } ?? first, maximumTokens: maximumTokens)
  }

  private static func isEmbeddable(_ text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .spaceSeparator, .lineSeparator, .paragraphSeparator:
        false
      default: true
      }
    }
  }
}
