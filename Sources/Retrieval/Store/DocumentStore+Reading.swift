import Basics
import GRDB
import SystemPackage

extension DocumentStore {
  /// The document of an id.
  ///
  /// - Parameter id: The id, compared by bytes.
  /// - Returns: The document, `nil` if there is none.
  /// - Throws: `StoreError.damaged` if it is not what was stored.
  public func document(_ id: String) throws -> StoredDocument? {
    guard offsetOfNUL(id) == nil else { return nil }
    return try read { database in
      let key = try Int64.fetchOne(
        database.cachedStatement(sql: "SELECT key FROM documents WHERE id = ?"), arguments: [id])
      return try key.flatMap { try Self.document(key: $0, in: database, path: self.path) }
    }
  }

  /// Where the document of an id came from.
  ///
  /// - Parameter id: The id, compared by bytes.
  /// - Returns: The origin and the line, `nil` if there is no such document.
  /// - Throws: `StoreError`.
  public func origin(of id: String) throws -> (origin: ImportOrigin, line: Int?)? {
    guard offsetOfNUL(id) == nil else { return nil }
    return try read { database in
      try Row.fetchOne(
        database,
        sql: """
          SELECT run, source, line FROM documents JOIN imports ON imports.key = import
          WHERE id = ?
          """, arguments: [id]
      ).map { row in
        try (ImportOrigin(run: row.value(0), source: row.value(1)), row.value(2))
      }
    }
  }

  /// Calls a closure with every document, by ascending id, all from one moment.
  ///
  /// - Parameter body: Given one document after another; must not call the store.
  /// - Throws: `StoreError` and what `body` throws.
  public func forEachDocument(_ body: (StoredDocument) throws -> Void) throws {
    try read { database in
      let keys = try Int64.fetchAll(database, sql: "SELECT key FROM documents ORDER BY id")
      for key in keys {
        guard let document = try Self.document(key: key, in: database, path: path) else { continue }
        try body(document)
      }
    }
  }

  /// Calls a closure with every chunk, by ascending key, all from one moment.
  ///
  /// - Parameter body: Given one chunk after another; must not call the store.
  /// - Throws: `StoreError` and what `body` throws.
  public func forEachChunk(_ body: (StoredChunk) throws -> Void) throws {
    try read { database in
      let rows = try Row.fetchCursor(database, sql: Self.chunkQuery + " ORDER BY chunks.key")
      while let row = try rows.next() { try body(try chunk(row)) }
    }
  }

  /// The chunks of given keys.
  ///
  /// - Parameter keys: Keys in any order.
  /// - Returns: The chunks in the order of the keys.
  /// - Throws: `StoreError.unknownChunk` for a key that no chunk has.
  public func chunks(_ keys: some Sequence<Int64>) throws -> [StoredChunk] {
    try read { database in
      let statement = try database.cachedStatement(
        sql: Self.chunkQuery + " WHERE chunks.key = ?")
      return try keys.map { key in
        guard let row = try Row.fetchOne(statement, arguments: [key]) else {
          throw StoreError.unknownChunk(key)
        }
        return try chunk(row)
      }
    }
  }

  /// The chunks of given keys with where their documents came from, all from one moment.
  ///
  /// - Parameter keys: Keys in any order.
  /// - Returns: The passages in the order of the keys, `nil` for a key that no chunk has (any more).
  /// - Throws: `StoreError`.
  public func passages(_ keys: some Sequence<Int64>) throws -> [StoredPassage?] {
    try read { database in
      let statement = try database.cachedStatement(
        sql: """
          SELECT chunks.key, documents.id, chunks.ordinal, chunks.lower, chunks.upper,
            documents.title, documents.text, documents.metadata, documents.line, imports.run,
            imports.source
          FROM chunks JOIN documents ON documents.key = chunks.document
            JOIN imports ON imports.key = documents.import
          WHERE chunks.key = ?
          """)
      return try keys.map { key in
        guard let row = try Row.fetchOne(statement, arguments: [key]) else { return nil }
        return try StoredPassage(
          chunk: chunk(row), metadata: row.value(7),
          origin: ImportOrigin(run: row.value(9), source: row.value(10)), line: row.value(8))
      }
    }
  }

