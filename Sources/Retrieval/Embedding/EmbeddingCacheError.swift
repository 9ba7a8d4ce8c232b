public import Basics
import GRDB
public import SystemPackage

/// Why the cache of embeddings cannot be used; it can always be deleted.
public struct EmbeddingCacheError: ReportableError, Equatable {
  /// The cache's file.
  public var path: FilePath
  /// What is wrong with it, as SQLite says.
  public var reason: String
  /// 65 damaged, 73 cannot be opened, 74 reading or writing failed, 75 kept busy.
  public var exitStatus: ExitStatus

  /// What a refusal of SQLite means to the user.
  init(_ error: DatabaseError, path: FilePath) {
    self.path = path
    reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED: exitStatus = .locked
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH: exitStatus = .cannotCreate
    case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHORT_READ:
      exitStatus = .badData
    case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM: exitStatus = .inputOutput
    default: exitStatus = .badData
    }
  }

  /// One sentence that names the file and what helps.
  public var description: String {
    let advice =
      switch exitStatus {
      case .badData:
        "; delete it and repeat the command: it holds only what can be computed again"
      case .locked: "; another process keeps it busy, repeat the command"
      default: ""
      }
    return "cannot use the cache of embeddings '\(path.shown)': "
      + TerminalText.escaped(reason) + advice
  }
}

/// Runs work on the cache and gives SQLite's refusals the file's name and an exit status.
func reportingCacheErrors<Result>(_ path: FilePath, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as DatabaseError {
    throw EmbeddingCacheError(error, path: path)
  }
}
