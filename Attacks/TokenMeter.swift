public import Models

/// Counts and cuts text by a retriever's tokens, template tokens not counted.
public struct TokenMeter: Sendable {
  /// The tokens of a passage that the retriever sees, `nil` if it sees all.
  public let limit: Int?
  private let tokenEnds: @Sendable (String, Int?) -> [Int]

  /// A meter.
  ///
  /// - Parameters:
  ///   - limit: The tokens of a passage that the retriever sees, `nil` if it sees all.
  ///   - tokenEnds: For a text and a greatest number of tokens (`nil`: all) the offset in Unicode
  ///     scalars where each token ends.
  public init(
    limit: Int?, tokenEnds: @escaping @Sendable (_ text: String, _ maximum: Int?) -> [Int]
  ) {
    self.limit = limit
    self.tokenEnds = tokenEnds
  }

  /// The meter of an encoder.
  ///
  /// - Parameters:
  ///   - tokenizer: Its tokenizer.
  ///   - maximumTokens: The longest passage in tokens, those of the template counted; `nil` if
  ///     there is no limit.
  public init(_ tokenizer: any Tokenizer, maximumTokens: Int?) {
    let template = tokenizer.encode("").ids.count
    self.init(limit: maximumTokens.map { max(0, $0 - template) }) { text, maximum in
      tokenizer.encodeWithoutTemplate(text, maximumTokens: maximum).offsets.map(\.upperBound)
    }
  }

  /// Counts words between white space: for retrievers without subword tokens.
  ///
  /// - Parameter limit: The words of a passage that the retriever sees, `nil` if it sees all.
  /// - Returns: The meter.
  public static func words(limit: Int? = nil) -> TokenMeter {
    TokenMeter(limit: limit) { text, maximum in
      var ends: [Int] = []
      var isInWord = false
      var offset = 0
      for scalar in text.unicodeScalars {
        let isSpace = scalar.properties.isWhitespace
        if isSpace, isInWord { ends.append(offset) }
        isInWord = !isSpace
        offset += 1
      }
      if isInWord { ends.append(offset) }
      return Array(ends.prefix(maximum ?? .max))
    }
  }

  /// The number of tokens of a text.
  public func count(_ text: String) -> Int { tokenEnds(text, nil).count }

  /// The beginning of a text up to the end of its n-th token; the whole text if it has no more.
  ///
  /// The result may count differently on its own where a token depends on what follows it.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - tokens: The number of tokens, at least 0.
  /// - Returns: The beginning, cut between scalars.
  public func prefix(_ text: String, tokens: Int) -> String {
    guard tokens > 0 else { return "" }
    let ends = tokenEnds(text, tokens + 1)
    guard ends.count > tokens else { return text }
    return String(text.unicodeScalars.prefix(ends[tokens - 1]))
  }

  /// Whether the retriever sees nothing of what follows the given beginning of a text.
  ///
  /// - Parameters:
  ///   - beginning: What the text begins with.
  ///   - text: The whole text.
  ///   - limit: The number of tokens seen.
  /// - Returns: Whether the last token seen ends inside the beginning.
  func sees(onlyWithin beginning: String, of text: String, limit: Int) -> Bool {
    let ends = tokenEnds(text, limit + 1)
    // Without a token past the limit everything is seen, what follows the beginning included.
    guard ends.count > limit else { return false }
    return limit == 0 || ends[limit - 1] <= beginning.unicodeScalars.count
  }
}
