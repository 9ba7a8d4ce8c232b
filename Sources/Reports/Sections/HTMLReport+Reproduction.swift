/// A paper's claims: paper, ours, verdict.
extension HTMLReport {
  var reproduction: Markup {
    guard !data.claims.isEmpty else { return .empty }
    return """
      <h2>Paper and ours</h2>
      <p>Each claim as the installed encoders can test it. A claim that does not hold is a result, not an error; L1 to L5 \
      are what the paper does not measure.</p>
      \(ClaimTables(claims: data.claims).markup)
      """
  }
}
