public import Basics

/// The report on a reproduction that attacks nothing: one page with the paper's claims and ours.
public struct ReproductionPage {
  private let record: RunRecord
  private let reproduction: JSONObject

  /// Whether a run is a finished reproduction without a corpus that is attacked.
  public static func isReproduction(_ record: RunRecord) -> Bool {
    record.description["command"]?.stringValue == "reproduce"
      && record.results?["reproduction"] != nil && record.description["plan"] == nil
  }

  /// A page on a run.
  ///
  /// - Parameter record: A run for which ``isReproduction(_:)`` holds.
  public init(_ record: RunRecord) {
    self.record = record
    reproduction = record.results?["reproduction"]?.objectValue ?? [:]
  }

  /// The file.
  public var html: String {
    let rows = reproduction.objects(named: "rows")
    let title = reproduction["paper"]?.stringValue ?? "A paper's claims"
    let holding = rows.count { $0["verdict"]?.stringValue == "holds" }
    var body: Markup = """
      <header><p class="soft">ragbench reproduce</p>
      <h1>\(title)</h1></header>
      <p>\(Format.count(holding)) of \(Format.count(rows.count)) checks hold. A claim that does not hold is a result, not an \
      error. Noise: \(record.description["noise"]?.stringValue ?? "none").</p>
      \(ClaimTables(claims: rows).markup)
      \(CurvatureTable(reproduction)?.markup ?? .empty)

      """
    body +=
      Provenance(
        description: record.description,
        lines: Provenance.time(record.timings?["seconds"]?.doubleValue)
      ).markup
    return Page(title: title, body: body).html
  }
}
