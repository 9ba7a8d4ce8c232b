import Basics

/// Lines over a common horizontal axis, linear or logarithmic.
struct LineChart {
  /// One line.
  struct Series {
    var name: String
    /// Points by ascending x.
    var points: [(x: Double, y: Double)]
    var isDashed = false
  }

  /// The horizontal axis.
  enum Scale {
    case linear
    /// From the smallest positive tick on; what is smaller stands at the left edge.
    case logarithmic
  }

  var label: String
  var xTitle: String
  var yTitle: String
  var xTicks: [Double]
  var scale: Scale
  var yRange: ClosedRange<Double> = 0...1
  var series: [Series]
  /// Whether axis values are shares, to be shown in percent.
  var isPercent = true
  var xIsPercent = false

  private static let size = (width: 340.0, height: 250.0)
  private static let plot = (left: 46.0, top: 24.0, right: 12.0, bottom: 40.0)

  private func x(_ value: Double) -> Double {
    let (first, last) = (xTicks.first ?? 0, xTicks.last ?? 1)
    let width = Self.size.width - Self.plot.left - Self.plot.right
    let share: Double
    switch scale {
    case .linear: share = (value - first) / (last - first)
    case .logarithmic:
      share = value <= first ? 0 : Logarithm.of(value / first) / Logarithm.of(last / first)
    }
    return Self.plot.left + width * min(1, max(0, share))
  }

  private func y(_ value: Double) -> Double {
    let height = Self.size.height - Self.plot.top - Self.plot.bottom
    let share = (value - yRange.lowerBound) / (yRange.upperBound - yRange.lowerBound)
    return Self.plot.top + height * (1 - min(1, max(0, share)))
  }

  private func shown(_ value: Double, percent: Bool) -> String {
    let number = percent ? 100 * value : value
    for digits in 0...2 {
      let text = Format.decimals(number, digits)
      if let parsed = Double(text), abs(parsed - number) < 1e-9 { return text }
    }
    return Format.decimals(number, 2)
  }

  var markup: Markup {
    let legend = Double((series.count + 1) / 2) * 16 + 4
    let height = Self.size.height + legend
    var svg: Markup = """
      <svg role="img" aria-label="\(label)" width="100%" viewBox="0 0 \(Self.size.width) \(height)">

      """
    for step in 0...4 {
      let value =
        yRange.lowerBound + (yRange.upperBound - yRange.lowerBound) * Double(step) / 4
      svg += """
        <line class="rule" x1="\(Self.plot.left)" x2="\(Self.size.width - Self.plot.right)" \
        y1="\(y(value))" y2="\(y(value))"/><text class="soft" x="\(Self.plot.left - 6)" \
        y="\(y(value) + 4)" text-anchor="end">\(shown(value, percent: isPercent))</text>

        """
    }
    let bottom = Self.size.height - Self.plot.bottom
    for tick in xTicks {
      svg += """
        <line class="axis" x1="\(x(tick))" x2="\(x(tick))" y1="\(bottom)" y2="\(bottom + 4)"/>\
        <text class="soft" x="\(x(tick))" y="\(bottom + 17)" text-anchor="middle">\(
          shown(tick, percent: xIsPercent))</text>

        """
    }
    svg += """
      <text class="soft" x="\(Self.size.width - Self.plot.right)" y="\(bottom + 33)" \
      text-anchor="end">\(xTitle)</text><text class="soft" x="\(Self.plot.left)" \
      y="12">\(yTitle)</text>

      """
    for (number, line) in series.enumerated() {
      let path = line.points.enumerated().map { position, point -> Markup in
        let verb: Markup = position == 0 ? "M" : "L"
        return "\(verb)\(x(point.x)) \(y(point.y))"
      }
      let dash: Markup = line.isDashed ? " dash" : ""
      let column = Self.plot.left + Double(number % 2) * (Self.size.width - Self.plot.left) / 2
      let row = Self.size.height + Double(number / 2) * 16 + 8
      svg += """
        <path class="line c\(number % 8)\(dash)" d="\(path.joined())"/><line \
        class="line c\(number % 8)\(dash)" x1="\(column)" x2="\(column + 16)" y1="\(row - 4)" \
        y2="\(row - 4)"/><text x="\(column + 21)" y="\(row)">\(TextCut.cut(line.name, to: 18))</text>

        """
    }
    return svg + "</svg>\n"
  }
}
