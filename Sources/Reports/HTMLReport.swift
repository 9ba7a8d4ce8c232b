import Basics

/// The report a person reads: one page that stands on its own.
public struct HTMLReport {
  /// The page has at most so many bytes: a section that would go beyond is left out and says so.
  public static let maximumBytes = 4 << 20
  /// Poisoned documents are shown for so many cells.
  static let maximumCells = 60
  /// A map has so many rows.
  static let maximumRows = 200
  /// Curves and histograms are drawn for so many units.
  static let maximumUnits = 12
  /// Kinds of payload and values of k that stand side by side.
  static let maximumColumns = 24
  /// The nominal false positive rate of the pictures.
  static let nominal = 0.05

  let data: ReportData
  /// The most bytes of this page.
  var limit = HTMLReport.maximumBytes

  /// A report of a run.
  public init(_ data: ReportData) { self.data = data }

  /// The file.
  public var html: String {
    var body = head + warnings + summary + Self.reading
    let end = provenance
    // What the page itself needs, and the lines that stand in for sections.
    let room = limit - Page(title: title, body: body + end).html.utf8.count - 4096
    var used = 0
    for (name, make) in sections {
      let section = make(self)
      if used + section.text.utf8.count <= room {
        used += section.text.utf8.count
        body += section
      } else {
        body += """
          <h2>\(name)</h2>
          <p class="soft">Left out: this section has \(Format.bytes(section.text.utf8.count)), and the page at most \(
            Format.bytes(limit)). Its figures are in results.json and in the CSV files.</p>

          """
      }
    }
    return Page(title: title, body: body + end).html
  }

  private var sections: [(name: String, make: (HTMLReport) -> Markup)] {
    [
      ("Paper and ours", \.reproduction), ("How many questions can be hijacked", \.success),
      ("Every count", \.counts),
      ("Longer payloads", \.lengths), ("Why it works", \.geometry),
      ("How much is caught", \.detection),
      ("Against the simple detectors", \.baselines), ("Curves and scores", \.curves),
      ("What is left to the attacker", \.evading), ("Detectors elsewhere", \.transfer),
      ("Poisoned anchors", \.contamination), ("Cell by cell", \.cells),
    ]
  }

  private var title: String { "ragbench: \(data.title)" }

  var k: Int { data.ks.first ?? 1 }
  var ks: [Int] { Array(data.ks.prefix(Self.maximumColumns)) }
  var payloads: [String] { Array(data.payloads.prefix(Self.maximumColumns)) }
  var hasCells: Bool { !data.cells.isEmpty }
  var hasFits: Bool { !data.fits.isEmpty }

  private var head: Markup {
    let corpora = data.corpora.prefix(Self.maximumUnits).map { corpus in
      "\(corpus["name"]?.stringValue ?? "") (\(corpus["origin"]?.stringValue ?? ""),"
        + " \(Format.count(corpus["passages"]?.intValue ?? 0)) passages)"
    }
    let retrievers = Set(data.units.map { $0["retriever"] }).sorted(by: utf8Precedes)
    return """
      <header><p class="soft">ragbench \(data.command)</p>
      <h1>\(data.title)</h1>
      <p class="soft">\(corpora.joined(separator: "; ")). Retrieved through \(
        retrievers.joined(separator: ", ")).</p></header>

      """
  }

  private var warnings: Markup {
    data.warnings.prefix(20).map { warning -> Markup in "<p><b>Note:</b> \(warning)</p>\n" }
      .joined()
  }

  private func tile(_ value: String, _ text: String) -> Markup {
    "<div class=\"tile\"><b>\(value)</b><span>\(text)</span></div>\n"
  }

  func percent(_ share: Double?) -> String {
    share.map { Format.decimals(100 * $0, 1) + " %" } ?? "n/a"
  }

  /// A line that says how much is not shown; nothing where all is.
  func rest(_ count: Int, of maximum: Int, _ what: String) -> Markup {
    count > maximum
      ? "<p class=\"soft\">\(count - maximum) more \(what) are in the CSV files.</p>\n" : .empty
  }

  private func span(_ shares: [Double]) -> String {
    guard let low = shares.min(), let high = shares.max() else { return "n/a" }
    let (a, b) = (Format.decimals(100 * low, 1), Format.decimals(100 * high, 1))
    return a == b ? "\(a) %" : "\(a)–\(b) %"
  }

  private var summary: Markup {
    var tiles: [Markup] = []
    if hasCells {
      let rates = data.cells.compactMap { $0.success(k: k, mode: "solo")?.rate }
      var seen: Set<ReportData.Coordinates> = []
      let questions = data.cells.reduce(0) { sum, cell in
        guard seen.insert(cell.coordinates).inserted else { return sum }
        return sum + (cell.figures["questions"]?.intValue ?? 0)
      }
      tiles.append(
        tile(
          span(rates),
          "of the questions have the attacker's document among their first \(k) results"
            + " (over \(Format.count(data.cells.count)) cells)"))
      tiles.append(tile(Format.count(questions), "questions asked, each with its own poison"))
      let clean = data.cells.compactMap { $0.geometry("cleanGap")?.mean }
      let poison = data.cells.compactMap { $0.geometry($0.retention)?.mean }
      if !clean.isEmpty, !poison.isEmpty {
        tiles.append(
          tile(
            "\(Format.decimals(poison.reduce(0, +) / Double(poison.count), 2)) against "
              + Format.decimals(clean.reduce(0, +) / Double(clean.count), 2),
            "of the question's self-similarity is kept by poison, and reached by the best clean"
              + " passage (means)"))
      }
    }
    for name in data.detectors.prefix(1) {
      let fits = data.fits.filter { utf8Equal($0.detector, name) }
      let found = fits.flatMap { fit in
        payloads.compactMap {
          fit.found($0, at: Self.nominal)?["rate"]?.doubleValue
        }
      }
      let flagged = fits.compactMap {
        $0.clean(at: Self.nominal)?["pairRate"]?.objectValue?["value"]?.doubleValue
      }
      tiles.append(
        tile(
          span(found),
          "of the poison that reached the user is flagged by \(name), which flags \(span(flagged))"
            + " of clean passages (nominal 5 %)"))
    }
    return "<div class=\"tiles\">\(tiles.joined())</div>\n"
  }

  private static let reading: Markup = """
    <h2>What this is</h2>
    <p>A retrieval system answers a question from the documents most similar to it. An attacker who can add a document
    writes the question into it, followed by any text he likes: the document is then retrieved for that question
    (Xian et al., arXiv 2409.17275). This page measures how often that works, why, and how many such documents a
    detector finds at what price in false alarms.</p>
    <ul>
    <li><b>success@k</b>: the share of questions whose own poisoned document is among the first k results. <i>solo</i>:
    it alone was added; <i>joint</i>: those of all questions at once. Brackets are Wilson 95 % intervals.</li>
    <li><b>payload</b>: the text the attacker wants seen. pii: made-up personal data; diag: wrong medical statements; the
    others have nothing to do with the corpus.</li>
    <li><b>flagged</b>: the detector's score lies above a threshold that was set on clean passages of other questions. A
    share flagged means nothing without the share of <i>clean</i> passages that the same threshold flags.</li>
    <li><b>evading</b>: the poison was retrieved <i>and</i> not flagged. It is what is left to the attacker.</li>
    </ul>

    """
}
