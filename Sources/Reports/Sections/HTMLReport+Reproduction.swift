import Basics

/// A paper's claims: paper, ours, verdict.
extension HTMLReport {
  var reproduction: Markup {
    guard !data.claims.isEmpty else { return .empty }
    func text(_ claim: JSONObject, _ key: String) -> String { claim[key]?.stringValue ?? "" }
    var subjects: [String] = []
    for claim in data.claims
    where !subjects.contains(where: { utf8Equal($0, text(claim, "subject")) }) {
      subjects.append(text(claim, "subject"))
    }
    let tables = subjects.map { subject -> Markup in
      var table = HTMLTable(columns: [
        .init("check"), .init("verdict"), .init("claim"), .init("paper"), .init("ours"),
        .init("how it was decided"),
      ])
      table.isStacked = true
      for claim in data.claims where utf8Equal(text(claim, "subject"), subject) {
        table.rows.append(
          ["id", "verdict", "claim", "paper", "ours", "note"].map { text(claim, $0) })
      }
      return "<h3>\(subject.isEmpty ? "In general" : subject)</h3>\n\(table.markup)\n"
    }
    return """
      <h2>Paper and ours</h2>
      <p>Each claim as the installed encoders can test it. A claim that does not hold is a result, not an error; L1 to L5 \
      are what the paper does not measure.</p>
      \(tables.joined())
      """
  }
}
