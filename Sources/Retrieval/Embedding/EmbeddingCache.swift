import Foundation
import GRDB
public import SystemPackage

/// Embeddings that were computed before, by what they are the embedding of.
///
/// A key is the SHA-256 of model identity, side, instruction set and text. Because an embedding
/// does not depend on the batch it was computed in, the text is the unit. Losing the file loses
/// time, never results.
public final class EmbeddingCache: Sendable {
  private let database: DatabasePool

  /// Opens or creates the cache.
  ///
  /// - Parameter path: the SQLite file; its folder must exist.
  /// - Throws: `DatabaseError` if the file cannot be opened or is no database.
  public init(_ path: FilePath) throws {
    var configuration = Configuration()
    configuration.busyMode = .timeout(30)
    configuration.prepareDatabase { database in
      // Derived data: the last transaction may be lost in a power cut, the file may not be damaged.
      try database.execute(sql: "PRAGMA synchronous = NORMAL")
    }
    database = try DatabasePool(path: path.string, configuration: configuration)
    try database.write { database in
      try database.execute(
        sql: """
          CREATE TABLE IF NOT EXISTS embedding (
            key TEXT NOT NULL UNIQUE,
            vector BLOB NOT NULL
          ) STRICT
          """)
    }
  }

  /// Copies the vectors that are there into rows of a matrix.
  ///
  /// - Parameters:
  ///   - keys: one key for each row.
  ///   - dimension: numbers in a vector; a stored vector of another length counts as absent.
  ///   - rows: `[keys, dimension]`.
  /// - Returns: the positions that were found.
  /// - Throws: `DatabaseError`.
  package func read(
    _ keys: [String], dimension: Int, into rows: UnsafeMutablePointer<Float>
  ) throws -> Set<Int> {
    let address = UInt(bitPattern: rows)
    return try database.read { database in
      var found = Set<Int>()
      guard let rows = UnsafeMutablePointer<Float>(bitPattern: address) else { return found }
      let statement = try database.cachedStatement(
        sql: "SELECT vector FROM embedding WHERE key = ?")
      for (position, key) in keys.enumerated() {
        let cursor = try Row.fetchCursor(statement, arguments: [key])
        while let row = try cursor.next() {
          try row.withUnsafeData(atIndex: 0) { data in
            guard let data, data.count == dimension * 4 else { return }
            data.withUnsafeBytes { bytes in
              UnsafeMutableRawPointer(rows + position * dimension).copyMemory(
                from: bytes.baseAddress ?? UnsafeRawPointer(rows), byteCount: dimension * 4)
            }
            found.insert(position)
          }
        }
      }
      return found
    }
  }

  /// Stores vectors in one transaction.
  package func write(_ vectors: [(key: String, vector: [Float])]) throws {
    try database.write { database in
      let statement = try database.cachedStatement(
        sql: "INSERT OR IGNORE INTO embedding (key, vector) VALUES (?, ?)")
      for (key, vector) in vectors {
        let data = vector.withUnsafeBytes { Data($0) }
        try statement.execute(arguments: [key, data])
      }
    }
  }
}
