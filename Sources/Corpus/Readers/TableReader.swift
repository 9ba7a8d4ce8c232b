public import Basics
public import SystemPackage

/// A comma- or tab-separated table with a header.
///
/// The text is the column that the key names, else the first that is there of `text`, `content`,
/// `contents`, `passage`, `abstract`, `question`, `query`; the identifier the first of `_id`, `id`,
/// `docid`, `pmid`, else the row's number; the title `title`. Other columns become metadata.
public struct TableReader: SourceReader {
  /// What separates fields.
  public let delimiter: CSVReader.Delimiter
  /// The format.
  public var kind: ReaderKind { delimiter == .comma ? .csv : .tsv }

  /// A reader of tables.
  public init(delimiter: CSVReader.Delimiter) { self.delimiter = delimiter }

  /// Reads one passage a row.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try forEachRow(in: path, key: key, rejects: rejects) { object, place in
      try body(Passage(beir: object, at: place), place)
    }
  }

  /// Reads one query a row.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try forEachRow(in: path, key: key, rejects: rejects) { object, place in
      try body(Query(beir: object, at: place), place)
    }
  }

  /// Reads one payload a row.
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

  static let textColumns = [
    "text", "content", "contents", "passage", "abstract", "question", "query",
  ]
  static let identifierColumns = ["_id", "id", "docid", "pmid"]

  /// The first column of a list that the header has, whatever its case.
  static func column(_ names: [String], in header: [String]) -> String? {
    for name in names {
      if let found = header.first(where: { utf8Equal($0.lowercased(), name) }) { return found }
    }
    return nil
  }

  private func forEachRow(
    in path: FilePath, key: String?, rejects: RejectLog,
    _ body: (JSONObject, Place) throws -> Void
  ) throws {
    // In tab-separated files of retrieval a quote is mostly a plain character, but one at the start
    // of a field that a matching one ends is quoting; the strict reader refuses what is neither.
    var table = try CSVReader(path, delimiter: delimiter)
    let header = table.header
    if let key, !header.contains(where: { utf8Equal($0, key) }) {
      throw UsageError(
        "'\(path.shown)' has no column '\(TerminalText.excerpt(key))'"
          + NearestName.hint(for: key, in: header))
    }
    guard let text = key ?? Self.column(Self.textColumns, in: header) else {
      throw InputError(
        "no column is called \(Self.textColumns.map { "'\($0)'" }.joined(separator: ", ")); "
          + "name one as #column (there are: "
          + header.map { TerminalText.excerpt($0) }.joined(separator: ", ") + ")",
        at: Place(file: table.name, line: 1))
    }
    let identifier = Self.column(Self.identifierColumns, in: header)
    let title = Self.column(["title"], in: header)
    let metadataColumns = header.filter { name in
      ![text, identifier, title].contains { $0.map { utf8Equal($0, name) } ?? false }
    }
    var ordinal = 0
    while true {
      let row: CSVRecord?
      do {
        row = try table.next()
      } catch let error as InputError where error.place.line != nil {
        try rejects.add(error)
        ordinal += 1
        continue
      }
      guard let row else { return }
      ordinal += 1
      let place = Place(file: table.name, line: row.line, byteOffset: row.byteOffset)
      try rejects.attempt {
        var metadata = JSONObject()
        for name in metadataColumns { metadata[name] = row[name].map { .string($0) } }
        var object: JSONObject = [
          "_id": .string(identifier.flatMap { row[$0] } ?? String(ordinal)),
          "text": .string(row[text] ?? ""),
        ]
        object["title"] = title.flatMap { row[$0] }.map { .string($0) }
        object["metadata"] = .object(metadata)
        try body(object, place)
      }
    }
  }
}
