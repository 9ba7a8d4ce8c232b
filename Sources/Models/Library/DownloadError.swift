public import Basics

/// A download that failed, in one sentence with the address.
public struct DownloadError: ReportableError, Equatable {
  /// What went wrong.
  public enum Reason: Sendable, Equatable {
    /// The host has no such file (404, 410).
    case notFound
    /// The host answered with another status.
    case status(Int)
    /// The host cannot be reached, or the connection broke too often.
    case connection(String)
    /// The host answered with something that is not the file.
    case content(String)
    /// The program that downloads is missing or failed.
    case tool(String)
  }

  /// The address or package.
  public var address: String
  /// What went wrong.
  public var reason: Reason

  /// 66 for a missing file, 65 for wrong content, 74 for everything else.
  public var exitStatus: ExitStatus {
    switch reason {
    case .notFound: .noInput
    case .content: .badData
    case .status, .connection, .tool: .inputOutput
    }
  }

  /// One sentence, safe for a terminal.
  public var description: String {
    let shown = "cannot download '\(TerminalText.escaped(address))': "
    switch reason {
    case .notFound: return shown + "the host has no such file"
    case .status(let code) where code == 401 || code == 403:
      return shown + "the host answered \(code): there is no such repository, or it needs a login"
    case .status(let code): return shown + "the host answered \(code)"
    case .connection(let text), .content(let text), .tool(let text):
      return shown + TerminalText.escaped(text)
    }
  }
}
