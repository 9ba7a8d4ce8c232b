import Basics
import CFaiss

/// FAISS as a whole: its version, its threads, its statuses.
public enum FaissLibrary {
  /// The version compiled in, such as `1.7.3`.
  public static var version: String { String(cString: rbf_version()) }

  /// Threads that one call may use; all processors until it is set.
  public static var threads: Int { Int(rbf_threads()) }

  /// Sets the threads that one call may use, for the whole process; answers do not depend on it.
  ///
  /// - Parameter threads: 1 to 1,024.
  /// - Throws: `VectorIndexError.limit`.
  public static func setThreads(_ threads: Int) throws {
    guard (1...1024).contains(threads) else {
      throw VectorIndexError.limit(name: "threads", value: threads, range: "1 to 1024")
    }
    try check(rbf_set_threads(Int32(threads)), "set threads")
  }

  /// Turns a status of the shim into an error.
  static func check(_ status: rbf_status, _ operation: String) throws {
    if status == RBF_OK { return }
    let said = String(cString: rbf_last_message())
    let message =
      switch status {
      case RBF_MEMORY: "out of memory"
      case RBF_INPUT where said.isEmpty: "the bytes are no index"
      default: said.isEmpty ? "FAISS failed without a reason" : TerminalText.escaped(said)
      }
    throw VectorIndexError.engine(operation: operation, message: message)
  }
}
