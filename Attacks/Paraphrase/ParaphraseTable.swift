import Basics
public import SystemPackage

/// Paraphrases of queries that were made elsewhere, by a language model for one.
public struct ParaphraseTable: Sendable {
  /// The SHA-256 of the file, which documents record.
  public let checksum: String
  private let texts: [UTF8Key: [String]]

  /// Reads JSON Lines of `{"query_id": …, "paraphrase": …}`; a query may have several lines.
  ///
  /// - Parameter path: The file, plain or gzip.
  /// - Throws: `FileError` if it cannot be read; `InputError` with the line for a missing or wrongly
  ///   typed member, a blank paraphrase or NUL.
  public init(_ path: FilePath) throws {
    checksum = try Checksum.sha256(of: path)
    var texts: [UTF8Key: [String]] = [:]
    var lines = try LineReader(path)
    while let line = try lines.next() {
      if line.isBlank { continue }
      let place = Place(file: lines.name, line: line.number)
      let row = try JSONParser.parse(line, file: lines.name).requiredObject(at: place)
      let query = try row.string("query_id", at: place)
      let text = try row.string("paraphrase", at: place)
      try TextCheck.filled(text, "paraphrase", at: place.inRecord(query))
      texts[UTF8Key(query), default: []].append(text)
    }
    self.texts = texts
  }

  /// The number of queries with a paraphrase.
  public var queryCount: Int { texts.count }

  /// The paraphrases of a query in the order of the file, `nil` if there are none.
  public func paraphrases(of query: String) -> [String]? { texts[UTF8Key(query)] }
}
