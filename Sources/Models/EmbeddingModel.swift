import Basics
public import SystemPackage

/// Which side of a retrieval a text stands on.
public enum TextRole: String, Sendable {
  /// What is asked.
  case query
  /// What is searched.
  case passage
}

/// A retriever's encoders with the conventions they were trained with.
public struct EmbeddingModel: Sendable {
  /// The installed name.
  public let name: String
  /// SHA-256 over everything that decides an embedding: weights, tokenizer, settings. Descriptions
  /// and licences among the model's files are left out.
  public let identity: String
  /// How two vectors are compared.
  public let similarity: Similarity
  /// How title and text become one input.
  public let passageForm: PassageForm
  private let queryEncoder: SentenceEncoder
  private let passageEncoder: SentenceEncoder

  /// Loads an installed model.
  ///
  /// - Parameters:
  ///   - directory: the model's folder with its `ragbench.json`.
  ///   - allowNonFinite: whether NaN and infinities in weights are let through, for studies.
  /// - Throws: `FileError` or `InputError` naming what does not fit.
  public init(directory: FilePath, allowNonFinite: Bool = false) throws {
    let card = try ModelCard.read(directory)
    try self.init(directory: directory, card: card, allowNonFinite: allowNonFinite)
  }

  /// Loads a model whose card is at hand.
  ///
  /// - Parameters:
  ///   - directory: the model's folder.
  ///   - card: what it is and how it is used.
  ///   - allowNonFinite: whether NaN and infinities in weights are let through even if the card does
  ///     not say so.
  /// - Throws: `UsageError` for a generator; `FileError` or `InputError` naming what does not fit.
  public init(directory: FilePath, card: ModelCard, allowNonFinite: Bool = false) throws {
    guard card.kind != .generator else {
      throw UsageError(
        "the model '\(card.name)' is a generator: it writes text and makes no embeddings")
    }
    let allowNonFinite = allowNonFinite || card.allowsNonFinite
    let files = try SentenceTransformerFiles(directory: directory)
    name = card.name
    similarity =
      card.similarity ?? files.similarity ?? (files.normalises ? .cosine : .innerProduct)
    passageForm = card.passageForm
    let passagePrompt =
      card.passagePrompt ?? files.prompts["passage"] ?? files.prompts["document"] ?? ""
    let queryPrompt = card.queryPrompt ?? files.prompts["query"] ?? ""
    let loaded = try Self.load(card, from: directory, allowNonFinite: allowNonFinite)
    let pooling = files.pooling ?? .mean
    func encoder(
      _ parts: (tokenizer: any Tokenizer, encoder: any SequenceEncoder),
      files: SentenceTransformerFiles, pooling: Pooling, limit: Int?, prompt: String
    ) -> SentenceEncoder {
      SentenceEncoder(
        tokenizer: parts.tokenizer, encoder: parts.encoder, pooling: pooling,
        normalises: files.normalises, maximumTokens: limit ?? files.maximumTokens, prompt: prompt,
        usesTemplate: card.kind == .transformer)
    }
    passageEncoder = encoder(
      loaded, files: files, pooling: pooling, limit: card.passageMaximumTokens,
      prompt: passagePrompt)
    if let folder = card.queryDirectory {
      let queryFolder = directory.appending(folder)
      let queryFiles = try SentenceTransformerFiles(directory: queryFolder)
      queryEncoder = encoder(
        try Self.load(card, from: queryFolder, allowNonFinite: allowNonFinite),
        files: queryFiles, pooling: queryFiles.pooling ?? pooling, limit: card.queryMaximumTokens,
        prompt: queryPrompt)
      guard queryEncoder.dimension == passageEncoder.dimension else {
        throw InputError(
          "the query encoder has \(queryEncoder.dimension) dimensions, the passage encoder"
            + " \(passageEncoder.dimension)", at: Place(file: directory.shown))
      }
    } else {
      queryEncoder = encoder(
        loaded, files: files, pooling: pooling, limit: card.queryMaximumTokens, prompt: queryPrompt)
    }
    isSymmetric =
      card.queryDirectory == nil && queryEncoder.prompt == passageEncoder.prompt
      && queryEncoder.maximumTokens == passageEncoder.maximumTokens
    identity = Checksum.sha256(
      Self.describe(card, similarity: similarity, query: queryEncoder, passage: passageEncoder))
  }

