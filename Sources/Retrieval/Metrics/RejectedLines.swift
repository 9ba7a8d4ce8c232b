public import Basics

/// More malformed lines in a file than the caller accepts: exit status 65.
///
/// The file was read to its end, so that every reject is listed; nothing of it is used.
public struct RejectedLines: ReportableError, Equatable {
  /// The file.
  public let file: String
  /// The error of each malformed line, in the order of the file.
  public let rejects: [InputError]
  /// How many the caller accepts.
  public let limit: Int

  /// Always `badData`.
  public var exitStatus: ExitStatus { .badData }

  /// The number of rejects and the first ten of them.
  public var description: String {
    let shown = rejects.prefix(10).map { "\n  \($0)" }.joined()
    let hidden = rejects.count > 10 ? "\n  and \(rejects.count - 10) more" : ""
    return "\(TerminalText.escaped(file)): \(rejects.count) malformed "
      + (rejects.count == 1 ? "line" : "lines") + ", at most \(limit) accepted:" + shown + hidden
  }
}
