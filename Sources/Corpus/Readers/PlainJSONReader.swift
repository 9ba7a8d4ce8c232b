public import Basics
public import SystemPackage

/// JSON Lines, or a JSON array, of objects with a text.
///
/// The text is the member that the key names, else `text`, `question` or `query`. The identifier
/// is `_id` or `id`, else the line's number.
public struct PlainJSONReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .jsonl }

  /// Reads `title` and the text; other members become the metadata.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try forEachRow(in: path, key: key, rejects: rejects) { object, place in
      try body(Passage(beir: object, at: place), place)
    }
  }

  /// Reads the text and, where they are there, `options`, `answer`, `answer_idx` and `gold`.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try forEachRow(in: path, key: key, rejects: rejects) { object, place in
      try body(Query(beir: object, at: place), place)
    }
  }

  /// Reads the text.
  public func forEachPayload(
    in path: FilePath, key: String?, kind: String, rejects: RejectLog,
    _ body: (Payload, Place) throws -> Void
  ) throws {
    try forEachRow(in: path, key: key, rejects: rejects) { object, place in
      try body(
        Payload(
          id: object.identifier(at: place), kind: kind, text: object.string("text", at: place)),
        place)
    }
  }

  /// Hands on each object as a BEIR row: identifier under `_id`, text under `text`.
  private func forEachRow(
    in path: FilePath, key: String?, rejects: RejectLog,
    _ body: (JSONObject, Place) throws -> Void
  ) throws {
    var ordinal = 0
    try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
      ordinal += 1
      var row = object
      if row["_id"] == nil, row["id"] == nil {
        row["_id"] = .string(String(place.line ?? ordinal))
      }
      if let key {
        row["text"] = .string(try object.string(key, at: place))
        if !utf8Equal(key, "text") { row[key] = nil }
      } else if row["text"] == nil {
        guard let member = ["question", "query"].first(where: { row[$0] != nil }) else {
          throw InputError(
            "the keys 'text', 'question' and 'query' are missing, expected one of them", at: place)
        }
        row["text"] = row[member]
        row[member] = nil
      }
      try body(row, place)
    }
  }
}
