import Foundation
import GRDB
public import SystemPackage

/// Embeddings that were computed before, by what they are the embedding of.
///
/// A key is the SHA-256 of model identity, side, instruction set and text. Because an embedding
/// does not depend on the batch it was computed in, the text is the unit. Losing the file loses
/// time, never results.
public final class EmbeddingCache: Sendable {
  private let path: FilePath
  private let database: DatabasePool

  /// Opens or creates the cache.
  ///
  /// - Parameter path: the SQLite file; its folder must exist.
  /// - Throws: `EmbeddingCacheError` if the file cannot be opened or is no cache.
  public init(_ path: FilePath) throws {
    self.path = path
    var configuration = Configuration()
    configuration.busyMode = .timeout(30)
    configuration.prepareDatabase { database in
      // Derived data: the last transaction may be lost in a power cut, the file may not be damaged.
      try database.execute(sql: "PRAGMA synchronous = NORMAL")
    }
    database = try reportingCacheErrors(path) {
      let database = try DatabasePool(path: path.string, configuration: configuration)
      try database.write { database in
        try database.execute(
          sql: """
            CREATE TABLE IF NOT EXISTS vectors (
              key TEXT NOT NULL UNIQUE,
              vector BLOB NOT NULL,
              checksum INTEGER NOT NULL
            ) STRICT
            """)
        _ = try database.makeStatement(sql: "SELECT key, vector, checksum FROM vectors")
      }
      return database
    }
  }

  /// Copies the vectors that are there into rows of a matrix.
  ///
  /// - Parameters:
  ///   - keys: one key for each row.
  ///   - dimension: numbers in a vector; a stored vector of another length, or one whose checksum
  ///     differs, counts as absent.
  ///   - rows: `[keys, dimension]`.
  /// - Returns: the positions that were found.
  /// - Throws: `EmbeddingCacheError`.
  package func read(
    _ keys: [String], dimension: Int, into rows: UnsafeMutablePointer<Float>
  ) throws -> Set<Int> {
    let address = UInt(bitPattern: rows)
    return try reportingCacheErrors(path) {
      try database.read { database in
        var found = Set<Int>()
        guard let rows = UnsafeMutablePointer<Float>(bitPattern: address) else { return found }
        let statement = try database.cachedStatement(
          sql: "SELECT vector, checksum FROM vectors WHERE key = ?")
        for (position, key) in keys.enumerated() {
          let cursor = try Row.fetchCursor(statement, arguments: [key])
          while let row = try cursor.next() {
            let checksum = Int64.fromDatabaseValue(row[1])
            try row.withUnsafeData(atIndex: 0) { data in
              guard let data, data.count == dimension * 4 else { return }
              data.withUnsafeBytes { bytes in
                // SQLite does not notice a changed bit within a value.
                guard let start = bytes.baseAddress, Self.checksum(bytes, of: key) == checksum
                else { return }
                UnsafeMutableRawPointer(rows + position * dimension).copyMemory(
                  from: start, byteCount: dimension * 4)
                found.insert(position)
              }
            }
          }
        }
        return found
      }
    }
  }

  /// Binds a vector to its key: a damaged index page can lead to the sound row of another text.
  private static func checksum(_ vector: UnsafeRawBufferPointer, of key: String) -> Int64 {
    var key = key
    return key.withUTF8 { VectorChecksum.of(UnsafeRawBufferPointer($0)) } &* 31
      &+ VectorChecksum.of(vector)
  }

  /// Stores vectors in one transaction; one that is there under the same key is replaced.
  ///
  /// - Parameter vectors: keys with their vectors.
  /// - Throws: `EmbeddingCacheError`.
  package func write(_ vectors: [(key: String, vector: [Float])]) throws {
    try reportingCacheErrors(path) {
      try database.write { database in
        let statement = try database.cachedStatement(
          sql: "INSERT OR REPLACE INTO vectors (key, vector, checksum) VALUES (?, ?, ?)")
        for (key, vector) in vectors {
          let (data, checksum) = vector.withUnsafeBytes {
            (Data($0), Self.checksum($0, of: key))
          }
          try statement.execute(arguments: [key, data, checksum])
        }
      }
    }
  }
}
