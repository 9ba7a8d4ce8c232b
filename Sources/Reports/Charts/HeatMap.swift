import Basics

/// A grid of shares in colour, each with its number: a table, so that it fits a phone, can be
/// selected and read aloud.
struct HeatMap {
  /// What strong colour means.
  enum Tone: String {
    /// It is bad: the attacker wins.
    case heat
    /// It is good: the defender wins.
    case calm
  }

  /// A line of the grid.
  struct Row {
    /// What neighbours share; it stands once above them.
    var group = ""
    /// What tells it from them.
    var name: String
    /// One share from 0 to 1 for each column; nil is not applicable.
    var values: [Double?]
  }

  var label: String
  var columns: [String]
  var rows: [Row]
  var tone: Tone

  /// Columns that fit side by side on a phone.
  private static let columnsSideBySide = 9

  var markup: Markup {
    // In tables of about the same width.
    let tables = (columns.count + Self.columnsSideBySide - 1) / Self.columnsSideBySide
    return (0..<tables).map { number in
      table(columns.count * number / tables..<columns.count * (number + 1) / tables)
    }.joined()
  }

  private func table(_ shown: Range<Int>) -> Markup {
    let tone: Markup = tone == .heat ? "heat" : "calm"
    let head = columns[shown].map { name -> Markup in
      "<th scope=\"col\">\(TextCut.cut(name, to: 40))</th>"
    }
    var body: Markup = ""
    var group = ""
    for row in rows {
      if !utf8Equal(row.group, group) {
        group = row.group
        body += """
          <tr class="group"><th scope="rowgroup" colspan="\(shown.count + 1)">\(
            TextCut.cut(group, to: 160))</th></tr>

          """
      }
      let cells = row.values[shown].map { value -> Markup in
        guard let value else { return "<td class=\"none\">n/a</td>" }
        let level = Int((20 * min(1, max(0, value))).rounded())
        return "<td class=\"h\(level)\">\(Format.decimals(100 * value, 1))</td>"
      }
      body += """
        <tr><th scope="row">\(TextCut.cut(row.name, to: 80))</th>\(cells.joined())</tr>

        """
    }
    return """
      <table class="map \(tone)" aria-label="\(label)"><thead><tr><td></td>\(head.joined())</tr></thead>
      <tbody>
      \(body)</tbody></table>

      """
  }

  /// The colours: in steps of 5 %, the number in the paper's colour where the ground is strong.
  static let style: String = (0...20).map { level in
    ".h\(level){background:color-mix(in srgb,var(--tone) \(level * 5)%,var(--panel))"
      + (level > 14 ? ";color:var(--on)}" : "}")
  }.joined()
}

/// Text cut with a mark.
enum TextCut {
  /// At most `limit` scalars; a cut text ends with an ellipsis.
  static func cut(_ text: String, to limit: Int) -> String {
    guard isLong(text, limit) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(max(0, limit - 1)))) + "…"
  }

  /// At most `limit` scalars; a cut text says how long the whole is, and where.
  static func marked(_ text: String, to limit: Int) -> String {
    guard isLong(text, limit) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit)))
      + "… (cut: \(Format.count(text.unicodeScalars.count)) characters, the whole is in the run"
      + " directory)"
  }

  private static func isLong(_ text: String, _ limit: Int) -> Bool {
    // A scalar has at most four bytes, and at least one.
    text.utf8.count > limit && text.unicodeScalars.count > limit
  }
}
