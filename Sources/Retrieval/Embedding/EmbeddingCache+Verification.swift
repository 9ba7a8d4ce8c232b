import Basics
import Foundation
import GRDB
public import SystemPackage

/// SQLite as it is linked.
public enum SQLiteLibrary {
  /// The version, such as `3.40.1`; `unknown` if it does not say.
  public static var version: String {
    let queue = try? DatabaseQueue()
    let version = try? queue?.read {
      try String.fetchOne($0, sql: "SELECT sqlite_version()")
    }
    return version ?? "unknown"
  }
}

extension EmbeddingCache {
  /// The name of the cache's file in the folder of caches.
  public static let fileName = "embeddings.sqlite"

  /// Checks the file of a cache without changing it.
  ///
  /// - Parameter path: The SQLite file.
  /// - Returns: SQLite's complaints, none for a sound file or if there is no file.
  /// - Throws: `EmbeddingCacheError` that is no damage, for one because the folder is read-only.
  public static func verify(_ path: FilePath) throws -> [String] {
    guard path.exists else { return [] }
    do {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(10)
      let queue = try DatabaseQueue(path: path.string, configuration: configuration)
      return try queue.read { database in
        try String.fetchAll(database, sql: "PRAGMA integrity_check(10)")
      }
      .filter { $0 != "ok" }.map { TerminalText.escaped($0) }
    } catch let error as DatabaseError {
      let refusal = EmbeddingCacheError(error, path: path)
      guard refusal.exitStatus == .badData else { throw refusal }
      return [TerminalText.escaped("\(error)")]
    } catch {
      return [TerminalText.escaped("\(error)")]
    }
  }
}
