public import Models

/// Cuts a passage into windows, so that an encoder which reads only its beginning sees all of it.
///
/// The first window is the passage as it is stored and ranked. Each later one begins within what the
/// one before it saw, so that no token falls between two: a window is the *rest of the text*, which the
/// encoder itself cuts at its limit, and its end is read off the tokens that were kept. So nothing an
/// attacker writes between two windows can shift out of both.
///
/// - SeeAlso: rag-poisoning specification, section 2.2: text past the limit is invisible to the
///   encoder, yet it reaches the generator.
public struct PassageWindows: Sendable {
  /// The retriever.
  public let model: EmbeddingModel
  /// What joins title and text.
  public let separator: String
  /// Tokens that a window shares with the one before it; never more than half of that one's.
  public let overlap: Int

  /// Scalars of a window's text for each token of the limit: enough for words of natural text, so that
  /// the limit is what cuts; a text of longer ones takes more windows.
  private static let scalarsPerToken = 16

  /// Windows of a retriever.
  ///
  /// - Parameters:
  ///   - model: the retriever.
  ///   - separator: what joins title and text.
  ///   - overlap: tokens that a window shares with the one before it; nil takes a quarter of the limit.
  public init(_ model: EmbeddingModel, separator: String, overlap: Int? = nil) {
    precondition(overlap ?? 0 >= 0, "PassageWindows: overlap \(overlap ?? 0)")
    self.model = model
    self.separator = separator
    self.overlap = overlap ?? (model.encoder(for: .passage).maximumTokens ?? 0) / 4
  }

  /// The windows behind the first one.
  ///
  /// They carry no title: it was seen with the first window, and would take room and dilute what else
  /// there is.
  ///
  /// - Parameters:
  ///   - title: may be empty.
  ///   - text: the body.
  /// - Returns: inputs whose vectors cover what the passage's own vector does not; none if the encoder
  ///   sees all of the passage.
  public func further(title: String, text: String) -> [EmbeddingInput] {
    let encoder = model.encoder(for: .passage)
    guard let limit = encoder.maximumTokens else { return [] }
    var start: Int
    if title.isEmpty || model.passageForm == .joined {
      let head = title.isEmpty ? "" : title + separator
      let all = encoder.contentTokenRanges(of: head + text, isCut: false)
      guard all.count + encoder.tokenCount(of: "") > limit else { return [] }
      let seen = encoder.contentTokenRanges(of: head + text, isCut: true)
      guard seen.count < all.count else { return [] }
      let behind = Self.start(after: seen, overlap: overlap) ?? 0
      start = max(0, behind - head.unicodeScalars.count)
    } else {
      guard
        encoder.contentTokenRanges(of: title, isCut: false).count
          + encoder.contentTokenRanges(of: text, isCut: false).count
          + (encoder.usesTemplate
            ? encoder.tokenizer.encode("", pair: "", maximumTokens: nil).ids.count : 0)
          > limit
      else { return [] }
      // Which of two segments was cut is the tokenizer's affair; from the start nothing is missed.
      start = 0
    }
    let scalars = Array(text.unicodeScalars)
    let room = max(1, limit * Self.scalarsPerToken)
    var windows: [EmbeddingInput] = []
    while start < scalars.count {
      let stop = min(scalars.count, start + room)
      var rest = String.UnicodeScalarView()
      rest.append(contentsOf: scalars[start..<stop])
      let window = String(rest)
      let seen = encoder.contentTokenRanges(of: window, isCut: true)
      guard let last = seen.last else {
        // White space alone, or an encoder whose limit leaves no room.
        start = stop
        continue
      }
      windows.append(.passage(title: "", text: window, separator: separator))
      let isCut = encoder.contentTokenRanges(of: window, isCut: false).count > seen.count
      if !isCut, stop == scalars.count { break }
      start += max(1, Self.start(after: seen, overlap: overlap) ?? last.upperBound)
    }
    return windows
  }

  /// Where the tokens begin that the next window repeats; the end of the last one without an overlap.
  private static func start(after seen: [Range<Int>], overlap: Int) -> Int? {
    guard let last = seen.last else { return nil }
    // A window moves on by half of what it saw at least.
    let shared = min(overlap, seen.count / 2)
    return shared > 0 ? seen[seen.count - shared].lowerBound : last.upperBound
  }
}
