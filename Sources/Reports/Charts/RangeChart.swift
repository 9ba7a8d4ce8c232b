import Basics

/// For each line a range with a dot in it, and a mark to compare with: quantiles of a quantity, or
/// an estimate with its interval. Names stand beside the lines, on a phone above them.
struct RangeChart {
  /// One line.
  struct Row {
    /// What neighbours share; it stands once above them.
    var group = ""
    var name: String
    var low: Double
    var middle: Double
    var high: Double
    /// What to compare with.
    var mark: Double?
  }

  var label: String
  var unit: String
  var range: ClosedRange<Double>
  var rows: [Row]

  private static let size = (width: 400.0, height: 20.0)
  /// Half a label of the axis.
  private static let margin = 18.0

  private func x(_ value: Double) -> Double {
    let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    return Self.margin + (Self.size.width - 2 * Self.margin) * min(1, max(0, share))
  }

  private var steps: [Double] {
    (0...4).map {
      range.lowerBound + (range.upperBound - range.lowerBound) * Double($0) / 4
    }
  }

  var markup: Markup {
    var body: Markup = ""
    var group = ""
    for row in rows {
      if !utf8Equal(row.group, group) {
        group = row.group
        body += "<p class=\"group\">\(TextCut.cut(group, to: 160))</p>\n"
      }
      body += """
        <div class="row"><span>\(TextCut.cut(row.name, to: 80))</span>\(line(row))</div>

        """
    }
    return """
      <div class="ranges" role="group" aria-label="\(label)">
      \(body)<div class="row axis"><span class="soft">\(unit)</span>\(axis)</div></div>

      """
  }

  private func line(_ row: Row) -> Markup {
    let rules = steps.map { value -> Markup in
      "<path class=\"rule\" d=\"M\(x(value)) 0V\(Self.size.height)\"/>"
    }
    let middle = Self.size.height / 2
    let mark = row.mark.map { value -> Markup in
      "<path class=\"line c1\" d=\"M\(x(value)) 3V\(Self.size.height - 3)\"/>"
    }
    let name =
      "\(Format.decimals(row.low, 2)) to \(Format.decimals(row.high, 2)), middle"
      + " \(Format.decimals(row.middle, 2))"
    return """
      <svg role="img" aria-label="\(name)" viewBox="0 0 \(Self.size.width) \(Self.size.height)">\(
        rules.joined())<path class="line c0" d="M\(x(row.low)) \(middle)H\(x(row.high))"/>\
      <circle class="f0" cx="\(x(row.middle))" cy="\(middle)" r="4"/>\(mark ?? "")</svg>
      """
  }

  private var axis: Markup {
    let digits = range.upperBound - range.lowerBound > 20 ? 0 : 2
    let labels = steps.map { value -> Markup in
      """
      <text class="soft" x="\(x(value))" y="14" text-anchor="middle">\(
        Format.decimals(value, digits))</text>
      """
    }
    return """
      <svg aria-hidden="true" viewBox="0 0 \(Self.size.width) \(Self.size.height)">\(
        labels.joined())</svg>
      """
  }
}
