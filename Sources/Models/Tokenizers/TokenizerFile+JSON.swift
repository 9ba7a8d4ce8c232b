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

  // MARK: Templates

  /// The template of the member `post_processor`, and how it trims offsets.
  private static func template(
    _ object: JSONObject?, _ vocabulary: Vocabulary, isByteLevel: Bool, at place: Place
  ) throws -> (Template, OffsetTrimming?) {
    guard let object else { return (.plain, nil) }
    func trimming() throws -> OffsetTrimming? {
      guard isByteLevel, try object.optionalBool("trim_offsets", at: place) ?? true else {
        return nil
      }
      return OffsetTrimming(
        keepsPrefixSpace: try object.optionalBool("add_prefix_space", at: place) ?? true)
    }
    switch try object.string("type", at: place) {
    case "ByteLevel" where isByteLevel: return (.plain, try trimming())
    case "Sequence":
      var result: (template: Template, trimming: OffsetTrimming?) = (.plain, nil)
      for (index, step) in try object.objects("processors", at: place).enumerated() {
        let inner = place.inside("processors").inside(String(index))
        let (template, trimming) = try template(
          step, vocabulary, isByteLevel: isByteLevel, at: inner)
        guard template == .plain || result.template == .plain else {
          throw InputError("\(quoted(inner)): a second template is not supported", at: place)
        }
        if template != .plain { result.template = template }
        result.trimming = trimming ?? result.trimming
      }
      return result
    case "RobertaProcessing":
      return (try tokenTemplate(object, vocabulary, at: place), try trimming())
    default: return (try tokenTemplate(object, vocabulary, at: place), nil)
    }
  }

  /// A template that adds tokens.
  private static func tokenTemplate(
    _ object: JSONObject, _ vocabulary: Vocabulary, at place: Place
  ) throws -> Template {
    switch try object.string("type", at: place) {
    case "TemplateProcessing":
      let specials = try specialTokens(
        object.object("special_tokens", at: place), vocabulary, at: place.inside("special_tokens"))
      func parts(_ key: String, _ texts: [Template.Text]) throws -> [Template.Part] {
        let inner = place.inside(key)
        let parts = try object.objects(key, at: place).enumerated().map { index, part in
          try templatePart(part, specials, at: inner.inside(String(index)))
        }
        guard parts.compactMap(\.text) == texts else {
          throw InputError(
            "\(quoted(inner)): expected the sequence\(texts.count == 1 ? " A" : "s A and B, in that order,") "
              + "once", at: place)
        }
        return parts
      }
      return Template(
        single: try parts("single", [.first]), pair: try parts("pair", [.first, .second]))
    case "BertProcessing":
      let (cls, sep) = try classAndSeparator(object, vocabulary, at: place)
      let single: [Template.Part] = [
        .tokens([cls], typeID: 0), .first(typeID: 0), .tokens([sep], typeID: 0),
      ]
      return Template(
        single: single, pair: single + [.second(typeID: 1), .tokens([sep], typeID: 1)])
    case "RobertaProcessing":
      let (cls, sep) = try classAndSeparator(object, vocabulary, at: place)
      let single: [Template.Part] = [
        .tokens([cls], typeID: 0), .first(typeID: 0), .tokens([sep], typeID: 0),
      ]
      return Template(
        single: single,
        pair: single + [
          .tokens([sep], typeID: 0), .second(typeID: 0), .tokens([sep], typeID: 0),
        ])
    case let other:
      throw unsupported(
        other,
        "TemplateProcessing, BertProcessing, RobertaProcessing, and ByteLevel for byte-level models,"
          + " in a Sequence", at: place)
    }
  }

  /// The ids behind each name that a template may use.
  private static func specialTokens(
    _ object: JSONObject, _ vocabulary: Vocabulary, at place: Place
  ) throws -> [UTF8Key: [Int32]] {
    var result: [UTF8Key: [Int32]] = [:]
    for (name, value) in object.members {
      let inner = place.inside(name)
      let entry = try value.requiredObject(at: inner)
      let ids = try entry.ints("ids", at: inner)
      let tokens = try entry.strings("tokens", at: inner)
      guard ids.count == tokens.count, !ids.isEmpty else {
        throw InputError(
          "\(quoted(inner)): \(ids.count) ids for \(tokens.count) tokens", at: place)
      }
      result[UTF8Key(name)] = try zip(tokens, ids).map { token, id in
        try Self.id(of: token, stated: id, vocabulary, at: inner)
      }
    }
    return result
  }

  private static func templatePart(
    _ object: JSONObject, _ specials: [UTF8Key: [Int32]], at place: Place
  ) throws -> Template.Part {
    let isText = object["Sequence"] != nil
    let key = isText ? "Sequence" : "SpecialToken"
    let inner = place.inside(key)
    let content = try object.object(key, at: place)
    let name = try content.string("id", at: inner)
    guard let typeID = Int32(exactly: try content.int("type_id", at: inner)), typeID >= 0 else {
      throw InputError("\(quoted(inner.inside("type_id"))): expected 0 or more", at: place)
    }
    switch (isText, name) {
    case (true, "A"): return .first(typeID: typeID)
    case (true, "B"): return .second(typeID: typeID)
    case (true, _):
      throw InputError(
        "\(quoted(inner)): expected the sequence A or B, found '\(TerminalText.excerpt(name))'",
        at: place)
    case (false, _):
      guard let ids = specials[UTF8Key(name)] else {
        throw InputError(
          "\(quoted(inner)): the token '\(TerminalText.excerpt(name))' is not in 'special_tokens'",
          at: place)
      }
      return .tokens(ids, typeID: typeID)
    }
  }

  private static func classAndSeparator(
    _ object: JSONObject, _ vocabulary: Vocabulary, at place: Place
  ) throws -> (cls: Int32, sep: Int32) {
    func read(_ key: String) throws -> Int32 {
      let inner = place.inside(key)
      let entry = try object.array(key, at: place)
      guard entry.count == 2, let token = entry[0].stringValue, let id = entry[1].intValue else {
        throw InputError("\(quoted(inner)): expected a token and its id", at: place)
      }
      return try Self.id(of: token, stated: id, vocabulary, at: inner)
    }
    return (try read("cls"), try read("sep"))
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
