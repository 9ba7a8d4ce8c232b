public import Basics

// The rows of a bundle: BEIR's, where a query's metadata holds `options`, `answer` and `gold`.

extension Passage {
  /// Reads `{"_id", "title", "text", "metadata"}`; `id` is taken where `_id` is missing.
  ///
  /// - Parameters:
  ///   - object: The row. Title and metadata may be absent; other members join the metadata.
  ///   - place: Where it stands.
  /// - Throws: `InputError` for a missing or wrongly typed member, or an id that is not accepted.
  public init(beir object: JSONObject, at place: Place) throws {
    let id = try object.identifier(at: place)
    let place = place.inRecord(id)
    var metadata = try object.optionalObject("metadata", at: place) ?? JSONObject()
    for (key, value) in object.members where !Passage.members.contains(UTF8Key(key)) {
      metadata[key] = value
    }
    self.init(
      id: id, title: try object.optionalString("title", at: place) ?? "",
      text: try object.string("text", at: place), metadata: metadata)
  }

  private static let members: Set<UTF8Key> = ["_id", "id", "title", "text", "metadata"]

  /// The row of `passages.jsonl`.
  public var beirObject: JSONObject {
    var object: JSONObject = ["_id": .string(id), "title": .string(title), "text": .string(text)]
    if !metadata.isEmpty { object["metadata"] = .object(metadata) }
    return object
  }
}

extension Query {
  /// Reads `{"_id", "text", "metadata": {"options", "answer", "gold", …}}`.
  ///
  /// - Parameters:
  ///   - object: The row; `question` and `query` are taken where `text` is missing, and `options`,
  ///     `answer`, `answer_idx` and `gold` also beside the metadata.
  ///   - place: Where it stands.
  /// - Throws: `InputError` for a missing or wrongly typed member.
  public init(beir object: JSONObject, at place: Place) throws {
    let id = try object.identifier(at: place)
    let place = place.inRecord(id)
    guard let textMember = ["text", "question", "query"].first(where: { object[$0] != nil }) else {
      throw InputError("the key 'text' is missing, expected a string", at: place)
    }
    var metadata = try object.optionalObject("metadata", at: place) ?? JSONObject()
    let read: Set<UTF8Key> = ["_id", "id", UTF8Key(textMember), "metadata"]
    for (key, value) in object.members where !read.contains(UTF8Key(key)) {
      metadata[key] = value
    }

    let options = try AnswerOption.list(metadata["options"], at: place)
    metadata["options"] = nil
    // In MedQA's own rows `answer` is the option's text and `answer_idx` its label.
    var answer = try metadata.optionalString("answer_idx", at: place)
    if answer == nil, case .string(let text)? = metadata["answer"] { answer = text }
    // Anything else, a list of accepted answers for one, stays what it is.
    if case .string? = metadata["answer"] { metadata["answer"] = nil }
    metadata["answer_idx"] = nil
    var gold: [String] = []
    if let value = metadata["gold"], !value.isNull {
      gold = try metadata.strings("gold", at: place)
      metadata["gold"] = nil
    }
    self.init(
      id: id, text: try object.string(textMember, at: place), options: options, answer: answer,
      goldPassages: gold, metadata: metadata)
  }

  /// The row of `queries/<set>.jsonl`.
  public var beirObject: JSONObject {
    var all = metadata
    if !options.isEmpty {
      all["options"] = .object(JSONObject(options.map { ($0.label, .string($0.text)) }))
    }
    if let answer { all["answer"] = .string(answer) }
    if !goldPassages.isEmpty { all["gold"] = .array(goldPassages.map { .string($0) }) }
    var object: JSONObject = ["_id": .string(id), "text": .string(text)]
    if !all.isEmpty { object["metadata"] = .object(all) }
    return object
  }
}

extension AnswerOption {
  /// Options as an object (label to text) or as an array of texts, which are labelled A, B, ….
  static func list(_ value: JSONValue?, at place: Place) throws -> [AnswerOption] {
    let place = place.inside("options")
    switch value {
    case nil, .null?: return []
    case .object(let object)?:
      return try object.keys.map {
        AnswerOption(label: $0, text: try object.string($0, at: place))
      }
    case .array(let texts)? where texts.count <= 26:
      return try texts.enumerated().map { index, text in
        guard let text = text.stringValue else {
          throw InputError(
            "'options.\(index)': expected a string, found \(text.summary)", at: place)
        }
        let label = Unicode.Scalar(UInt8(ascii: "A") + UInt8(index))
        return AnswerOption(label: String(label), text: text)
      }
    case let other?:
      throw InputError(
        "'options': expected an object or at most 26 texts, found \(other.summary)", at: place)
    }
  }
}

extension Payload {
  /// Reads `{"_id", "text"}`; `id` is taken where `_id` is missing.
  ///
  /// - Parameters:
  ///   - object: The row.
  ///   - kind: The kind; a `kind` in the row must be the same.
  ///   - place: Where it stands.
  /// - Throws: `InputError` for a missing or wrongly typed member or another kind.
  public init(beir object: JSONObject, kind: String, at place: Place) throws {
    let id = try object.identifier(at: place)
    let place = place.inRecord(id)
    if let stated = try object.optionalString("kind", at: place), !utf8Equal(stated, kind) {
      throw InputError(
        "'kind': expected '\(TerminalText.excerpt(kind))', found '\(TerminalText.excerpt(stated))'",
        at: place)
    }
    self.init(id: id, kind: kind, text: try object.string("text", at: place))
  }

  /// The row of `payloads/<kind>.jsonl`.
  public var beirObject: JSONObject {
    ["_id": .string(id), "kind": .string(kind), "text": .string(text)]
  }
}

extension JSONObject {
  /// The string of `_id`, or of `id` where that is missing; an integer is accepted too.
  func identifier(at place: Place) throws -> String {
    let key = self["_id"] == nil && self["id"] != nil ? "id" : "_id"
    if case .integer(let number)? = self[key] { return String(number) }
    return try string(key, at: place)
  }
}