  /// Width of the vectors.
  public var dimension: Int { passageEncoder.dimension }

  /// Whether a text has one vector on both sides.
  public let isSymmetric: Bool

  /// The encoder of one side.
  public func encoder(for role: TextRole) -> SentenceEncoder {
    role == .query ? queryEncoder : passageEncoder
  }

  /// The tokens of a query, or nil if nothing in it can be embedded.
  public func tokens(ofQuery text: String) -> TokenSequence? { queryEncoder.tokens(of: text) }

  /// The tokens of a passage, or nil if nothing in it can be embedded.
  ///
  /// - Parameters:
  ///   - title: may be empty.
  ///   - text: the body.
  ///   - separator: what joins them where the model takes one text.
  /// - Returns: the tokens with the template's, cut to the encoder's limit.
  public func tokens(ofPassage title: String, text: String, separator: String) -> TokenSequence? {
    switch passageForm {
    case .joined:
      passageEncoder.tokens(of: title.isEmpty ? text : title + separator + text)
    case .pair:
      title.isEmpty
        ? passageEncoder.tokens(of: text) : passageEncoder.tokens(of: title, pair: text)
    case .separated:
      title.isEmpty
        ? passageEncoder.tokens(of: text) : passageEncoder.tokens(of: title, separatedFrom: text)
    }
  }

  private static func load(
    _ card: ModelCard, from directory: FilePath, allowNonFinite: Bool
  ) throws -> (tokenizer: any Tokenizer, encoder: any SequenceEncoder) {
    let tokenizer = try TokenizerFile.load(directory: directory)
    let rows: Int
    let encoder: any SequenceEncoder
    switch card.kind {
    case .transformer:
      let transformer = try TransformerEncoder(directory: directory, allowNonFinite: allowNonFinite)
      try check(
        tokenizer, for: card.passageForm, tokenTypes: transformer.configuration.tokenTypes,
        in: directory)
      rows = transformer.configuration.vocabularySize
      encoder = transformer
    case .static, .generator:
      let table = try StaticEncoder(directory: directory, allowNonFinite: allowNonFinite)
      rows = table.vocabularySize
      encoder = table
    }
    guard tokenizer.vocabularySize <= rows else {
      throw InputError(
        "the tokenizer has ids up to \(tokenizer.vocabularySize - 1), the word table \(rows) rows",
        at: Place(file: directory.shown))
    }
    return (tokenizer, encoder)
  }

  /// Refuses a template whose segments have no row in the token type table, and a form that needs a
  /// token which the tokenizer does not have.
  private static func check(
    _ tokenizer: any Tokenizer, for form: PassageForm, tokenTypes: Int, in directory: FilePath
  ) throws {
    if form == .separated, tokenizer.specialTokens.sep == nil {
      throw InputError(
        "the passage form 'separated' needs a separator token, and the tokenizer's files name none"
          + " ('sep_token' in tokenizer_config.json or special_tokens_map.json)",
        at: Place(file: directory.shown))
    }
    // Families without such a table ignore the segments.
    guard tokenTypes > 0 else { return }
    var types = tokenizer.encode("a").typeIDs
    if form == .pair {
      types += tokenizer.encode("a", pair: "a", maximumTokens: nil).typeIDs
    }
    if let largest = types.max(), largest >= tokenTypes {
      throw InputError(
        "the tokenizer's template has segment \(largest), the token type table \(tokenTypes) rows",
        at: Place(file: directory.shown))
    }
  }

  private static func describe(
    _ card: ModelCard, similarity: Similarity, query: SentenceEncoder, passage: SentenceEncoder
  ) -> String {
    func side(_ encoder: SentenceEncoder) -> String {
      "\(encoder.pooling.rawValue) \(encoder.normalises) \(encoder.maximumTokens ?? 0)"
        + (encoder.usesTemplate ? "" : " without template") + " \(encoder.prompt)"
    }
    let files = card.files.filter(\.decidesEmbeddings).map { "\($0.path) \($0.sha256)" }.sorted()
      .joined(separator: "\n")
    return
      "\(files)\n\(similarity.rawValue)\n\(card.passageForm.rawValue)\n\(side(query))\n\(side(passage))"
  }
}
