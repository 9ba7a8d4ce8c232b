import Basics

/// For each line a range with a dot in it, and a mark to compare with: quantiles of a quantity, or
/// an estimate with its interval.
struct RangeChart {
  /// One line.
  struct Row {
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

  private static let rowHeight = 20.0
  private static let plotWidth = 360.0
  private static let maximumName = 48

  var markup: Markup {
    let longest = rows.map { min($0.name.unicodeScalars.count, Self.maximumName) }.max() ?? 0
    let left = Double(longest) * 6.9 + 14
    let width = left + Self.plotWidth + 40
    let height = Double(rows.count) * Self.rowHeight + 40
    let bottom = Double(rows.count) * Self.rowHeight + 6
    func x(_ value: Double) -> Double {
      let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
      return left + Self.plotWidth * min(1, max(0, share))
    }
    var svg: Markup = """
      <div class="scroll"><svg role="img" aria-label="\(label)" width="\(width)" \
      height="\(height)" viewBox="0 0 \(width) \(height)">

      """
    for step in 0...4 {
      let value = range.lowerBound + (range.upperBound - range.lowerBound) * Double(step) / 4
      svg += """
        <line class="rule" x1="\(x(value))" x2="\(x(value))" y1="0" y2="\(bottom)"/><text \
        class="soft" x="\(x(value))" y="\(bottom + 16)" text-anchor="middle">\(
          Format.decimals(value, range.upperBound - range.lowerBound > 20 ? 0 : 2))</text>

        """
    }
    svg += """
      <text class="soft" x="\(left + Self.plotWidth)" y="\(bottom + 31)" text-anchor="end">\(
        unit)</text>

      """
    for (number, row) in rows.enumerated() {
      let y = Double(number) * Self.rowHeight + 12
      svg += """
        <text x="0" y="\(y + 4)">\(TextCut.cut(row.name, to: Self.maximumName))</text>\
        <line class="line c0" x1="\(x(row.low))" x2="\(x(row.high))" y1="\(y)" y2="\(y)"/>\
        <circle class="f0" cx="\(x(row.middle))" cy="\(y)" r="4"/>

        """
      if let mark = row.mark {
        svg += """
          <line class="line c1" x1="\(x(mark))" x2="\(x(mark))" y1="\(y - 6)" y2="\(y + 6)"/>

          """
      }
    }
    return svg + "</svg></div>\n"
  }
}
