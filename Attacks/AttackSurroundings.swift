public import Corpus

/// What an attack may use of the system it attacks; every part may be missing.
///
/// An attack that needs a missing part says so by a `UsageError`. Parts are closures or small values,
/// so that attacks depend on neither the index nor the retriever.
public struct AttackSurroundings: Sendable {
  /// The retriever's tokens; needed by parameters that count tokens.
  public var tokens: TokenMeter?
  /// The clean passage to hide behind, for a query: commonly the best ranked one.
  public var cleanPassage: (@Sendable (Query) throws -> Passage?)?
  /// Paraphrases of queries made elsewhere.
  public var paraphrases: ParaphraseTable?
  /// The retriever's encoder behind a counter; black-box attacks that need no score leave it alone.
  public var encoder: CountedEncoder?

  /// Surroundings of the given parts.
  public init(
    tokens: TokenMeter? = nil, cleanPassage: (@Sendable (Query) throws -> Passage?)? = nil,
    paraphrases: ParaphraseTable? = nil, encoder: CountedEncoder? = nil
  ) {
    self.tokens = tokens
    self.cleanPassage = cleanPassage
    self.paraphrases = paraphrases
    self.encoder = encoder
  }
}
