/// A table of text in columns, for a terminal or a log.
///
/// Cells are escaped, so text from outside can neither act on the terminal nor break a row.
public struct TextTable: Sendable {
  /// Which side of a column its cells stand at.
  public enum Alignment: Sendable {
    /// Text.
    case left
    /// Numbers.
    case right
  }

  /// A column.
  public struct Column: Sendable {
    /// What stands above it.
    public var title: String
    /// Which side its cells stand at.
    public var alignment: Alignment

    /// A column of text, unless told otherwise.
    public init(_ title: String, _ alignment: Alignment = .left) {
      self.title = title
      self.alignment = alignment
    }
  }

  private static let gap = "  "
  private static let narrowest = 8

  /// The columns.
  public let columns: [Column]
  private var rows: [[String]] = []

  /// A table without rows.
  public init(_ columns: [Column]) { self.columns = columns }

  /// The number of rows.
  public var rowCount: Int { rows.count }

  /// Adds a row of as many cells as there are columns.
  public mutating func append(_ cells: [String]) {
    precondition(
      cells.count == columns.count,
      "TextTable: \(cells.count) cells for \(columns.count) columns")
    rows.append(cells.map(TerminalText.escaped))
  }

  /// The table: titles, a rule, rows; each line ends with a newline and has no spaces before it.
  ///
  /// - Parameters:
  ///   - width: Columns of the terminal; the widest left-aligned columns are cut to fit, but not
  ///     below eight. `nil` cuts nothing.
  ///   - style: Makes the titles bold.
  /// - Returns: The lines; only titles if there is no row.
  public func rendered(
    width: Int? = nil, style: TerminalStyle = TerminalStyle(isEnabled: false)
  ) -> String {
    let titles = columns.map { TerminalText.escaped($0.title) }
    let widths = fitted(titles, to: width)
    var lines = [style.bold(line(titles, widths))]
    lines.append(widths.map { String(repeating: "─", count: $0) }.joined(separator: Self.gap))
    lines += rows.map { line($0, widths) }
    return lines.map { $0 + "\n" }.joined()
  }

  private func fitted(_ titles: [String], to width: Int?) -> [Int] {
    var widths = columns.indices.map { column in
      rows.reduce(TextWidth.columns(titles[column])) { max($0, TextWidth.columns($1[column])) }
    }
    guard let width else { return widths }
    var excess = widths.reduce(0, +) + Self.gap.utf8.count * max(0, widths.count - 1) - width
    while excess > 0 {
      let candidates = widths.indices.filter {
        columns[$0].alignment == .left && widths[$0] > Self.narrowest
      }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      let text = TextWidth.truncated(cell, to: widths[index])
      let space = String(repeating: " ", count: max(0, widths[index] - TextWidth.columns(text)))
      if index > 0 { line += Self.gap }
      line += columns[index].alignment == .left ? text + space : space + text
    }
    return String(line.unicodeScalars.reversed().drop { $0 == " " }.reversed().map(Character.init))
  }
}
