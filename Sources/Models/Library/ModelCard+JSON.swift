import Basics

extension ModelCard {
  /// The JSON keys, in the order written.
  private enum Key: String, CaseIterable {
    case format, name, title, licence, source, kind, similarity, passageForm, queryDirectory
    case queryMaximumTokens, passageMaximumTokens, queryPrompt, passagePrompt, allowNonFinite
    case files
  }

  private enum FileKey: String, CaseIterable { case path, bytes, sha256 }

  /// Prompts longer than this are a mistake, not a prompt.
  private static let maximumPromptBytes = 8192
  private static let maximumFiles = 10_000
  /// The bounds that `sentence_bert_config.json` is held to as well.
  private static let tokenBounds = 3...131_072

  /// A card from its JSON object.
  ///
  /// - Throws: `InputError` at the first key that is unknown, missing, or has no sense.
  init(json: JSONObject, at place: Place) throws {
    // The format first: a later one may have keys that this version cannot know.
    let format = try json.int(Key.format.rawValue, at: place)
    guard format == Self.currentFormat else {
      throw InputError(
        "a model card of format \(format), this ragbench reads format \(Self.currentFormat)",
        at: place)
    }
    try StrictKeys.check(json, Key.allCases.map(\.rawValue), at: place)
    let name = try json.string(Key.name.rawValue, at: place)
    if let fault = ModelName.fault(name) { throw InputError("'name': \(fault)", at: place) }
    self.init(
      name: name,
      title: try json.string(Key.title.rawValue, at: place),
      licence: try json.string(Key.licence.rawValue, at: place),
      source: try json.string(Key.source.rawValue, at: place),
      kind: try StrictKeys.choice(json, Key.kind.rawValue, at: place),
      similarity: try StrictKeys.optionalChoice(json, Key.similarity.rawValue, at: place),
      passageForm: try StrictKeys.choice(json, Key.passageForm.rawValue, at: place),
      queryDirectory: try json.optionalString(Key.queryDirectory.rawValue, at: place),
      queryMaximumTokens: try Self.tokens(json, .queryMaximumTokens, place),
      passageMaximumTokens: try Self.tokens(json, .passageMaximumTokens, place),
      queryPrompt: try Self.prompt(json, .queryPrompt, place),
      passagePrompt: try Self.prompt(json, .passagePrompt, place),
      files: try Self.files(json, place))
    allowsNonFinite = try json.optionalBool(Key.allowNonFinite.rawValue, at: place) ?? false
    if let queryDirectory, queryDirectory.utf8.contains(UInt8(ascii: "/")) {
      throw InputError("'queryDirectory' is a path, expected the name of a sub-folder", at: place)
    }
    if let queryDirectory, let fault = RelativeName.fault(queryDirectory) {
      throw InputError("'queryDirectory': \(fault)", at: place)
    }
  }

  private static func tokens(_ json: JSONObject, _ key: Key, _ place: Place) throws -> Int? {
    guard let value = try json.optionalInt(key.rawValue, at: place) else { return nil }
    guard tokenBounds.contains(value) else {
      throw InputError(
        "'\(key.rawValue)' is \(value), expected \(tokenBounds.lowerBound) to"
          + " \(tokenBounds.upperBound)", at: place)
    }
    return value
  }

  private static func prompt(_ json: JSONObject, _ key: Key, _ place: Place) throws -> String? {
    let value = try json.optionalString(key.rawValue, at: place)
    if let value, value.utf8.count > maximumPromptBytes {
      throw InputError(
        "'\(key.rawValue)' has \(value.utf8.count) bytes, at most \(maximumPromptBytes) are accepted",
        at: place)
    }
    return value
  }

  private static func files(_ json: JSONObject, _ place: Place) throws -> [FileRecord] {
    let objects = try json.objects(Key.files.rawValue, at: place)
    guard objects.count <= maximumFiles else {
      throw InputError("'files' has \(objects.count) entries, at most \(maximumFiles)", at: place)
    }
    var seen: Set<UTF8Key> = []
    return try objects.enumerated().map { index, object in
      let inner = place.inside(Key.files.rawValue).inside(String(index))
      try StrictKeys.check(object, FileKey.allCases.map(\.rawValue), at: inner)
      let record = FileRecord(
        path: try object.string(FileKey.path.rawValue, at: inner),
        bytes: try object.int(FileKey.bytes.rawValue, at: inner),
        sha256: try object.string(FileKey.sha256.rawValue, at: inner))
      let key = inner.key ?? ""
      if let fault = RelativeName.fault(record.path) {
        throw InputError("'\(key).path': \(fault)", at: place)
      }
      guard record.bytes >= 0 else {
        throw InputError("'\(key).bytes' is \(record.bytes), expected 0 or more", at: place)
      }
      guard isDigest(record.sha256) else {
        throw InputError(
          "'\(key).sha256': expected 64 lower-case hexadecimal digits, found"
            + " '\(TerminalText.escaped(record.sha256))'", at: place)
      }
      guard seen.insert(UTF8Key(record.path)).inserted else {
        throw InputError(
          "'\(key).path': '\(TerminalText.escaped(record.path))' is listed twice", at: place)
      }
      return record
    }
  }

  static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  /// The card as JSON; settings that are `nil` are left out.
  var json: JSONObject {
    var json = JSONObject()
    func set(_ key: Key, _ value: JSONValue?) { json[key.rawValue] = value }
    set(.format, .integer(Int64(format)))
    set(.name, .string(name))
    set(.title, .string(title))
    set(.licence, .string(licence))
    set(.source, .string(source))
    set(.kind, .string(kind.rawValue))
    set(.similarity, similarity.map { .string($0.rawValue) })
    set(.passageForm, .string(passageForm.rawValue))
    set(.queryDirectory, queryDirectory.map { .string($0) })
    set(.queryMaximumTokens, queryMaximumTokens.map { .integer(Int64($0)) })
    set(.passageMaximumTokens, passageMaximumTokens.map { .integer(Int64($0)) })
    set(.queryPrompt, queryPrompt.map { .string($0) })
    set(.passagePrompt, passagePrompt.map { .string($0) })
    set(.allowNonFinite, allowsNonFinite ? .bool(true) : nil)
    set(
      .files,
      .array(
        files.map { record in
          .object([
            FileKey.path.rawValue: .string(record.path),
            FileKey.bytes.rawValue: .integer(Int64(record.bytes)),
            FileKey.sha256.rawValue: .string(record.sha256),
          ])
        }))
    return json
  }
}
