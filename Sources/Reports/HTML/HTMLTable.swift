/// A table of text cells; numbers stand to the right.
struct HTMLTable {
  /// A column.
  struct Column {
    var title: String
    var isNumber: Bool

    init(_ title: String, number: Bool = false) {
      self.title = title
      isNumber = number
    }
  }

  var columns: [Column]
  var rows: [[String]] = []
  /// Whether each row is a block on a phone, every cell under its title: for cells of prose.
  var isStacked = false
  /// The most rows that are shown.
  var limit = 500

  /// The table, cut at its limit with a line that says so.
  var markup: Markup {
    func kind(_ column: Column) -> Markup { column.isNumber ? " class=\"n\"" : "" }
    let head = columns.map { column -> Markup in "<th\(kind(column))>\(column.title)</th>" }
    let body = rows.prefix(limit).map { row -> Markup in
      let cells = zip(columns, row).map { column, text -> Markup in
        let label: Markup = isStacked ? " data-label=\"\(column.title)\"" : ""
        return "<td\(kind(column))\(label)>\(text)</td>"
      }
      return "<tr>\(cells.joined())</tr>\n"
    }
    let rest = rows.count - limit
    let note: Markup =
      rest > 0
      ? "<p class=\"soft\">\(rest) more rows are in the CSV file beside this report.</p>" : ""
    let stacked: Markup = isStacked ? " class=\"stacked\"" : ""
    return """
      <div class="scroll"><table\(stacked)><thead><tr>\(head.joined())</tr></thead>
      <tbody>
      \(body.joined())</tbody></table></div>\(note)
      """
  }
}
