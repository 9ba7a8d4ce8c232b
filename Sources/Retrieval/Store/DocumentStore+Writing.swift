import Basics
import GRDB

extension DocumentStore {
  /// Documents in one transaction.
  static let transactionDocuments = 1000
  /// Bytes of text after which a transaction is closed early.
  static let transactionBytes = 8 << 20

  /// Adds documents as they are read, in transactions of at most a thousand.
  ///
  /// A document that is there with the same content is left alone, so an import that was
  /// interrupted is resumed by repeating it. An error leaves what earlier transactions added.
  ///
  /// - Parameters:
  ///   - origin: Where they come from.
  ///   - replacing: Whether a document of the same id and another content is replaced; it and its
  ///     chunks then get new keys and lose their embeddings.
  ///   - produce: Calls its argument with one document after another.
  /// - Returns: How many were new, unchanged or replaced.
  /// - Throws: `StoreError.record` or `.conflict` with the document's id, other `StoreError`s, and
  ///   what `produce` throws.
  @discardableResult
  public func addDocuments(
    from origin: ImportOrigin, replacing: Bool = false,
    _ produce: (_ add: (StoredDocument) throws -> Void) throws -> Void
  ) throws -> AdditionReport {
    for (field, value) in [("run", origin.run), ("source", origin.source)] {
      guard offsetOfNUL(value) == nil else {
        throw StoreError.request("the import's \(field) holds a NUL")
      }
    }
    var report = AdditionReport()
    var batch: [PreparedDocument] = []
    var bytes = 0
    func flush() throws {
      guard !batch.isEmpty else { return }
      let part = try write { database in
        try insert(batch, from: origin, replacing: replacing, in: database)
      }
      report.added += part.added
      report.unchanged += part.unchanged
      report.replaced += part.replaced
      batch.removeAll(keepingCapacity: true)
      bytes = 0
    }
    try produce { document in
      let prepared = try PreparedDocument(document)
      batch.append(prepared)
      bytes += document.text.utf8.count
      if batch.count >= Self.transactionDocuments || bytes >= Self.transactionBytes { try flush() }
    }
    try flush()
    return report
  }

  /// Adds documents; see the version that streams.
  ///
  /// - Parameters:
  ///   - documents: The documents.
  ///   - origin: Where they come from.
  ///   - replacing: Whether other content under the same id is replaced.
  /// - Returns: How many were new, unchanged or replaced.
  /// - Throws: `StoreError`.
  @discardableResult
  public func addDocuments(
    _ documents: some Sequence<StoredDocument>, from origin: ImportOrigin, replacing: Bool = false
  ) throws -> AdditionReport {
    try addDocuments(from: origin, replacing: replacing) { add in
      for document in documents { try add(document) }
    }
  }

  /// Removes documents with their chunks and embeddings, in one transaction.
  ///
  /// - Parameter ids: Their ids; one given twice counts once.
  /// - Returns: How many were removed, and the ids that no document has.
  /// - Throws: `StoreError`.
  @discardableResult
  public func remove(_ ids: some Sequence<String>) throws -> RemovalReport {
    try write { database in
      var report = RemovalReport()
      var change = ContentChange()
      var seen = Set<UTF8Key>()
      for id in ids where seen.insert(UTF8Key(id)).inserted {
        guard offsetOfNUL(id) == nil,
          let row = try Row.fetchOne(
            database.cachedStatement(sql: "SELECT key, digest FROM documents WHERE id = ?"),
            arguments: [id])
        else {
          report.unknown.append(id)
          continue
        }
        try delete(key: row.value(0), digest: row.value(1), in: database, &change)
        report.removed += 1
      }
      try apply(change, in: database)
      return report
    }
  }

  // MARK: - One transaction

