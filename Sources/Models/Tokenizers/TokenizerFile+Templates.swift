import Basics

extension TokenizerFile {
  /// The template of the member `post_processor`, and how it trims offsets.
  static func template(
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
}
