public import Basics

/// Why a detector cannot be fitted, used, saved or loaded.
public enum DetectorError: ReportableError, Equatable {
  /// A list that cannot be judged.
  case list(query: String, reason: String)
  /// A vector that no detector can use.
  case vector(record: String, fault: String)
  /// Clean anchors that do not suffice.
  case anchors(found: Int, needed: Int, what: String)
  /// The numbers of the anchors give no model.
  case fit(detector: String, reason: String)
  /// The detector was fitted on vectors of another retriever.
  case retriever(member: String, detector: String, found: String)
  /// Another dimension than that of the anchors.
  case dimension(expected: Int, found: Int)

  /// 65: the data do not allow it.
  public var exitStatus: ExitStatus { .badData }

  /// One sentence with the values.
  public var description: String {
    switch self {
    case .list(let query, let reason): "query '\(TerminalText.excerpt(query))': \(reason)"
    case .vector(let record, let fault): "'\(TerminalText.excerpt(record))': \(fault)"
    case .anchors(let found, let needed, let what):
      "\(what): found \(found), needed at least \(needed)"
    case .fit(let detector, let reason): "detector '\(detector)' cannot be fitted: \(reason)"
    case .retriever(let member, let detector, let found):
      "the detector was fitted on vectors of another retriever: its \(member) is "
        + "'\(TerminalText.excerpt(detector))', here it is '\(TerminalText.excerpt(found))'; "
        + "fit it again with: ragbench detect fit"
    case .dimension(let expected, let found):
      "the detector was fitted in \(expected) dimensions, the vectors have \(found)"
    }
  }
}
