public import Basics

/// A paper's claims beside what was measured here.
public struct Reproduction: Sendable {
  /// What became of a claim.
  public enum Verdict: String, Sendable, CaseIterable {
    /// Measured, and so.
    case holds
    /// Measured, and not so.
    case doesNotHold = "does not hold"
    /// What it takes is not installed, or cannot exist for this encoder.
    case notTestable = "not testable here"
    /// The paper does not ask; measured all the same.
    case notInPaper = "not in the paper"
  }

  /// One claim.
  public struct Row: Sendable, Equatable {
    /// The number of the check, for example `R7`.
    public var id: String
    /// The retriever it is measured with; empty for a claim about all of them.
    public var subject: String
    /// What is claimed.
    public var claim: String
    /// The paper's figure, or what is expected of it.
    public var paper: String
    /// Ours, with numerator, denominator and interval where it is a share.
    public var ours: String
    /// What follows.
    public var verdict: Verdict
    /// How it was decided, or what is missing.
    public var note: String

    /// A claim.
    public init(
      id: String, subject: String = "", claim: String, paper: String, ours: String,
      verdict: Verdict, note: String
    ) {
      self.id = id
      self.subject = subject
      self.claim = claim
      self.paper = paper
      self.ours = ours
      self.verdict = verdict
      self.note = note
    }
  }

  /// The paper.
  public var paper: String
  /// The claims in their order.
  public var rows: [Row]

  /// The rows as JSON.
  public var json: JSONObject {
    [
      "paper": .string(paper),
      "rows": .array(
        rows.map {
          .object([
            "id": .string($0.id), "subject": .string($0.subject), "claim": .string($0.claim),
            "paper": .string($0.paper),
            "ours": .string($0.ours), "verdict": .string($0.verdict.rawValue),
            "note": .string($0.note),
          ])
        }),
    ]
  }

  /// The rows for a terminal: a title and a table for each subject.
  public var sections: [(title: String, table: TextTable)] {
    var sections: [(title: String, table: TextTable)] = []
    for row in rows {
      let title = row.subject.isEmpty ? paper : row.subject
      if !sections.contains(where: { utf8Equal($0.title, title) }) {
        sections.append(
          (
            title,
            TextTable([
              .init("check"), .init("verdict"), .init("claim"), .init("paper"), .init("ours"),
            ])
          ))
      }
      for index in sections.indices where utf8Equal(sections[index].title, title) {
        sections[index].table.append(
          [row.id, row.verdict.rawValue, row.claim, row.paper, row.ours])
      }
    }
    return sections
  }
}
