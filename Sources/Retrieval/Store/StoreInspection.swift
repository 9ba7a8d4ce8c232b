import Basics
import GRDB
import Glibc
import SystemPackage

/// Looks at a store's file before anything could change it.
struct StoreInspection {
  private let path: FilePath

  init(_ path: FilePath) { self.path = path }

  /// Checks the file, its marks, its schema and the ownership of its log.
  ///
  /// - Returns: The store's name.
  /// - Throws: `StoreError`.
  func run() throws -> String {
    let size = try fileSize()
    guard path.withPlatformString({ String(validatingCString: $0) }) != nil else {
      throw StoreError.cannotOpen(path, reason: "SQLite takes UTF-8 paths only")
    }
    return try reportingStoreErrors(path) {
      // A read-only connection merges no log when it closes.
      let queue = try DatabaseQueue(
        path: path.string, configuration: DocumentStore.configuration(readOnly: true))
      defer { try? queue.close() }
      return try queue.read { try inspect($0, size: size) }
    }
  }

  private func fileSize() throws -> Int {
    let files = LiveFileSystem()
    do {
      let descriptor = try files.open(path, flags: O_RDONLY | O_NONBLOCK, permissions: 0)
      defer { try? files.close(descriptor) }
      let status = try files.status(descriptor)
      guard status.kind == .regular else {
        throw StoreError.damaged(path, reason: "it is \(status.kind.rawValue)")
      }
      guard status.size >= StoreSchema.pageSize else {
        throw StoreError.damaged(
          path, reason: "it has \(status.size) bytes, a store has \(StoreSchema.pageSize) or more")
      }
      // SQLite would fill a cut page with zeros. With a log at hand a cut page is what a crash in
      // the middle of merging leaves, and it is merged again.
      let log = try? files.linkStatus(FilePath(path.string + "-wal")).size
      guard status.size.isMultiple(of: StoreSchema.pageSize) || log ?? 0 > 0 else {
        throw StoreError.damaged(
          path,
          reason: "it has \(status.size) bytes, no multiple of a page of "
            + "\(StoreSchema.pageSize)")
      }
      return status.size
    } catch let error as Errno {
      throw FileError(cannot: "open", path, errno: error, exitStatus: .noInput)
    }
  }

  private func inspect(_ database: Database, size: Int) throws -> String {
    let application = try Int.fetchOne(database, sql: "PRAGMA application_id")
    guard application == StoreSchema.applicationID else {
      throw StoreError.damaged(path, reason: "it is an SQLite file of another program")
    }
    let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    guard version <= StoreSchema.version else {
      throw StoreError.newerSchema(path, found: version, supported: StoreSchema.version)
    }
    guard version >= 1, try !StoreSchema.migrator.hasBeenSuperseded(database) else {
      throw StoreError.damaged(path, reason: "its schema \(version) is none of this program")
    }
    let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
    let pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
    // A store never shrinks, so a log that makes it smaller is not its own.
    guard pageSize == StoreSchema.pageSize, size <= pages * pageSize else {
      throw StoreError.damaged(
        path, reason: "it has \(size) bytes and should have \(pages) pages of \(pageSize)")
    }
    let identity = try String.fetchOne(database, sql: "SELECT store FROM identity")
    let state = try String.fetchOne(database, sql: "SELECT store FROM state")
    guard let identity, let state else {
      throw StoreError.damaged(path, reason: "its identity or its state is missing")
    }
    guard utf8Equal(identity, state) else {
      throw StoreError.damaged(path, reason: "the log '\(path.string)-wal' is of another store")
    }
    return identity
  }
}