  /// The chunks of a document in their order.
  ///
  /// - Parameter id: The document's id, compared by bytes.
  /// - Returns: The chunks, none if there is no such document.
  /// - Throws: `StoreError`.
  public func chunks(ofDocument id: String) throws -> [StoredChunk] {
    guard offsetOfNUL(id) == nil else { return [] }
    return try read { database in
      try Row.fetchAll(
        database, sql: Self.chunkQuery + " WHERE documents.id = ? ORDER BY ordinal",
        arguments: [id]
      ).map { try chunk($0) }
    }
  }

  /// The ids of the documents that chunks belong to.
  ///
  /// - Parameter keys: Keys in any order.
  /// - Returns: The ids in the order of the keys.
  /// - Throws: `StoreError.unknownChunk` for a key that no chunk has.
  public func documentIDs(ofChunks keys: some Sequence<Int64>) throws -> [String] {
    let keys = Array(keys)
    return try read { database in
      if keys.count > Self.scanFrom, zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }) {
        return try Self.documentIDs(ofAscendingChunks: keys, in: database)
      }
      let statement = try database.cachedStatement(
        sql: """
          SELECT id FROM chunks JOIN documents ON documents.key = chunks.document
          WHERE chunks.key = ?
          """)
      return try keys.map { key in
        guard let id = try String.fetchOne(statement, arguments: [key]) else {
          throw StoreError.unknownChunk(key)
        }
        return id
      }
    }
  }

  /// So many ids are read in one pass over the table rather than each by itself.
  private static let scanFrom = 500

  private static func documentIDs(
    ofAscendingChunks keys: [Int64], in database: Database
  ) throws -> [String] {
    let rows = try Row.fetchCursor(
      database,
      sql: """
        SELECT chunks.key, id FROM chunks JOIN documents ON documents.key = chunks.document
        WHERE chunks.key BETWEEN ? AND ? ORDER BY chunks.key
        """, arguments: [keys[0], keys[keys.count - 1]])
    var ids: [String] = []
    ids.reserveCapacity(keys.count)
    while ids.count < keys.count {
      guard let row = try rows.next() else { throw StoreError.unknownChunk(keys[ids.count]) }
      let key: Int64 = try row.value(0)
      if key > keys[ids.count] { throw StoreError.unknownChunk(keys[ids.count]) }
      if key == keys[ids.count] { ids.append(try row.value(1)) }
    }
    return ids
  }

  // MARK: - Rows

  static let chunkQuery = """
    SELECT chunks.key, documents.id, chunks.ordinal, chunks.lower, chunks.upper,
      documents.title, documents.text
    FROM chunks JOIN documents ON documents.key = chunks.document
    """

  func chunk(_ row: Row) throws -> StoredChunk {
    let (lower, upper): (Int, Int) = try (row.value(3), row.value(4))
    guard let text = scalars(of: try row.value(6), lower: lower, upper: upper) else {
      let key: Int64 = try row.value(0)
      throw StoreError.damaged(path, reason: "chunk \(key) exceeds its document")
    }
    return try StoredChunk(
      key: row.value(0), documentID: row.value(1), ordinal: row.value(2),
      range: lower..<upper, title: row.value(5),
      text: text)
  }

  /// Reads a document and compares it with its digest.
  static func document(
    key: Int64, in database: Database, path: FilePath
  ) throws -> StoredDocument? {
    let row = try Row.fetchOne(
      database.cachedStatement(
        sql: "SELECT id, title, text, metadata, line, digest FROM documents WHERE key = ?"),
      arguments: [key])
    guard let row else { return nil }
    let bounds = try Row.fetchAll(
      database.cachedStatement(
        sql: "SELECT lower, upper FROM chunks WHERE document = ? ORDER BY ordinal"),
      arguments: [key])
    let metadata: String = try row.value(3)
    let chunks = try bounds.map { bound in
      let (lower, upper): (Int, Int) = try (bound.value(0), bound.value(1))
      guard 0 <= lower, lower <= upper else {
        throw StoreError.damaged(path, reason: "a chunk runs from \(lower) to \(upper)")
      }
      return lower..<upper
    }
    var document = try StoredDocument(
      id: row.value(0), title: row.value(1), text: row.value(2), chunks: chunks,
      line: row.value(4))
    guard utf8Equal(document.digest(metadata: metadata), try row.value(5)) else {
      throw StoreError.damaged(
        path, reason: "document '\(document.id)' does not agree with its digest")
    }
    document.metadata = try JSONParser.parse(metadata).requiredObject()
    return document
  }
}
