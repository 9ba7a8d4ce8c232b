import Basics

/// A paper's claims as tables, one for each subject: paper, ours, verdict, and how it was decided.
struct ClaimTables {
  /// The rows of a `Reproduction` in JSON.
  let claims: [JSONObject]

  var markup: Markup {
    func text(_ claim: JSONObject, _ key: String) -> String { claim[key]?.stringValue ?? "" }
    var subjects: [String] = []
    for claim in claims
    where !subjects.contains(where: { utf8Equal($0, text(claim, "subject")) }) {
      subjects.append(text(claim, "subject"))
    }
    return subjects.map { subject -> Markup in
      var table = HTMLTable(columns: [
        .init("check"), .init("verdict"), .init("claim"), .init("paper"), .init("ours"),
        .init("how it was decided"),
      ])
      table.isStacked = true
      for claim in claims where utf8Equal(text(claim, "subject"), subject) {
        table.rows.append(
          ["id", "verdict", "claim", "paper", "ours", "note"].map { text(claim, $0) })
      }
      return "<h3>\(subject.isEmpty ? "In general" : subject)</h3>\n\(table.markup)\n"
    }.joined()
  }
}
