import Basics
import GRDB
import Glibc
import SystemPackage

/// The tables of a store and the marks by which its file is recognised.
enum StoreSchema {
  /// `rbst`, in the header of the file.
  static let applicationID = 0x7262_7374
  /// The schema this release writes; a higher one is refused.
  static let version = 1
  /// Ten vectors of 384 numbers, or five of 768, fill a page.
  static let pageSize = 16_384

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("v1") { try createVersion1($0) }
    return migrator
  }

  /// Makes an empty store's file, complete at the moment it appears.
  ///
  /// It is built in memory and written whole, so no crash leaves a store without its tables.
  static func createFile(at path: FilePath, name: String) throws {
    var configuration = Configuration()
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA page_size = \(pageSize)") }
    let queue = try DatabaseQueue(configuration: configuration)
    try migrator.migrate(queue)
    let unique = String(UInt64.random(in: .min ... .max), radix: 16)
    let padded = String(repeating: "0", count: 16 - unique.utf8.count) + unique
    // The name is one that `AtomicFile.removeAbandoned` knows.
    let copy = path.removingLastComponent().appending(".ragbench-\(getpid())-\(padded).tmp")
    defer { try? LiveFileSystem().unlink(copy) }
    try reportingStoreErrors(path) {
      try queue.writeWithoutTransaction { database in
        try database.execute(
          sql: "INSERT INTO identity (key, store) VALUES (1, ?)", arguments: [name])
        try database.execute(
          sql: """
            INSERT INTO state (key, store, commits, generation, checksum, documents, chunks)
            VALUES (1, ?, 0, 0, ?, 0, 0)
            """, arguments: [name, ContentChecksum().digits])
        try database.execute(sql: "VACUUM INTO ?", arguments: [copy.string])
      }
    }
    var bytes = try FileBytes.read(copy, limit: 16 << 20)
    // The copy is in rollback mode. To be switched later it would need a journal, and a kill then
    // leaves a file that nobody can read without writing. So it is in write-ahead mode from the
    // first: the write and read versions of the header (SQLite's file format, 1.3.3) are 2.
    for position in [18, 19] where bytes.count > position { bytes[position] = 2 }
    try AtomicFile.write(bytes, to: path)
  }

  private static func createVersion1(_ database: Database) throws {
    // `identity` is never written again, `state` with every transaction. A write-ahead log of
    // another store therefore shows itself: it replaces the second and not the first.
    try database.execute(
      sql: """
        CREATE TABLE identity (
          key INTEGER PRIMARY KEY CHECK (key = 1),
          store TEXT NOT NULL
        );
        CREATE TABLE state (
          key INTEGER PRIMARY KEY CHECK (key = 1),
          store TEXT NOT NULL,
          commits INTEGER NOT NULL,
          generation INTEGER NOT NULL,
          checksum TEXT NOT NULL,
          documents INTEGER NOT NULL,
          chunks INTEGER NOT NULL
        );
        CREATE TABLE imports (
          key INTEGER PRIMARY KEY AUTOINCREMENT,
          run TEXT NOT NULL,
          source TEXT NOT NULL,
          UNIQUE (run, source)
        );
        CREATE TABLE documents (
          key INTEGER PRIMARY KEY AUTOINCREMENT,
          id TEXT NOT NULL UNIQUE COLLATE BINARY,
          title TEXT NOT NULL,
          text TEXT NOT NULL,
          metadata TEXT NOT NULL,
          import INTEGER NOT NULL REFERENCES imports (key),
          line INTEGER,
          digest TEXT NOT NULL
        );
        CREATE TABLE chunks (
          key INTEGER PRIMARY KEY AUTOINCREMENT,
          document INTEGER NOT NULL REFERENCES documents (key) ON DELETE CASCADE,
          ordinal INTEGER NOT NULL,
          lower INTEGER NOT NULL CHECK (lower >= 0),
          upper INTEGER NOT NULL CHECK (upper >= lower),
          UNIQUE (document, ordinal)
        );
        CREATE TABLE retrievers (
          key INTEGER PRIMARY KEY AUTOINCREMENT,
          identity TEXT NOT NULL UNIQUE COLLATE BINARY,
          dimension INTEGER NOT NULL CHECK (dimension BETWEEN 1 AND 65536)
        );
        CREATE TABLE embeddings (
          key INTEGER PRIMARY KEY,
          retriever INTEGER NOT NULL REFERENCES retrievers (key),
          chunk INTEGER NOT NULL REFERENCES chunks (key) ON DELETE CASCADE,
          vector BLOB,
          norm REAL,
          checksum INTEGER,
          CHECK (key = retriever * \(EmbeddingKey.chunkLimit) + chunk),
          CHECK ((vector IS NULL) = (norm IS NULL) AND (vector IS NULL) = (checksum IS NULL))
        );
        CREATE INDEX embeddings_chunk ON embeddings (chunk);
        CREATE TABLE lexical (
          key INTEGER PRIMARY KEY CHECK (key = 1),
          generation INTEGER NOT NULL,
          content TEXT NOT NULL,
          analyzer TEXT NOT NULL,
          chunks BLOB NOT NULL,
          lengths BLOB NOT NULL,
          documents BLOB NOT NULL,
          ids BLOB NOT NULL,
          offsets BLOB NOT NULL
        );
        CREATE TABLE lexical_terms (
          key INTEGER PRIMARY KEY,
          term TEXT NOT NULL UNIQUE COLLATE BINARY,
          frequency INTEGER NOT NULL,
          postings BLOB NOT NULL
        );
        """)
    try database.execute(
      sql: """
        CREATE VIRTUAL TABLE documents_text USING fts5 (
          title, text, content = 'documents', content_rowid = 'key',
          tokenize = 'porter unicode61'
        );
        CREATE TRIGGER documents_inserted AFTER INSERT ON documents BEGIN
          INSERT INTO documents_text (rowid, title, text) VALUES (new.key, new.title, new.text);
        END;
        CREATE TRIGGER documents_deleted AFTER DELETE ON documents BEGIN
          INSERT INTO documents_text (documents_text, rowid, title, text)
          VALUES ('delete', old.key, old.title, old.text);
        END;
        CREATE TRIGGER documents_fixed BEFORE UPDATE OF key, id, title, text ON documents BEGIN
          SELECT RAISE (ABORT, 'a document is replaced, never changed in place');
        END;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """)
  }
}

/// The key of an embedding: retriever and chunk in one number, so that the vectors of a retriever
/// lie side by side in the order of their chunks.
enum EmbeddingKey {
  /// Chunk keys are below this.
  static let chunkLimit: Int64 = 1 << 40
  /// Retriever keys are below this, so that the product fits.
  static let retrieverLimit: Int64 = 1 << 22

  /// The first key of a retriever; the last is below the first of the next.
  static func base(_ retriever: Int64) -> Int64 { retriever * chunkLimit }
}
