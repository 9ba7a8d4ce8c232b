import Basics

/// The table of success for a paper: `booktabs`, one row a unit, one column a payload kind.
public struct LaTeXReport {
  private let data: ReportData

  /// A report of a run.
  public init(_ data: ReportData) { self.data = data }

  /// The file; it needs `\usepackage{booktabs}`.
  public var text: String {
    let k = data.ks.first ?? 1
    let axes = data.varyingAxes
    let columns =
      String(repeating: "l", count: axes.count) + String(repeating: "r", count: data.payloads.count)
    var lines = [
      "% \\usepackage{booktabs}", "\\begin{tabular}{\(columns)}", "\\toprule",
      Self.row(axes + data.payloads), "\\midrule",
    ]
    for unit in data.units {
      lines.append(
        Self.row(
          axes.map { unit[$0] }
            + data.payloads.map { payload in
              data.cell(at: unit, payload: payload)?.success(k: k, mode: "solo").map {
                Format.decimals(100 * $0.rate, 1)
              } ?? "--"
            }))
    }
    lines += ["\\bottomrule", "\\end{tabular}"]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func row(_ cells: [String]) -> String {
    cells.map(escaped).joined(separator: " & ") + " \\\\"
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in TerminalText.escaped(TextCut.cut(text, to: 200)).unicodeScalars {
      switch scalar {
      case "\\": result += "\\textbackslash{}"
      case "~": result += "\\textasciitilde{}"
      case "^": result += "\\textasciicircum{}"
      case "&", "%", "$", "#", "_", "{", "}":
        result += "\\"
        result.unicodeScalars.append(scalar)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
