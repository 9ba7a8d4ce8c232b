import Basics
import Privacy

/// C1: reference values of four libraries.
struct AccountantTable: PaperExperiment {
  /// How many rows agree, and the largest difference over its tolerance.
  private static func compare(
    _ rows: [AccountantReference], _ differences: (AccountantReference) throws -> [Double]
  ) throws -> JSONObject {
    let worst = try rows.map { row in try differences(row).max() ?? .infinity }
    return [
      "rows": JSONValue(rows.count), "agree": JSONValue(worst.count { $0 <= 1 }),
      "worst": .number(worst.max() ?? 0),
    ]
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "C1 RDP") {
        try Self.compare(AccountantReferences.renyi) { row in
          let found = try RenyiAccountant(orders: AccountantReferences.orders)
            .epsilon(of: [row.phase()], delta: row.delta)
          return [abs(found - row.epsilon) / row.tolerance]
        }
      },
      ExperimentPart(name: "C1 PRV") {
        try Self.compare(AccountantReferences.lossVariables) { row in
          let found = try PRVAccountant().bounds(of: [row.phase()], delta: row.delta)
          return [abs(found.estimate - row.epsilon) / row.tolerance]
            + (row.published.map { [abs(found.upper - $0) / 0.002] } ?? [])
        }
      },
      ExperimentPart(name: "C1 GDP") {
        try Self.compare(AccountantReferences.gaussian) { row in
          let found = try GaussianApproximation.epsilon(of: [row.phase()], delta: row.delta)
          return [abs(found - row.epsilon) / row.tolerance]
        }
      },
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    func row(_ name: String, _ claim: String, _ note: String) throws -> Reproduction.Row {
      let result = try results[name]
      let (rows, agree) = (try result.int("rows"), try result.int("agree"))
      return .init(
        id: "C1", claim: claim, paper: "all",
        ours:
          "\(agree) of \(rows); largest difference \(Format.decimals(try result.double("worst"), 2)) of what is allowed",
        verdict: .of(agree == rows), note: note)
    }
    return [
      try row(
        "C1 RDP", "ε by Rényi divergences, to the digits given", "half a unit of the last digit"),
      try row(
        "C1 PRV", "ε by loss variables: figure within 0.0005, upper bound within 0.002",
        "published values have an upper bound in twelve rows"),
      try row(
        "C1 GDP", "ε by the central limit, to the digits given", "an approximation, no bound"),
    ]
  }
}
