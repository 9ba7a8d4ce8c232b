public import Basics

/// A comparison of two runs as Markdown, CSV and JSON.
public struct ComparisonTables {
  private let comparison: RunComparison

  /// Tables of a comparison.
  public init(_ comparison: RunComparison) { self.comparison = comparison }

  /// What every format says about the method.
  static let method =
    "Second run less first. Runs keep no outcome of a single question, so the two are compared as"
    + " independent samples: Newcombe's interval and Fisher's exact test for counts, intervals joined"
    + " by MOVER for AUROC and shares flagged. Where both asked the same questions the intervals are"
    + " wider than paired ones. q: p corrected within a metric after Benjamini and Hochberg."

  /// The lines of the summary: what is compared, and what was found in each metric.
  public static func summary(_ comparison: RunComparison) -> [String] {
    var lines = comparison.comparedAxes.map { "\($0.axis): \($0.first) → \($0.second)" }
    for metric in RunComparison.Metric.allCases {
      let rows = comparison.rows(of: metric)
      guard !rows.isEmpty else { continue }
      let found = rows.filter(\.isFound)
      let up = found.count { $0.difference > 0 }
      lines.append(
        "\(metric.rawValue): \(Format.count(rows.count)) cells compared, \(up) higher and"
          + " \(found.count - up) lower at q ≤ 0.05, \(rows.count - found.count) undecided")
    }
    lines += [
      "only in the first: \(comparison.onlyInFirst.count) figures, only in the second:"
        + " \(comparison.onlyInSecond.count)"
    ]
    return lines
  }

  /// The tables for a pull request.
  public var markdown: String {
    func plain(_ text: String) -> String { MarkdownReport.plain(TextCut.marked(text, to: 200)) }
    let names = comparison.names
    var parts = ["# \(plain(names.first)) → \(plain(names.second))"]
    parts.append(Self.summary(comparison).map { "- " + plain($0) }.joined(separator: "\n"))
    for metric in RunComparison.Metric.allCases {
      let rows = comparison.rows(of: metric)
      guard !rows.isEmpty else { continue }
      let head =
        comparison.varyingAxes + ["payload", "of", "first", "second", "difference", "p", "q"]
      let table = MarkdownReport.table(
        head, rows.map { Self.cells(of: $0, comparison) }, numbers: 5)
      parts.append("## \(metric.rawValue), percent\n\n" + table)
    }
    if !comparison.configuration.isEmpty {
      let table = MarkdownReport.table(
        ["setting", "first", "second"],
        comparison.configuration.map { [$0.key, $0.old, $0.new].map { TextCut.cut($0, to: 200) } },
        numbers: 0)
      parts.append("## Settings that differ\n\n" + table)
    }
    parts.append(Self.method)
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// A row as text: percent, with the interval of the difference; found differences bear a star.
  static func cells(of row: RunComparison.Row, _ comparison: RunComparison) -> [String] {
    func percent(_ value: Double) -> String { Format.decimals(100 * value, 1) }
    func number(_ value: Double?) -> String {
      value.map { $0 < 0.0001 ? "< 0.0001" : Format.decimals($0, 4) } ?? "n/a"
    }
    let sign = row.difference > 0 ? "+" : ""
    return comparison.varyingAxes.map { row.coordinates[$0] } + [
      row.payload, row.detail, percent(row.first), percent(row.second),
      "\(sign)\(percent(row.difference)) [\(percent(row.interval.lowerBound)),"
        + " \(percent(row.interval.upperBound))]" + (row.isFound ? " *" : ""),
      number(row.pValue), number(row.qValue),
    ]
  }

  /// All rows with all digits.
  public var csv: String {
    let head =
      ReportData.Coordinates.axes + [
        "payload", "of", "metric", "first", "second", "difference", "low", "high", "p", "q",
      ]
    return CSVReport.text(
      [head]
        + comparison.rows.map { row in
          row.coordinates.names + [
            row.payload, row.detail, row.metric.rawValue, "\(row.first)", "\(row.second)",
            "\(row.difference)", "\(row.interval.lowerBound)", "\(row.interval.upperBound)",
            row.pValue.map { "\($0)" } ?? "", row.qValue.map { "\($0)" } ?? "",
          ]
        })
  }

  /// Everything.
  public var json: JSONObject {
    let rows = comparison.rows.map { row -> JSONValue in
      var object = JSONObject(
        zip(ReportData.Coordinates.axes, row.coordinates.names).map { ($0, .string($1)) })
      object["payload"] = .string(row.payload)
      object["of"] = .string(row.detail)
      object["metric"] = .string(row.metric.rawValue)
      object["first"] = .number(row.first)
      object["second"] = .number(row.second)
      object["difference"] = .number(row.difference)
      object["interval"] = .array([
        .number(row.interval.lowerBound), .number(row.interval.upperBound),
      ])
      object["p"] = row.pValue.map { .number($0) } ?? .null
      object["q"] = row.qValue.map { .number($0) } ?? .null
      return .object(object)
    }
    return [
      "first": .string(comparison.names.first), "second": .string(comparison.names.second),
      "method": .string(Self.method),
      "compared": .array(
        comparison.comparedAxes.map {
          ["axis": .string($0.axis), "first": .string($0.first), "second": .string($0.second)]
        }), "rows": .array(rows),
      "onlyInFirst": .array(comparison.onlyInFirst.map { .string($0) }),
      "onlyInSecond": .array(comparison.onlyInSecond.map { .string($0) }),
      "configuration": .array(
        comparison.configuration.map {
          ["key": .string($0.key), "first": .string($0.old), "second": .string($0.new)]
        }),
    ]
  }
}
