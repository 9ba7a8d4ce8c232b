import Basics
import GRDB

extension DocumentStore {
  /// The documents that a full-text expression matches, by SQLite's own BM25, then by id.
  ///
  /// For looking around in a store; rankings for measurements come from `BM25Index`.
  ///
  /// - Parameters:
  ///   - expression: FTS5 query syntax: words, `"phrases"`, `prefix*`, `AND`, `OR`, `NOT`, `NEAR`.
  ///   - limit: The most documents, from 1.
  /// - Returns: Their ids.
  /// - Throws: `StoreError.request` for an expression that is none.
  public func documents(matching expression: String, limit: Int) throws -> [String] {
    guard limit >= 1 else { throw StoreError.request("the limit is \(limit), expected 1 or more") }
    guard offsetOfNUL(expression) == nil else {
      throw StoreError.request("the expression holds a NUL")
    }
    do {
      return try pool.read { database in
        try String.fetchAll(
          database,
          sql: """
            SELECT id FROM documents_text JOIN documents ON documents.key = documents_text.rowid
            WHERE documents_text MATCH ? ORDER BY documents_text.rank, id LIMIT ?
            """, arguments: [expression, limit])
      }
    } catch let error as DatabaseError {
      // FTS5 reports a bad expression as a plain error.
      if error.resultCode == .SQLITE_ERROR {
        throw StoreError.request(
          "'\(TerminalText.excerpt(expression))' is no full-text expression: "
            + TerminalText.escaped(error.message ?? "syntax error"))
      }
      throw StoreError(error, path: path)
    }
  }

  /// The documents whose title or text holds a string, compared by bytes.
  ///
  /// - Parameters:
  ///   - substring: Not empty.
  ///   - limit: The most documents, from 1.
  /// - Returns: Their ids, ascending.
  /// - Throws: `StoreError.request` for an empty string or a limit below 1.
  public func documents(containing substring: String, limit: Int) throws -> [String] {
    guard limit >= 1 else { throw StoreError.request("the limit is \(limit), expected 1 or more") }
    guard !substring.utf8.isEmpty, offsetOfNUL(substring) == nil else {
      throw StoreError.request("the string to look for is empty or holds a NUL")
    }
    return try read { database in
      try String.fetchAll(
        database,
        sql: """
          SELECT id FROM documents WHERE instr(text, ?) > 0 OR instr(title, ?) > 0
          ORDER BY id LIMIT ?
          """, arguments: [substring, substring, limit])
    }
  }
}
