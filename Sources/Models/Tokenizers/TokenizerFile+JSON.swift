import Basics

extension TokenizerFile {
  /// A tokenizer from the bytes of `tokenizer.json`.
  static func tokenizer(
    json bytes: [UInt8], file: String, roles: TokenRoles
  ) throws -> any Tokenizer {
    let place = Place(file: file)
    let root = try JSONParser.parse(bytes, file: file).requiredObject(at: place)
    let added = try addedTokens(of: root, at: place)
    let splitting = try wordSplitting(
      root.optionalObject("pre_tokenizer", at: place), at: place.inside("pre_tokenizer"))
    let model = try tokenModel(
      root.object("model", at: place), added, isByteLevel: splitting.isByteLevel,
      at: place.inside("model"))
    let vocabulary = model.vocabulary
    let (template, trimming) = try template(
      root.optionalObject("post_processor", at: place), vocabulary,
      isByteLevel: splitting.isByteLevel, at: place.inside("post_processor"))
    return PipelineTokenizer(
      normalizers: try normalizers(
        root.optionalObject("normalizer", at: place), at: place.inside("normalizer"))
        + (splitting.prefixesSpace ? [.prefixSpace] : []),
      preTokenizer: splitting.preTokenizer, model: model, template: template, trimming: trimming,
      specialTokens: roles.specialTokens(
        in: vocabulary, reserved: added.map(\.content), unknownID: model.unknownID),
      decoder: splitting.isByteLevel
        ? decoder(of: vocabulary, special: Set(added.map(\.id))) : nil)
  }

  // MARK: Normalizers

  private static func normalizers(
    _ object: JSONObject?, at place: Place
  ) throws -> [Normalizer] {
    guard let object else { return [] }
    switch try object.string("type", at: place) {
    case "BertNormalizer":
      return [
        .bert(
          BertNormalizer(
            cleansText: try object.optionalBool("clean_text", at: place) ?? true,
            spacesIdeographs: try object.optionalBool("handle_chinese_chars", at: place) ?? true,
            stripsAccents: try object.optionalBool("strip_accents", at: place),
            lowercases: try object.optionalBool("lowercase", at: place) ?? true))
      ]
    case "Sequence":
      let steps = try object.objects("normalizers", at: place)
      return try steps.enumerated().flatMap { index, step in
        try normalizers(step, at: place.inside("normalizers").inside(String(index)))
      }
    case "Prepend":
      return [.prepend(Array(try object.string("prepend", at: place).utf8))]
    case "Replace":
      let pattern = try object.object("pattern", at: place)
      let inner = place.inside("pattern")
      guard pattern["Regex"] == nil else {
        throw InputError(
          "\(quoted(inner)): a regular expression is not supported, only 'String'", at: place)
      }
      let text = try pattern.string("String", at: inner)
      guard !text.isEmpty else {
        throw InputError("\(quoted(inner)): the pattern is empty", at: place)
      }
      return [
        .replace(
          pattern: Array(text.utf8), content: Array(try object.string("content", at: place).utf8))
      ]
    case let other:
      throw unsupported(other, "BertNormalizer, Prepend, Replace, Sequence", at: place)
    }
  }

  // MARK: Models

  private static func tokenModel(
    _ object: JSONObject, _ added: [AddedToken], isByteLevel: Bool, at place: Place
  ) throws -> any TokenModel {
    // Files of the first versions do not say the type.
    let type =
      try object.optionalString("type", at: place)
      ?? (object["merges"] == nil ? "WordPiece" : "BPE")
    guard type == "WordPiece" || type == "BPE" else {
      throw unsupported(type, "WordPiece, BPE", at: place)
    }
    let vocabulary = try vocabulary(
      try object.object("vocab", at: place), added: added, at: place)
    guard type == "BPE" else {
      guard !isByteLevel else {
        throw InputError(
          "\(quoted(place)): the pre_tokenizer 'ByteLevel' is supported with BPE only", at: place)
      }
      return try wordPiece(object, vocabulary, at: place)
    }
    try checkPlainBPE(object, at: place)
    return isByteLevel
      ? try byteLevelModel(object, vocabulary, added, at: place)
      : try bpe(object, vocabulary, added, at: place)
  }

  private static func wordPiece(
    _ object: JSONObject, _ vocabulary: Vocabulary, at place: Place
  ) throws -> any TokenModel {
    let limit = try object.optionalInt("max_input_chars_per_word", at: place) ?? 100
    guard limit >= 0 else {
      throw InputError(
        "\(quoted(place.inside("max_input_chars_per_word"))): expected 0 or more, found \(limit)",
        at: place)
    }
    return WordPieceModel(
      vocabulary: vocabulary,
      unknownID: try id(
        of: object.optionalString("unk_token", at: place) ?? "[UNK]", vocabulary,
        at: place.inside("unk_token")),
      continuingPrefix: try object.optionalString("continuing_subword_prefix", at: place) ?? "##",
      maximumScalarsPerWord: limit)
  }

  // MARK: Messages

  /// The id of a token that must exist, and have the id that the file states.
  static func id(
    of token: String, stated: Int? = nil, _ vocabulary: Vocabulary, at place: Place
  ) throws -> Int32 {
    guard let id = vocabulary.id(of: token) else {
      throw InputError(
        "\(quoted(place)): the token '\(TerminalText.excerpt(token))' is not in the vocabulary",
        at: place)
    }
    guard stated == nil || stated == Int(id) else {
      throw InputError(
        "\(quoted(place)): the token '\(TerminalText.excerpt(token))' has the id \(id) in the "
          + "vocabulary, found \(stated ?? 0)", at: place)
    }
    return id
  }

  /// The dotted key of a place, for messages.
  static func quoted(_ place: Place) -> String { "'\(TerminalText.excerpt(place.key ?? ""))'" }

  static func unsupported(
    _ type: String, _ supported: String, at place: Place
  ) -> InputError {
    InputError(
      "\(quoted(place)): the type '\(TerminalText.excerpt(type))' is not supported, only "
        + supported, at: place)
  }
}
