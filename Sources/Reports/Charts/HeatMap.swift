import Basics

/// A grid of shares in colour, each with its number.
struct HeatMap {
  /// What a dark cell means.
  enum Tone: String {
    /// Dark is bad: the attacker wins.
    case heat
    /// Dark is good: the defender wins.
    case calm
  }

  var label: String
  var columns: [String]
  /// Name and one share from 0 to 1 for each column; nil is not applicable.
  var rows: [(name: String, values: [Double?])]
  var tone: Tone

  private static let rowHeight = 26.0
  private static let columnWidth = 84.0
  private static let headHeight = 30.0
  private static let maximumName = 64

  var markup: Markup {
    let longest = rows.map { min($0.name.unicodeScalars.count, Self.maximumName) }.max() ?? 0
    let nameWidth = Double(longest) * 6.9 + 14
    let width = nameWidth + Double(columns.count) * Self.columnWidth
    let height = Self.headHeight + Double(rows.count) * Self.rowHeight + 4
    var svg: Markup = """
      <div class="scroll"><svg role="img" aria-label="\(label)" width="\(width)" \
      height="\(height)" viewBox="0 0 \(width) \(height)">

      """
    for (position, column) in columns.enumerated() {
      let x = nameWidth + (Double(position) + 0.5) * Self.columnWidth
      svg += "<text class=\"soft\" x=\"\(x)\" y=\"20\" text-anchor=\"middle\">\(column)</text>\n"
    }
    for (number, row) in rows.enumerated() {
      let y = Self.headHeight + Double(number) * Self.rowHeight
      let name = TextCut.cut(row.name, to: Self.maximumName)
      svg += "<text x=\"0\" y=\"\(y + 17)\">\(name)</text>\n"
      for (position, value) in row.values.enumerated() {
        svg += cell(value, x: nameWidth + Double(position) * Self.columnWidth, y: y)
      }
    }
    return svg + "</svg></div>\n"
  }

  private func cell(_ value: Double?, x: Double, y: Double) -> Markup {
    let centre = x + Self.columnWidth / 2
    guard let value else {
      return """
        <rect class="none cell" x="\(x)" y="\(y)" width="\(Self.columnWidth)" \
        height="\(Self.rowHeight)"/><text class="soft" x="\(centre)" y="\(y + 17)" \
        text-anchor="middle">n/a</text>

        """
    }
    let tone: Markup = tone == .heat ? "heat" : "calm"
    let ink: Markup = value > 0.55 ? " class=\"on\"" : ""
    return """
      <rect class="\(tone) cell" fill-opacity="\(0.06 + 0.94 * value)" x="\(x)" y="\(y)" \
      width="\(Self.columnWidth)" height="\(Self.rowHeight)"/><text\(ink) x="\(centre)" \
      y="\(y + 17)" text-anchor="middle">\(Format.decimals(100 * value, 1))</text>

      """
  }
}

/// Text cut with a mark.
enum TextCut {
  /// At most `limit` scalars; a cut text ends with an ellipsis.
  static func cut(_ text: String, to limit: Int) -> String {
    let scalars = text.unicodeScalars
    guard scalars.count > limit else { return text }
    return String(String.UnicodeScalarView(scalars.prefix(max(0, limit - 1)))) + "…"
  }
}
