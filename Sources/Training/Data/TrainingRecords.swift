import Basics
public import SystemPackage

/// A question with a passage that answers it, and passages that do not.
public struct TextPair: Sendable, Equatable {
  /// The question.
  public var query: String
  /// A passage that answers it.
  public var positive: String
  /// Passages that do not, though they look like it.
  public var negatives: [String]

  /// A pair.
  public init(query: String, positive: String, negatives: [String] = []) {
    self.query = query
    self.positive = positive
    self.negatives = negatives
  }
}

/// A text with its class.
public struct LabelledText: Sendable, Equatable {
  /// The text.
  public var text: String
  /// The class's name.
  public var label: String

  /// A labelled text.
  public init(text: String, label: String) {
    self.text = text
    self.label = label
  }
}

/// Reading of training examples, one JSON object a line.
public enum TrainingRecords {
  /// Pairs: `{"query": …, "positive": …, "negatives": [ … ]}`; `negatives` may be left out.
  ///
  /// - Parameter path: a JSON Lines file, plain or gzip.
  /// - Returns: the pairs, at least one.
  /// - Throws: `InputError` with file and line at the first one that is malformed or has an empty
  ///   text; `FileError`.
  public static func pairs(_ path: FilePath) throws -> [TextPair] {
    try read(path) { object, place in
      let negatives = object["negatives"] == nil ? [] : try object.strings("negatives", at: place)
      for text in negatives { try check(text, "negatives", at: place) }
      return TextPair(
        query: try text("query", of: object, at: place),
        positive: try text("positive", of: object, at: place), negatives: negatives)
    }
  }

  /// Labelled texts: `{"text": …, "label": …}`.
  ///
  /// - Parameter path: a JSON Lines file, plain or gzip.
  /// - Returns: the texts, at least one.
  /// - Throws: as ``pairs(_:)``.
  public static func labelledTexts(_ path: FilePath) throws -> [LabelledText] {
    try read(path) { object, place in
      LabelledText(
        text: try text("text", of: object, at: place),
        label: try text("label", of: object, at: place))
    }
  }

  /// Labelled texts of a file with other fields.
  ///
  /// - Parameters:
  ///   - path: a JSON Lines file, plain or gzip.
  ///   - fields: the fields whose texts, joined by a space, are read.
  ///   - label: the field of the class.
  ///   - filter: nil, or a field and the value it must have; other lines are left out.
  /// - Returns: the texts, at least one.
  /// - Throws: as ``pairs(_:)``.
  public static func labelledTexts(
    _ path: FilePath, fields: [String], label: String, where filter: (field: String, value: String)?
  ) throws -> [LabelledText] {
    let records = try read(path) { object, place -> LabelledText? in
      if let filter {
        let value = try object.string(filter.field, at: place)
        guard utf8Equal(value, filter.value) else { return nil }
      }
      return LabelledText(
        text: try fields.map { try text($0, of: object, at: place) }.joined(separator: " "),
        label: try text(label, of: object, at: place))
    }.compactMap(\.self)
    guard !records.isEmpty else {
      throw InputError(
        "no line has the \(filter?.field ?? "") '\(TerminalText.excerpt(filter?.value ?? ""))'",
        at: Place(file: path.shown))
    }
    return records
  }

  /// Texts of a file's fields.
  ///
  /// - Parameters:
  ///   - path: a JSON Lines file, plain or gzip.
  ///   - fields: the fields whose texts, joined by a space, are read.
  /// - Returns: the texts, at least one.
  /// - Throws: as ``pairs(_:)``.
  public static func texts(_ path: FilePath, fields: [String]) throws -> [String] {
    try read(path) { object, place in
      try fields.map { try text($0, of: object, at: place) }.joined(separator: " ")
    }
  }

  static func read<Record>(
    _ path: FilePath, _ record: (JSONObject, Place) throws -> Record
  ) throws -> [Record] {
    var lines = try LineReader(path)
    var records: [Record] = []
    while let line = try lines.next() {
      if line.isBlank { continue }
      let place = Place(file: lines.name, line: line.number, byteOffset: line.byteOffset)
      let object = try JSONParser.parse(line, file: lines.name).requiredObject(at: place)
      records.append(try record(object, place))
    }
    guard !records.isEmpty else {
      throw InputError("there is no example in it", at: Place(file: lines.name))
    }
    return records
  }

  static func text(_ key: String, of object: JSONObject, at place: Place) throws -> String {
    let text = try object.string(key, at: place)
    try check(text, key, at: place)
    return text
  }

  static func check(_ text: String, _ key: String, at place: Place) throws {
    let isBlank = text.unicodeScalars.allSatisfy(\.properties.isWhitespace)
    guard !isBlank, !text.utf8.contains(0) else {
      throw InputError("'\(key)' is empty or holds a NUL character", at: place)
    }
  }
}
