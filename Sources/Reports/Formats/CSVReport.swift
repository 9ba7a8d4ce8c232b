import Basics

/// The figures behind the pictures as tables for a spreadsheet.
public struct CSVReport {
  private let data: ReportData

  /// Tables of a run.
  public init(_ data: ReportData) { self.data = data }

  /// The files by name.
  public var files: [(name: String, text: String)] {
    [
      ("success.csv", success), ("geometry.csv", geometry), ("detection.csv", detection),
      ("baselines.csv", baselines),
    ]
    .filter { $0.1.utf8.contains(UInt8(ascii: "\n")) }.map { (name: $0.0, text: $0.1) }
  }

  private static let axes = ReportData.Coordinates.axes

  private var success: String {
    var rows = [
      Self.axes + ["payload", "mode", "counted", "k", "successes", "trials", "rate", "low", "high"]
    ]
    for cell in data.cells {
      for mode in ["solo", "joint"] {
        for count in ["own", "any"] {
          for k in data.ks {
            guard let share = cell.success(k: k, mode: mode, count: count) else { continue }
            rows.append(
              cell.coordinates.names + [
                cell.payload, mode, count, "\(k)", "\(share.successes)", "\(share.trials)",
                "\(share.rate)", "\(share.interval.lowerBound)", "\(share.interval.upperBound)",
              ])
          }
        }
      }
    }
    return Self.text(rows)
  }

  private var geometry: String {
    var rows = [Self.axes + ["payload", "statistic", "mean", "q05", "median", "q95"]]
    for cell in data.cells {
      for name in cell.figures["geometry"]?.objectValue?.keys ?? [] {
        guard let value = cell.geometry(name) else { continue }
        rows.append(
          cell.coordinates.names + [
            cell.payload, name, "\(value.mean)", "\(value.low)", "\(value.median)",
            "\(value.high)",
          ])
      }
    }
    return Self.text(rows)
  }

  private var detection: String {
    var rows = [
      Self.axes + [
        "detector", "payload", "nominal", "unit", "found", "poison", "tpr", "tpr_low", "tpr_high",
        "auroc", "auprc", "clean_flagged", "evading", "attacked",
      ]
    ]
    for fit in data.fits {
      for payload in data.payloads {
        guard let cell = fit.reached(payload) else { continue }
        for rate in cell.objects(named: "truePositives") {
          let nominal = rate["nominal"]?.doubleValue ?? 0
          let unit = rate["unit"]?.stringValue ?? ""
          let interval = rate["interval"]?.arrayValue?.compactMap(\.doubleValue) ?? []
          let evading = rate["evading"]?.objectValue.flatMap { ReportData.Share($0) }
          let clean = fit.clean(at: nominal, per: unit)?["pairRate"]?.objectValue?["value"]
          func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
          rows.append(
            fit.coordinates.names + [
              fit.detector, payload, "\(nominal)", unit,
              rate["found"]?.intValue.map(String.init) ?? "",
              cell["positiveCount"]?.intValue.map(String.init) ?? "",
              number(rate["rate"]?.doubleValue), number(interval.first), number(interval.last),
              number(cell["auroc"]?.objectValue?["value"]?.doubleValue),
              number(cell["auprc"]?.objectValue?["value"]?.doubleValue),
              number(clean?.doubleValue), evading.map { "\($0.successes)" } ?? "",
              evading.map { "\($0.trials)" } ?? "",
            ])
        }
      }
    }
    return Self.text(rows)
  }

  private var baselines: String {
    var rows = [
      Self.axes + [
        "detector", "payload", "less", "auroc_difference", "low", "high", "p", "cell_p", "cell_q",
        "verdict",
      ]
    ]
    for row in BaselineTests(data).rows {
      for comparison in row.comparisons {
        rows.append(
          row.coordinates.names + [
            row.detector, row.payload, comparison.baseline, "\(comparison.difference)",
            "\(comparison.interval.lowerBound)", "\(comparison.interval.upperBound)",
            comparison.pValue.map { "\($0)" } ?? "", row.pValue.map { "\($0)" } ?? "",
            row.qValue.map { "\($0)" } ?? "", row.verdict.rawValue,
          ])
      }
    }
    return Self.text(rows)
  }

  /// RFC 4180 with `\n`; a header alone gives nothing.
  static func text(_ rows: [[String]]) -> String {
    guard rows.count > 1 else { return "" }
    return rows.map { row in row.map(field).joined(separator: ",") + "\n" }.joined()
  }

  /// A field in quotes where it needs them. One that a spreadsheet would take for a formula gets an
  /// apostrophe; controls but white space are shown as `U+XXXX`, because readers refuse NUL.
  private static func field(_ text: String) -> String {
    let text = text.unicodeScalars.reduce(into: "") { result, scalar in
      let isControl = scalar.properties.generalCategory == .control
      if isControl, !"\t\n\r".unicodeScalars.contains(scalar) {
        result += TerminalText.escaped(String(scalar))
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    let isFormula =
      text.unicodeScalars.first.map { "=+-@\t\r\n＝＋－＠".unicodeScalars.contains($0) } ?? false
    let safe = isFormula && Double(text) == nil ? "'" + text : text
    guard safe.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else { return safe }
    let quoted = safe.unicodeScalars.reduce(into: "") { result, scalar in
      result.unicodeScalars.append(scalar)
      if scalar == "\"" { result.unicodeScalars.append(scalar) }
    }
    return "\"" + quoted + "\""
  }
}
