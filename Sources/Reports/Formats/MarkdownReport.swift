import Basics

/// The main tables for a pull request or a README.
public struct MarkdownReport {
  private let data: ReportData

  /// A report of a run.
  public init(_ data: ReportData) { self.data = data }

  /// The file.
  public var text: String {
    var parts = [
      "# \(Self.plain(TextCut.marked(data.title, to: Markup.maximumText)))", corpora,
    ]
    if !data.cells.isEmpty { parts.append(success) }
    if !data.fits.isEmpty { parts.append(detection) }
    let tests = BaselineTests(data)
    if !tests.rows.isEmpty { parts.append(baselines(tests)) }
    return parts.joined(separator: "\n\n") + "\n"
  }

  private var corpora: String {
    data.corpora.map { corpus in
      "Corpus \(Self.plain(TextCut.marked(corpus["name"]?.stringValue ?? "", to: 200))):"
        + " \(Format.count(corpus["passages"]?.intValue ?? 0)) passages,"
        + " `\((corpus["checksum"]?.stringValue ?? "").prefix(12))`."
    }.joined(separator: "\n")
  }

  private var success: String {
    let k = data.ks.first ?? 1
    let rows = data.units.map { unit in
      data.varyingAxes.map { unit[$0] }
        + data.payloads.map { payload in
          let share = data.cell(at: unit, payload: payload)?.success(k: k, mode: "solo")
          return share.map {
            "\(Format.decimals(100 * $0.rate, 1)) [\(Format.decimals(100 * $0.interval.lowerBound, 1)),"
              + " \(Format.decimals(100 * $0.interval.upperBound, 1))]"
          } ?? "n/a"
        }
    }
    return "## success@\(k), solo, percent with Wilson 95 % intervals\n\n"
      + Self.table(data.varyingAxes + data.payloads, rows, numbers: data.payloads.count)
  }

  private var detection: String {
    let rows = data.fits.map { fit in
      data.varyingAxes.map { fit.coordinates[$0] } + [fit.detector]
        + data.payloads.map { payload in
          Self.percent(fit.found(payload, at: HTMLReport.nominal)?["rate"]?.doubleValue)
        } + [
          Self.percent(
            fit.clean(at: HTMLReport.nominal)?["pairRate"]?.objectValue?["value"]?.doubleValue)
        ]
    }
    return "## Percent of poison flagged at a nominal 5 % of clean passages\n\n"
      + Self.table(
        data.varyingAxes + ["detector"] + data.payloads + ["clean"], rows,
        numbers: data.payloads.count + 1)
  }

  private func baselines(_ tests: BaselineTests) -> String {
    let verdicts: [BaselineTests.Verdict] = [.beats, .undecided, .equal, .fallsShort]
    let rows = tests.summary.map { detector, counts, median in
      [detector] + verdicts.map { "\(counts[$0] ?? 0)" } + [HTMLReport.signed(median)]
    }
    let names = tests.baselines.map(Self.plain).joined(separator: " and ")
    return "## Cells in which the AUROC is larger than that of \(names) (q ≤ 0.05)\n\n"
      + Self.table(
        ["detector"] + verdicts.map(\.rawValue) + ["median difference"], rows, numbers: 5)
  }

  private static func percent(_ rate: Double?) -> String {
    rate.map { Format.decimals(100 * $0, 1) } ?? "n/a"
  }

  static func table(_ head: [String], _ rows: [[String]], numbers: Int) -> String {
    let rule = head.indices.map { $0 >= head.count - numbers ? "---:" : "---" }
    func cells(_ row: [String]) -> [String] {
      row.map { plain(TextCut.marked($0, to: Markup.maximumText)) }
    }
    return ([cells(head), rule] + rows.map(cells))
      .map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
  }

  /// Text in which nothing is Markdown or HTML.
  static func plain(_ text: String) -> String {
    var result = ""
    for scalar in TerminalText.escaped(text).unicodeScalars {
      if "\\`*_{}[]<>()#+!|&~".unicodeScalars.contains(scalar) {
        result.unicodeScalars.append("\\")
      }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}
