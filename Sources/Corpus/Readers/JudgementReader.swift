public import Basics
public import SystemPackage

/// A grade that a document has for a query.
public struct Judgement: Sendable, Equatable {
  /// The query.
  public var query: String
  /// The document.
  public var document: String
  /// The grade; above 0 is relevant.
  public var grade: Int

  /// A grade.
  public init(query: String, document: String, grade: Int) {
    self.query = query
    self.document = document
    self.grade = grade
  }
}

/// Reads judgements: BEIR's tab-separated `query document grade`, with or without a header, or
/// TREC's `query iteration document grade`.
public enum JudgementReader {
  /// Calls a closure with every judgement; malformed and repeated ones go to the reject log.
  ///
  /// - Parameters:
  ///   - path: A regular file, plain or gzip.
  ///   - rejects: Takes malformed lines, and a pair that stands twice.
  ///   - body: Takes a judgement and where it stands.
  /// - Throws: What `body` throws; `FileError` if the file cannot be read.
  public static func forEach(
    in path: FilePath, rejects: RejectLog, _ body: (Judgement, Place) throws -> Void
  ) throws {
    var lines = try LineReader(path)
    var seen = IdentifierTable()
    var isFirst = true
    while true {
      let line: Line?
      do {
        line = try lines.next()
      } catch let error as InputError where error.place.line != nil {
        try rejects.add(error)
        continue
      }
      guard let line else { return }
      if line.isBlank { continue }
      let place = Place(file: lines.name, line: line.number, byteOffset: line.byteOffset)
      defer { isFirst = false }
      try rejects.attempt {
        let text = try line.text(file: lines.name)
        // Identifiers of BEIR may hold spaces, so tabs decide where there are any.
        let isTabbed = line.bytes.contains(0x09)
        let fields = text.utf8.split(whereSeparator: { $0 == 0x09 || !isTabbed && $0 == 0x20 })
          .compactMap { String($0) }
        guard fields.count == 3 || fields.count == 4 else {
          throw InputError("expected 3 or 4 fields, found \(fields.count)", at: place)
        }
        guard let grade = Int(fields[fields.count - 1]) else {
          if isFirst { return }  // the header
          throw InputError(
            "the grade '\(TerminalText.excerpt(fields[fields.count - 1]))' is not an integer",
            at: place)
        }
        let judgement = Judgement(
          query: fields[0], document: fields[fields.count - 2], grade: grade)
        try RecordCheck.identifier(judgement.query, at: place)
        try RecordCheck.identifier(judgement.document, at: place)
        do {
          try seen.insert(judgement.query + "\t" + judgement.document, at: place)
        } catch is InputError {
          throw InputError(
            "the query '\(TerminalText.excerpt(judgement.query))' and the document "
              + "'\(TerminalText.excerpt(judgement.document))' are judged twice", at: place)
        }
        try body(judgement, place)
      }
    }
  }
}
