public import Tensors

/// How well a generator foretells texts: perplexity of plain text.
public struct TextPerplexity: Sendable {
  private let decoder: TransformerDecoder
  private let tokenizer: any Tokenizer

  /// Joins model and vocabulary.
  public init(_ decoder: TransformerDecoder, tokenizer: any Tokenizer) {
    self.decoder = decoder
    self.tokenizer = tokenizer
  }

  /// Predicts every token of a text but the first from those before it. A token that begins texts is put
  /// first where the tokenizer does so.
  ///
  /// - Parameters:
  ///   - text: plain text, cut at the model's context.
  ///   - context: where it runs.
  /// - Returns: count and sum, nil for a text without two tokens; whether the text was cut.
  /// - Throws: `MemoryShortage`; `CancellationError`.
  public func measure(
    _ text: String, in context: ComputeContext
  ) throws -> (value: Perplexity?, isCut: Bool) {
    let ids = tokenizer.encode(text).ids
    let kept = Array(ids.prefix(decoder.configuration.maximumTokens))
    guard kept.count >= 2 else { return (nil, false) }
    return (try decoder.perplexity(of: [kept], in: context), kept.count < ids.count)
  }
}
