import Basics

/// The comparison of two runs that a person reads: one page that stands on its own.
public struct ComparisonPage {
  /// Differences that are drawn in each metric: those of the least p-values.
  private static let maximumDrawn = 40
  /// Names that are listed.
  private static let maximumNames = 50

  private let comparison: RunComparison

  /// A page of a comparison.
  public init(_ comparison: RunComparison) { self.comparison = comparison }

  /// The file.
  public var html: String {
    let names = comparison.names
    let title = "\(names.first) → \(names.second)"
    let metrics = RunComparison.Metric.allCases.map(section)
    var body: Markup = """
      <header><p class="soft">ragbench report, two runs</p>
      <h1>\(title)</h1></header>
      <ul>
      \(ComparisonTables.summary(comparison).map { line -> Markup in "<li>\(line)</li>\n" }.joined())\
      </ul>
      <p class="soft">\(ComparisonTables.method)</p>

      """
    let end =
      missing("first", comparison.onlyInFirst) + missing("second", comparison.onlyInSecond)
      + configuration
    let room =
      HTMLReport.maximumBytes - Page(title: title, body: body + end).html.utf8.count - 4096
    var used = 0
    for section in metrics {
      used += section.text.utf8.count
      body +=
        used <= room
        ? section
        : "<p class=\"soft\">A table is left out for its length; the CSV file has it.</p>\n"
    }
    return Page(title: title, body: body + end).html
  }

  private func section(_ metric: RunComparison.Metric) -> Markup {
    let rows = comparison.rows(of: metric)
    guard !rows.isEmpty else { return .empty }
    let ordered = rows.indices.sorted { (rows[$0].pValue ?? 2, $0) < (rows[$1].pValue ?? 2, $1) }
    // In the order of the run, so that neighbours stand together.
    let drawn = ordered.prefix(Self.maximumDrawn).sorted().map { rows[$0] }
    let reach = drawn.map { max($0.interval.upperBound, -$0.interval.lowerBound) }.max() ?? 1
    let edge = min(1, max(0.1, (reach * 10).rounded(.up) / 10))
    let chart = RangeChart(
      label: "differences of \(metric.rawValue)", unit: "second less first, percent",
      range: -100 * edge...100 * edge,
      rows: drawn.map { row in
        .init(
          group: comparison.name(of: row), name: "\(row.payload) · \(row.detail)",
          low: 100 * row.interval.lowerBound, middle: 100 * row.difference,
          high: 100 * row.interval.upperBound, mark: 0)
      })
    var table = HTMLTable(
      columns: comparison.varyingAxes.map { .init($0) } + [.init("payload"), .init("of")]
        + ["first", "second", "difference", "p", "q"].map { .init($0, number: true) })
    table.rows = ordered.map { ComparisonTables.cells(of: rows[$0], comparison) }
    let meaning: Markup =
      metric.isGood
      ? "Right of the mark the second run is better for the defender."
      : "Right of the mark the second run is worse for the defender."
    return """
      <h2>\(metric.rawValue)</h2>
      <figure>\(chart.markup)<figcaption>The \(drawn.count) differences of least p-value with 95 % intervals. \(
        meaning)</figcaption></figure>
      <details><summary>All \(rows.count) cells, by p-value</summary>
      \(table.markup)
      <p class="soft">Percent. A star: q ≤ 0.05.</p></details>

      """
  }

  private func missing(_ which: String, _ names: [String]) -> Markup {
    guard !names.isEmpty else { return .empty }
    let shown = names.prefix(Self.maximumNames).map { name -> Markup in "<li>\(name)</li>\n" }
    let more: Markup =
      names.count > Self.maximumNames
      ? "<p class=\"soft\">\(names.count - Self.maximumNames) more are in comparison.json.</p>\n"
      : .empty
    return """
      <h2>Only in the \(which) run</h2>
      <details><summary>\(names.count) figures</summary><ul>
      \(shown.joined())</ul>\(more)</details>

      """
  }

  private var configuration: Markup {
    guard !comparison.configuration.isEmpty else {
      return "<h2>Settings</h2>\n<p>Both runs have the same settings.</p>\n"
    }
    var table = HTMLTable(columns: [.init("setting"), .init("first"), .init("second")])
    table.isStacked = true
    table.limit = 100
    table.rows = comparison.configuration.map { [$0.key, $0.old, $0.new] }
    return "<h2>Settings that differ</h2>\n\(table.markup)\n"
  }
}
