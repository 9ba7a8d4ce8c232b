import Basics

/// A section a cell, with poisoned documents.
extension HTMLReport {
  var cells: Markup {
    guard hasCells else { return .empty }
    let sections = data.cells.prefix(Self.maximumCells).map { cell -> Markup in
      let examples = cell.figures.objects(named: "examples").prefix(3).map { example -> Markup in
        let text = example["text"]?.stringValue ?? ""
        let length = example["characters"]?.intValue ?? text.unicodeScalars.count
        let cut: Markup =
          length > text.unicodeScalars.count
          ? "<p class=\"soft\">Cut; the document has \(length) characters.</p>" : ""
        let rank = example["rank"]?.intValue.map { "rank \($0)" } ?? "not retrieved"
        return """
          <p class="soft">For the question “\(TextCut.cut(example["question"]?.stringValue ?? "", to: 200))”, \(
            rank):</p><pre>\(Markup.lines(text, limit: 4000))</pre>\(cut)

          """
      }
      return """
        <details><summary>\(data.name(of: cell.coordinates)) · \(cell.payload): \(
          percent(cell.success(k: k, mode: "solo")?.rate))</summary>
        <p>\(Self.shown(cell.success(k: k, mode: "solo"))) of \(
          cell.figures["questions"]?.intValue ?? 0) questions; \(
          cell.figures["documents"]?.intValue ?? 0) poisoned documents.</p>
        \(examples.joined())</details>

        """
    }
    return """
      <h2>Cell by cell</h2>
      \(sections.joined())\(rest(data.cells.count, of: Self.maximumCells, "cells"))

      """
  }
}
