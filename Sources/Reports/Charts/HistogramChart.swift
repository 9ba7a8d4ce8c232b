import Basics

/// Two histograms over the same bins, each scaled to its own total.
struct HistogramChart {
  var label: String
  var range: ClosedRange<Double>
  var first: (name: String, counts: [Int])
  var second: (name: String, counts: [Int])

  private static let size = (width: 340.0, height: 190.0)
  private static let plot = (left: 8.0, top: 8.0, right: 8.0, bottom: 44.0)

  var markup: Markup {
    let bins = max(first.counts.count, second.counts.count, 1)
    let width = (Self.size.width - Self.plot.left - Self.plot.right) / Double(bins)
    let height = Self.size.height - Self.plot.top - Self.plot.bottom
    func shares(_ counts: [Int]) -> [Double] {
      let total = Double(max(1, counts.reduce(0, +)))
      return counts.map { Double($0) / total }
    }
    let both = [shares(first.counts), shares(second.counts)]
    let largest = max(both.joined().max() ?? 1, 1e-9)
    let bottom = Self.plot.top + height
    var svg: Markup = """
      <svg role="img" aria-label="\(label)" width="100%" \
      viewBox="0 0 \(Self.size.width) \(Self.size.height)">

      """
    for (number, shares) in both.enumerated() {
      for (bin, share) in shares.enumerated() where share > 0 {
        let bar = height * share / largest
        svg += """
          <rect class="f\(number)" fill-opacity="0.55" x="\(Self.plot.left + Double(bin) * width)" \
          y="\(bottom - bar)" width="\(max(1, width - 1))" height="\(bar)"/>
          """
      }
    }
    svg += """
      <line class="axis" x1="\(Self.plot.left)" x2="\(Self.size.width - Self.plot.right)" \
      y1="\(bottom)" y2="\(bottom)"/><text class="soft" x="\(Self.plot.left)" y="\(bottom + 16)">\(
        Format.decimals(range.lowerBound, 2))</text><text class="soft" \
      x="\(Self.size.width - Self.plot.right)" y="\(bottom + 16)" text-anchor="end">\(
        Format.decimals(range.upperBound, 2))</text>

      """
    for (number, name) in [first.name, second.name].enumerated() {
      let x = Self.plot.left + Double(number) * Self.size.width / 2
      svg += """
        <rect class="f\(number)" fill-opacity="0.55" x="\(x)" y="\(bottom + 25)" width="12" \
        height="12"/><text x="\(x + 17)" y="\(bottom + 36)">\(TextCut.cut(name, to: 24))</text>

        """
    }
    return svg + "</svg>\n"
  }
}
