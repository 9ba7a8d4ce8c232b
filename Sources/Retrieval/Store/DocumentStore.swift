import Basics
import GRDB
import Glibc
import Synchronization
public import SystemPackage

/// The documents of one corpus with their chunks, embeddings and origins, in one SQLite file.
///
/// The store is the source of truth; index files are derived from it. Every change is a transaction
/// that is synced before the call returns (`synchronous = FULL`: transactions hold up to a thousand
/// documents, so a sync each costs little, and a derived file never names a generation that a power
/// failure takes back). A process that is killed at any instant loses nothing it was told is done.
/// Many processes may read while one writes; a second writer is refused. The calls block, so keep
/// them off the cooperative thread pool.
public final class DocumentStore: Sendable {
  /// What a store is opened for.
  public enum Access: Sendable {
    /// Reading only, beside any writer.
    case reading
    /// Reading and writing, with the write lock.
    case writing
  }

  /// The name of the database file in the store's directory.
  public static let fileName = "store.sqlite"
  /// The name of the write lock in the store's directory.
  public static let lockName = "store.lock"

  /// The database file.
  public let path: FilePath
  /// What the store was opened for.
  public let access: Access
  /// A random name given when the store was made.
  public let name: String
  /// What to tell the user if the write lock was taken over from a dead owner.
  public let warning: String?

  let pool: DatabasePool
  private let lock: Mutex<FileLock?>

  private init(
    path: FilePath, access: Access, name: String, pool: DatabasePool, lock: FileLock?
  ) {
    self.path = path
    self.access = access
    self.name = name
    self.pool = pool
    warning = lock?.warning
    self.lock = Mutex(lock)
  }

  /// Makes an empty store and opens it for writing.
  ///
  /// - Parameters:
  ///   - directory: Its directory, created if missing.
  ///   - wait: How long to wait for another writer.
  /// - Returns: The store.
  /// - Throws: `StoreError.exists`, `LockedError`, or `FileError` with exit status 73 or 74.
  public static func create(
    in directory: FilePath, wait: Duration = .zero
  ) throws -> DocumentStore {
    try DirectoryListing.create(directory)
    let lock = try FileLock(directory.appending(lockName), wait: wait)
    let path = directory.appending(fileName)
    guard !exists(in: directory) else { throw StoreError.exists(path) }
    for suffix in ["-wal", "-shm", "-journal"] {
      // Logs without their store belong to one that was deleted; SQLite would replay them.
      try? LiveFileSystem().unlink(FilePath(path.string + suffix))
    }
    AtomicFile.removeAbandoned(in: directory)
    let unique = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
    try StoreSchema.createFile(at: path, name: unique.joined(separator: "-"))
    return try open(path, access: .writing, lock: lock)
  }

  /// Opens a store.
  ///
  /// The file is first inspected without the power to change it. A file that is damaged, of a later
  /// release, or with the write-ahead log of another store is refused as it is.
  ///
  /// - Parameters:
  ///   - directory: Its directory.
  ///   - access: Reading or writing.
  ///   - wait: How long to wait for another writer.
  /// - Returns: The store.
  /// - Throws: `StoreError`; `LockedError` if another process writes.
  public static func open(
    in directory: FilePath, for access: Access = .reading, wait: Duration = .zero
  ) throws -> DocumentStore {
    let path = directory.appending(fileName)
    guard exists(in: directory) else { throw StoreError.missing(path) }
    let lock =
      access == .writing
      ? try FileLock(directory.appending(lockName), wait: wait) : nil
    return try open(path, access: access, lock: lock)
  }

  /// Whether a directory holds the file of a store, sound or not.
  public static func exists(in directory: FilePath) -> Bool {
    (try? LiveFileSystem().linkStatus(directory.appending(fileName))) != nil
  }

  private static func open(
    _ path: FilePath, access: Access, lock: FileLock?
  ) throws -> DocumentStore {
    let name = try StoreInspection(path).run()
    let pool = try reportingStoreErrors(path) {
      let pool = try DatabasePool(
        path: path.string, configuration: configuration(readOnly: access == .reading))
      if access == .writing {
        try pool.writeWithoutTransaction { database in
          // The pool itself sets NORMAL.
          try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        try StoreSchema.migrator.migrate(pool)
      }
      return pool
    }
    let store = DocumentStore(path: path, access: access, name: name, pool: pool, lock: lock)
    // The first transaction puts the store's name into a fresh log, and shows whether the disk
    // takes writes at all.
    if access == .writing { try store.write { _ in } }
    return store
  }

  /// How every connection is set up.
  static func configuration(readOnly: Bool) -> Configuration {
    var configuration = Configuration()
    configuration.readonly = readOnly
    configuration.busyMode = .timeout(10)
    configuration.label = "ragbench.store"
    return configuration
  }

  /// Closes all connections; the last writer to close merges the log into the file and removes it,
  /// and the write lock is released.
  ///
  /// Without a call this happens when the store goes away.
  ///
  /// - Throws: `StoreError` if a connection is in use.
  public func close() throws {
    // The pool closes its writer first, and a reader left behind cannot merge the log.
    pool.invalidateReadOnlyConnections()
    try reportingStoreErrors(path) { try pool.close() }
    lock.withLock { $0 = nil }
  }

  /// Generation, checksum and counts of one moment.
  ///
  /// - Returns: The state.
  /// - Throws: `StoreError`.
  public func state() throws -> StoreState {
    try read { try Self.state(in: $0, path: self.path) }
  }

  static func state(in database: Database, path: FilePath) throws -> StoreState {
    guard
      let row = try Row.fetchOne(
        database, sql: "SELECT generation, checksum, documents, chunks FROM state"),
      let checksum = ContentChecksum(try row.value(1))
    else { throw StoreError.damaged(path, reason: "its state is missing") }
    return try StoreState(
      generation: row.value(0), checksum: checksum.digits, documents: row.value(2),
      chunks: row.value(3))
  }

  /// Runs reads in one snapshot.
  func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
    try reportingStoreErrors(path) { try pool.read(body) }
  }

  /// Runs one transaction.
  func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
    guard access == .writing else {
      throw StoreError.cannotOpen(path, reason: "it was opened for reading")
    }
    return try reportingStoreErrors(path) {
      try pool.write { database in
        let result = try body(database)
        try database.cachedStatement(
          sql: "UPDATE state SET store = ?, commits = commits + 1"
        ).execute(arguments: [name])
        return result
      }
    }
  }
}
