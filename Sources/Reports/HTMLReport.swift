import Basics

/// The report a person reads: one page that stands on its own.
public struct HTMLReport {
  private let data: ReportData
  /// Poisoned documents are shown for so many cells.
  private static let maximumCells = 60
  /// Curves and histograms are drawn for so many units.
  private static let maximumUnits = 12
  /// The nominal false positive rate of the pictures.
  static let nominal = 0.05

  /// A report of a run.
  public init(_ data: ReportData) { self.data = data }

  /// The file.
  public var html: String {
    let sections = [
      head, warnings, summary, reading, success, counts, lengths, geometry, detection, curves,
      evading, cells, provenance,
    ]
    return Page(title: "ragbench: \(data.title)", body: sections.joined()).html
  }

  private var k: Int { data.ks.first ?? 1 }
  private var hasCells: Bool { !data.cells.isEmpty }
  private var hasFits: Bool { !data.fits.isEmpty }

  private var head: Markup {
    let corpora = data.corpora.map { corpus in
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
    data.warnings.map { warning -> Markup in "<p><b>Note:</b> \(warning)</p>\n" }.joined()
  }

  private func tile(_ value: String, _ text: String) -> Markup {
    "<div class=\"tile\"><b>\(value)</b><span>\(text)</span></div>\n"
  }

  private func percent(_ share: Double?) -> String {
    share.map { Format.decimals(100 * $0, 1) + " %" } ?? "n/a"
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
      let questions = Set(data.cells.map(\.coordinates)).reduce(0) { sum, unit in
        sum + (data.cells.first { $0.coordinates == unit }?.figures["questions"]?.intValue ?? 0)
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
        data.payloads.compactMap {
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

  private var reading: Markup {
    """
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

  private var success: Markup {
    guard hasCells else { return .empty }
    let rows = data.units.map { unit in
      (
        name: data.name(of: unit),
        values: data.payloads.map { payload in
          data.cells.first {
            $0.coordinates == unit && utf8Equal($0.payload, payload)
          }?.success(k: k, mode: "solo")?.rate
        }
      )
    }
    let map = HeatMap(
      label: "success at \(k) in percent", columns: data.payloads, rows: rows, tone: .heat)
    return """
      <h2>How many questions can be hijacked</h2>
      <figure>\(map.markup)<figcaption>Percent of questions with their own poisoned document among the first \(k) \
      results, injected alone. Darker is worse.</figcaption></figure>

      """
  }

  private var counts: Markup {
    guard hasCells else { return .empty }
    var table = HTMLTable(
      columns: data.varyingAxes.map { .init($0) } + [.init("payload"), .init("counted")]
        + data.ks.map { .init("first \($0)", number: true) })
    for cell in data.cells {
      for (mode, count, name) in [
        ("solo", "own", "solo"), ("joint", "own", "joint"), ("joint", "any", "joint, any"),
      ] {
        let shares = data.ks.map { cell.success(k: $0, mode: mode, count: count) }
        guard shares.contains(where: { $0 != nil }) else { continue }
        table.rows.append(
          data.varyingAxes.map { cell.coordinates[$0] } + [cell.payload, name]
            + shares.map(Self.shown))
      }
    }
    return """
      <details><summary>Every count, with intervals</summary>
      \(table.markup)
      <p class="soft">Successes of questions, percent, Wilson 95 % interval. “any”: any poisoned document counts, not \
      only the question's own.</p></details>

      """
  }

  static func shown(_ share: ReportData.Share?) -> String {
    guard let share else { return "n/a" }
    func percent(_ value: Double) -> String { Format.decimals(100 * value, 1) }
    return "\(share.successes)/\(share.trials) = \(percent(share.rate))"
      + " [\(percent(share.interval.lowerBound)), \(percent(share.interval.upperBound))]"
  }

  /// Success against the payload's length, where the grid has attacks that differ in it.
  private var lengths: Markup {
    let attacks = data.description["plan"]?.objectValue?.objects(named: "attacks") ?? []
    let tokens = attacks.compactMap { attack -> (name: String, tokens: Int)? in
      guard let name = attack["name"]?.stringValue,
        let tokens = attack["parameters"]?.objectValue?["payload_tokens"]?.intValue
      else { return nil }
      return (name, tokens)
    }.sorted { $0.tokens < $1.tokens }
    guard tokens.count > 1, let shortest = tokens.first, hasCells else { return .empty }
    let others = ReportData.Coordinates.axes.filter { $0 != "attack" }
    var seen: Set<[String]> = []
    var figures: [Markup] = []
    for cell in data.cells where utf8Equal(cell.coordinates["attack"], shortest.name) {
      let key = others.map { cell.coordinates[$0] }
      guard seen.insert(key).inserted, figures.count < Self.maximumUnits else { continue }
      func line(_ payload: String, _ value: (ReportData.Cell) -> Double?) -> [(Double, Double)] {
        tokens.compactMap { name, tokens in
          data.cells.first { other in
            others.map { other.coordinates[$0] } == key && utf8Equal(other.payload, payload)
              && utf8Equal(other.coordinates["attack"], name)
          }.flatMap(value).map { (Double(tokens), $0) }
        }
      }
      let series = data.payloads.map { payload in
        LineChart.Series(
          name: payload, points: line(payload) { $0.success(k: k, mode: "solo")?.rate })
      }
      let chart = LineChart(
        label: "success against payload length", xTitle: "tokens of payload",
        yTitle: "success@\(k), %", xTicks: tokens.map { Double($0.tokens) }, scale: .logarithmic,
        series: series)
      figures.append(
        "<figure><figcaption>\(key.joined(separator: " · "))</figcaption>\(chart.markup)</figure>\n"
      )
    }
    return """
      <h2>Longer payloads</h2>
      <div class="grid">\(figures.joined())</div>

      """
  }

  private var geometry: Markup {
    let named = data.cells.prefix(Self.maximumCells).map { cell in
      ("\(data.name(of: cell.coordinates)) · \(cell.payload)", cell)
    }
    func rows(
      mark: String? = nil, _ statistic: (ReportData.Cell) -> String
    ) -> [RangeChart.Row] {
      named.compactMap { name, cell in
        cell.geometry(statistic(cell)).map {
          .init(
            name: name, low: $0.low, middle: $0.median, high: $0.high,
            mark: mark.flatMap { cell.geometry($0)?.mean })
        }
      }
    }
    let retention = rows(mark: "cleanGap") { $0.retention }
    guard !retention.isEmpty else { return .empty }
    let highest = retention.reduce(1.0) { max($0, $1.high, $1.mark ?? 0) }
    let angles = rows { _ in "angle" }
    let premises = rows { _ in "premise" }
    let least = max(0, (angles + premises).map(\.low).min() ?? 0)
    let most = (angles + premises).map(\.high).max() ?? 180
    // Four steps of round degrees.
    let step = [5.0, 10, 15, 20, 30].first { step in
      (least / step).rounded(.down) * step + 4 * step >= most
    }
    let start = step.map { (least / $0).rounded(.down) * $0 } ?? 0
    let range = start...start + 4 * (step ?? 45)
    return """
      <h2>Why it works</h2>
      <figure>\(
        RangeChart(
          label: "retention", unit: "cosine, or f(q)·f(p) / |f(q)|²",
          range: 0...(highest * 10).rounded(.up) / 10, rows: retention
        ).markup)<figcaption>How much of the question's similarity to itself the poisoned document keeps: median and \
      5–95 % of the questions. The upright mark is the best clean passage (mean). Where dots lie right of marks, the \
      attacker wins.</figcaption></figure>
      <figure>\(
        RangeChart(label: "angle", unit: "degrees", range: range, rows: angles).markup)<figcaption>Angle between the \
      question f(q) and the move f(p) − f(q). For encoders that normalise it is 90° plus half the angle of question \
      and poison, always.</figcaption></figure>
      <figure>\(
        RangeChart(label: "premise", unit: "degrees", range: range, rows: premises).markup)<figcaption>Angle between \
      question and payload: near 90° they have nothing to do with each other.</figcaption></figure>

      """
  }

  private var detection: Markup {
    guard hasFits else { return .empty }
    var figures: [Markup] = []
    for unit in data.units.prefix(Self.maximumUnits) {
      let fits = data.fits.filter { $0.coordinates == unit }
      guard !fits.isEmpty else { continue }
      let map = HeatMap(
        label: "flagged, percent", columns: data.payloads + ["clean"],
        rows: fits.map { fit in
          (
            name: fit.detector,
            values: data.payloads.map {
              fit.found($0, at: Self.nominal)?["rate"]?.doubleValue
            } + [
              fit.clean(at: Self.nominal)?["pairRate"]?.objectValue?["value"]?.doubleValue
            ]
          )
        }, tone: .calm)
      figures.append("<h3>\(data.name(of: unit))</h3><figure>\(map.markup)</figure>\n")
    }
    return """
      <h2>How much is caught</h2>
      <p>Percent flagged of the poison that reached the first \(k) results, on questions that were neither learnt from \
      nor calibrated with, at a nominal 5 % of clean passages. The last column is the share of clean passages that was \
      flagged: the price.</p>
      \(figures.joined())\(rest(data.units.count, "query sets"))
      """
  }

  private func rest(_ count: Int, _ what: String) -> Markup {
    let more = count - Self.maximumUnits
    return more > 0
      ? "<p class=\"soft\">\(more) more \(what) are in the tables and CSV files.</p>\n" : .empty
  }

  private var curves: Markup {
    guard hasFits else { return .empty }
    var figures: [Markup] = []
    for unit in data.units.prefix(Self.maximumUnits) {
      let fits = data.fits.filter { $0.coordinates == unit }
      for payload in data.payloads.prefix(2) {
        let series = fits.prefix(8).compactMap { fit -> LineChart.Series? in
          guard let drawing = fit.reached(payload)?["drawing"]?.objectValue,
            let points = drawing["roc"]?.arrayValue
          else { return nil }
          return .init(
            name: fit.detector,
            points: points.compactMap { point in
              guard let pair = point.arrayValue?.compactMap(\.doubleValue), pair.count == 2 else {
                return nil
              }
              return (pair[0], pair[1])
            })
        }
        guard !series.isEmpty else { continue }
        let chart = LineChart(
          label: "ROC", xTitle: "clean flagged, %", yTitle: "poison flagged, %",
          xTicks: [0.001, 0.01, 0.1, 1], scale: .logarithmic, series: series, xIsPercent: true)
        figures.append(
          """
          <figure><figcaption>\(data.name(of: unit)) · \(payload)</figcaption>\(chart.markup)</figure>

          """)
      }
      for (fit, payload) in fits.prefix(1).flatMap({ fit in
        data.payloads.prefix(1).map { (fit, $0) }
      }) {
        guard let drawing = fit.reached(payload)?["drawing"]?.objectValue,
          let scores = drawing["scores"]?.arrayValue?.compactMap(\.doubleValue), scores.count == 2,
          scores[0] < scores[1]
        else { continue }
        func counts(_ key: String) -> [Int] {
          drawing[key]?.arrayValue?.compactMap(\.intValue) ?? []
        }
        let chart = HistogramChart(
          label: "scores", range: scores[0]...scores[1], first: ("clean top 10", counts("clean")),
          second: ("poison, \(payload)", counts("poison")))
        figures.append(
          """
          <figure><figcaption>Scores of \(fit.detector) on \(data.name(of: unit))</figcaption>\(
            chart.markup)</figure>

          """)
      }
    }
    guard !figures.isEmpty else { return .empty }
    return """
      <h2>Curves and scores</h2>
      <p>Each point of a curve is a threshold: how much poison it flags, and what share of the clean top 10 with it. The \
      horizontal axis is logarithmic, because only its left end is affordable.</p>
      <div class="grid">\(figures.joined())</div>

      """
  }

  private var evading: Markup {
    guard hasFits else { return .empty }
    var table = HTMLTable(
      columns: data.varyingAxes.map { .init($0) } + [.init("detector")]
        + data.payloads.map { .init($0, number: true) })
    for fit in data.fits {
      table.rows.append(
        data.varyingAxes.map { fit.coordinates[$0] } + [fit.detector]
          + data.payloads.map { payload in
            Self.shown(
              fit.found(payload, at: Self.nominal)?["evading"]?.objectValue.flatMap {
                ReportData.Share($0)
              })
          })
    }
    return """
      <h2>What is left to the attacker</h2>
      <details open><summary>Retrieved and not flagged</summary>
      \(table.markup)
      <p class="soft">Test questions with poison among the first \(k) results that is not flagged, of all that were \
      attacked; percent, Wilson 95 % interval. Attackers here do not know the detector.</p></details>

      """
  }

  private var cells: Markup {
    guard hasCells else { return .empty }
    let sections = data.cells.prefix(Self.maximumCells).map { cell -> Markup in
      let examples = cell.figures.objects(named: "examples").map { example -> Markup in
        let text = example["text"]?.stringValue ?? ""
        let length = example["characters"]?.intValue ?? text.unicodeScalars.count
        let cut: Markup =
          length > text.unicodeScalars.count
          ? "<p class=\"soft\">Cut; the document has \(length) characters.</p>" : ""
        let rank = example["rank"]?.intValue.map { "rank \($0)" } ?? "not retrieved"
        return """
          <p class="soft">For the question “\(TextCut.cut(example["question"]?.stringValue ?? "", to: 200))”, \(
            rank):</p><pre>\(Markup.lines(text))</pre>\(cut)

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
    let more = data.cells.count - Self.maximumCells
    let note: Markup =
      more > 0
      ? "<p class=\"soft\">\(more) more cells are in results.json and the CSV files.</p>" : .empty
    return "<h2>Cell by cell</h2>\n\(sections.joined())\(note)\n"
  }

  private var provenance: Markup {
    var lines: [(String, String)] = [
      ("version", data.description["version"]?.stringValue ?? ""),
      ("instruction set", data.description["instructionSet"]?.stringValue ?? ""),
    ]
    for corpus in data.corpora {
      lines.append(
        (
          "corpus \(corpus["name"]?.stringValue ?? "")",
          "\(Format.count(corpus["passages"]?.intValue ?? 0)) passages, checksum"
            + " \(corpus["checksum"]?.stringValue ?? "")"
        ))
    }
    if let seconds = data.seconds {
      lines.append(("time", Format.duration(seconds: seconds)))
    }
    var table = HTMLTable(columns: [.init("what"), .init("value")])
    table.rows = lines.map { [$0, $1] }
    let description = (try? data.description.serialized(pretty: true)) ?? ""
    return """
      <h2>Where the figures come from</h2>
      \(table.markup)
      <details><summary>The run as it was asked for</summary><pre>\(
        Markup.lines(description))</pre></details>
      <p class="soft">Made by ragbench. Test only systems that you are entitled to test.</p>

      """
  }
}

extension Markup {
  /// Text in which line ends stay line ends.
  static func lines(_ text: String) -> Markup {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { line -> Markup in "\(String(line))\n" }.joined()
  }
}
