public import Basics

/// What stood against a private step at each evaluation of a public phase, as a reproduction measured it.
public struct CurvatureTable {
  /// Whose phase it was.
  public let name: String
  /// The column heads.
  public static let columns = [
    "step", "held-out loss", "GᵀHG", "tr(HΣ)/B", "decelerator", "its share", "B*",
  ]
  /// One row an evaluation; `n/a` where the curvature is indefinite.
  public let rows: [[String]]

  /// The phase of the first seed; nil if nothing of the kind was measured.
  ///
  /// - Parameter reproduction: The `reproduction` of `results.json`.
  public init?(_ reproduction: JSONObject) {
    let parts = reproduction["parts"]?.objectValue?.members ?? []
    guard
      let part = parts.first(where: { $0.1.objectValue?["evaluations"]?.arrayValue != nil }),
      let entries = part.1.objectValue?.objects(named: "evaluations"), !entries.isEmpty
    else { return nil }
    name = part.0
    rows = entries.map { entry in
      func number(_ key: String, _ digits: Int) -> String {
        entry[key]?.doubleValue.map { Format.decimals($0, digits) } ?? "n/a"
      }
      return [
        number("step", 0), number("loss", 3), number("alongGradient", 5), number("sampling", 5),
        number("decelerator", 5),
        entry["deceleratorShare"]?.doubleValue.map { Format.percent($0) } ?? "n/a",
        number("bestBatch", 0),
      ]
    }
  }

  var markup: Markup {
    var table = HTMLTable(columns: Self.columns.map { .init($0, number: true) })
    table.rows = rows
    return """
      <h2>What stands against a private step</h2>
      <p>At each evaluation of the public phase (\(name)), measured on public records: the curvature along the \
      gradient, the sampling of a batch, the noise (the decelerator) with its share of the three, and the batch that gains \
      most for each record.</p>
      \(table.markup)

      """
  }
}