  private func insert(
    _ batch: [PreparedDocument], from origin: ImportOrigin, replacing: Bool, in database: Database
  ) throws -> AdditionReport {
    var report = AdditionReport()
    var change = ContentChange()
    var importKey: Int64?
    for prepared in batch {
      let document = prepared.document
      let present = try Row.fetchOne(
        database.cachedStatement(sql: "SELECT key, digest FROM documents WHERE id = ?"),
        arguments: [document.id])
      if let present {
        if utf8Equal(try present.value(1), prepared.digest) {
          report.unchanged += 1
          continue
        }
        guard replacing else {
          throw try conflict(document, key: present.value(0), in: database)
        }
        try delete(key: present.value(0), digest: present.value(1), in: database, &change)
        report.replaced += 1
      } else {
        report.added += 1
      }
      let source = try importKey ?? Self.importKey(origin, in: database)
      importKey = source
      try database.cachedStatement(
        sql: """
          INSERT INTO documents (id, title, text, metadata, import, line, digest)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """
      ).execute(arguments: [
        document.id, document.title, document.text, prepared.metadata, source, document.line,
        prepared.digest,
      ])
      let key = database.lastInsertedRowID
      for (ordinal, range) in document.chunks.enumerated() {
        try database.cachedStatement(
          sql: "INSERT INTO chunks (document, ordinal, lower, upper) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [key, ordinal, range.lowerBound, range.upperBound])
      }
      guard database.lastInsertedRowID < EmbeddingKey.chunkLimit else {
        throw StoreError.record(id: document.id, reason: "the store has run out of chunk keys")
      }
      if let digest = ContentChecksum(prepared.digest) { change.checksum.add(digest) }
      change.documents += 1
      change.chunks += document.chunks.count
      change.isEmpty = false
    }
    try apply(change, in: database)
    return report
  }

  private static func importKey(_ origin: ImportOrigin, in database: Database) throws -> Int64 {
    try database.execute(
      sql: "INSERT INTO imports (run, source) VALUES (?, ?) ON CONFLICT DO NOTHING",
      arguments: [origin.run, origin.source])
    return try Int64.fetchOne(
      database, sql: "SELECT key FROM imports WHERE run = ? AND source = ?",
      arguments: [origin.run, origin.source]) ?? 0
  }

  private func delete(
    key: Int64, digest: String, in database: Database, _ change: inout ContentChange
  ) throws {
    let chunks = try Int.fetchOne(
      database.cachedStatement(sql: "SELECT count(*) FROM chunks WHERE document = ?"),
      arguments: [key])
    try database.cachedStatement(sql: "DELETE FROM documents WHERE key = ?")
      .execute(arguments: [key])
    guard let digest = ContentChecksum(digest) else {
      throw StoreError.damaged(path, reason: "the digest of document \(key) is not one")
    }
    change.checksum.subtract(digest)
    change.documents -= 1
    change.chunks -= chunks ?? 0
    change.isEmpty = false
  }

  private func apply(_ change: ContentChange, in database: Database) throws {
    guard !change.isEmpty else { return }
    let state = try Self.state(in: database, path: path)
    guard var checksum = ContentChecksum(state.checksum) else { return }
    checksum.add(change.checksum)
    try database.cachedStatement(
      sql: """
        UPDATE state SET generation = generation + 1, checksum = ?, documents = documents + ?,
          chunks = chunks + ?
        """
    ).execute(arguments: [checksum.digits, change.documents, change.chunks])
  }

  private func conflict(
    _ document: StoredDocument, key: Int64, in database: Database
  ) throws -> StoreError {
    guard let present = try Self.document(key: key, in: database, path: path) else {
      return .damaged(path, reason: "document \(key) is missing")
    }
    var differences: [String] = []
    if !utf8Equal(present.title, document.title) { differences.append("title") }
    if !utf8Equal(present.text, document.text) { differences.append("text") }
    let metadata = try present.metadata.serialized()
    if !utf8Equal(metadata, try document.metadata.serialized()) { differences.append("metadata") }
    if present.chunks != document.chunks { differences.append("division into chunks") }
    return .conflict(id: document.id, differences: differences.isEmpty ? ["digest"] : differences)
  }
}

/// A checked document with what is computed outside the transaction.
private struct PreparedDocument {
  let document: StoredDocument
  let metadata: String
  let digest: String

  init(_ document: StoredDocument) throws {
    try document.check()
    self.document = document
    do {
      metadata = try document.metadata.serialized()
    } catch {
      throw StoreError.record(id: document.id, reason: "its metadata: \(error)")
    }
    digest = document.digest(metadata: metadata)
  }
}

/// What a transaction does to the content, summed up.
private struct ContentChange {
  var checksum = ContentChecksum()
  var documents = 0
  var chunks = 0
  var isEmpty = true
}
