public import Basics
import GRDB
public import SystemPackage

/// Why a document store cannot do what it is asked.
public enum StoreError: ReportableError, Equatable {
  /// The directory holds no store.
  case missing(FilePath)
  /// A store is there already.
  case exists(FilePath)
  /// The file is no store of ours, or it is damaged; nothing was changed.
  case damaged(FilePath, reason: String)
  /// A later release wrote the store.
  case newerSchema(FilePath, found: Int, supported: Int)
  /// Another process keeps the database busy.
  case busy(FilePath)
  /// The database file or its directory cannot be opened or written.
  case cannotOpen(FilePath, reason: String)
  /// Reading or writing failed on the way.
  case inputOutput(FilePath, reason: String)
  /// A record that the store does not take.
  case record(id: String, reason: String)
  /// A document of this id with another content is in the store.
  case conflict(id: String, differences: [String])
  /// A chunk key that no chunk has.
  case unknownChunk(Int64)
  /// A retriever without embeddings in this store.
  case unknownRetriever(String)
  /// A vector that cannot be stored; the chunk and its document are named.
  case vector(chunk: Int64, document: String, reason: String)
  /// A request that means nothing, with the range or the reason.
  case request(String)
  /// Any other refusal of SQLite.
  case engine(FilePath, reason: String)

  /// 64 for a request, 65 for data, 66 missing, 73 cannot create, 74 I/O, 75 busy.
  public var exitStatus: ExitStatus {
    switch self {
    case .missing: .noInput
    case .exists, .cannotOpen: .cannotCreate
    case .damaged, .newerSchema, .record, .conflict, .vector, .unknownChunk, .unknownRetriever:
      .badData
    case .busy: .locked
    case .inputOutput: .inputOutput
    case .request: .usage
    case .engine: .failure
    }
  }

  /// One sentence that names the file or the record.
  public var description: String {
    switch self {
    case .missing(let path):
      "there is no document store at '\(path.shown)'; make one with: ragbench index build"
    case .exists(let path): "'\(path.shown)' is there already"
    case .damaged(let path, let reason):
      "'\(path.shown)' is damaged or not a document store: \(TerminalText.escaped(reason));"
        + " nothing was changed; restore it or rebuild it with: ragbench index build"
    case .newerSchema(let path, let found, let supported):
      "'\(path.shown)' has schema \(found), this release reads up to \(supported);"
        + " use the release that wrote it"
    case .busy(let path): "'\(path.shown)' is kept busy by another process"
    case .cannotOpen(let path, let reason):
      "cannot open '\(path.shown)': \(TerminalText.escaped(reason))"
    case .inputOutput(let path, let reason):
      "reading or writing '\(path.shown)' failed: \(TerminalText.escaped(reason));"
        + " what was committed before is intact"
    case .record(let id, let reason): "document '\(TerminalText.excerpt(id))': \(reason)"
    case .conflict(let id, let differences):
      "document '\(TerminalText.excerpt(id))' is in the store with another "
        + differences.joined(separator: ", another ") + "; ask to replace it if that is meant"
    case .unknownChunk(let key): "the store has no chunk \(key)"
    case .unknownRetriever(let identity):
      "the store has no embeddings of the retriever \(TerminalText.excerpt(identity, limit: 200))"
    case .vector(let chunk, let document, let reason):
      "the vector of chunk \(chunk) of document '\(TerminalText.excerpt(document))' \(reason)"
    case .request(let reason): reason
    case .engine(let path, let reason): "'\(path.shown)': \(TerminalText.escaped(reason))"
    }
  }
}

extension StoreError {
  /// What a refusal of SQLite means to the user.
  ///
  /// - Parameters:
  ///   - error: The refusal.
  ///   - path: The database file.
  init(_ error: DatabaseError, path: FilePath) {
    let reason = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
    switch error.resultCode {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
      self = .damaged(path, reason: reason)
    case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHORT_READ:
      self = .damaged(path, reason: "the file ends too early")
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path)
    case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
      self = .cannotOpen(path, reason: reason)
    case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM:
      self = .inputOutput(path, reason: reason)
    default: self = .engine(path, reason: reason)
    }
  }
}

/// Runs database work and gives its refusals the file's name and an exit status.
func reportingStoreErrors<Result>(_ path: FilePath, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let error as DatabaseError {
    throw StoreError(error, path: path)
  } catch let error as RowDecodingError {
    throw StoreError.damaged(path, reason: "a value has the wrong type: \(error)")
  }
}

extension Row {
  /// The value of a column; unlike the subscript it throws where damage left another type.
  func value<Value: DatabaseValueConvertible & StatementColumnConvertible>(
    _ index: Int
  ) throws -> Value {
    try decode(Value.self, atIndex: index)
  }
}
