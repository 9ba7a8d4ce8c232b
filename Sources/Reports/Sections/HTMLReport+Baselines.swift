import Basics

/// Which detectors are worth more than looking for the question's words.
extension HTMLReport {
  var baselines: Markup {
    let tests = BaselineTests(data)
    guard !tests.rows.isEmpty else { return .empty }
    let verdicts: [BaselineTests.Verdict] = [.beats, .undecided, .equal, .fallsShort]
    var table = HTMLTable(
      columns: [.init("detector")] + verdicts.map { .init($0.rawValue, number: true) }
        + [.init("median difference", number: true)])
    table.isStacked = true
    for (detector, counts, median) in tests.summary {
      table.rows.append(
        [detector] + verdicts.map { "\(counts[$0] ?? 0)" } + [Self.signed(median)])
    }
    var details = HTMLTable(
      columns: data.varyingAxes.map { .init($0) }
        + [.init("detector"), .init("payload")]
        + tests.baselines.map { .init("less \($0)", number: true) }
        + [.init("q", number: true), .init("verdict")])
    details.rows = tests.rows.map { row in
      data.varyingAxes.map { row.coordinates[$0] } + [row.detector, row.payload]
        + tests.baselines.map { name in
          row.comparisons.first { utf8Equal($0.baseline, name) }.map(Self.shown) ?? "n/a"
        } + [row.qValue.map { Format.decimals($0, 4) } ?? "n/a", row.verdict.rawValue]
    }
    return """
      <h2>Against the simple detectors</h2>
      <p>Poison that repeats the question is close to it and shares its words. A detector is worth its price only where \
      its area under the ROC curve is larger than that of every detector that looks for just that: \(
        tests.baselines.joined(separator: ", ")). Cells are query sets with a payload; the median is of the difference to \
      the better of the simple ones.</p>
      <div>\(table.markup)</div>
      <details><summary>Every cell, with intervals</summary>
      \(details.markup)
      <p class="soft">Differences of AUROC between the same documents, poison that reached the reader against the clean \
      top 10, with DeLong's 95 % interval over questions as clusters (Obuchowski 1997). q: corrected over \(
        tests.rows.count) cells after Benjamini and Hochberg; a verdict has q ≤ 0.05.</p></details>

      """
  }

  static func signed(_ difference: Double) -> String {
    (difference > 0 ? "+" : "") + Format.decimals(difference, 3)
  }

  private static func shown(_ comparison: BaselineTests.Comparison) -> String {
    "\(signed(comparison.difference)) [\(signed(comparison.interval.lowerBound)),"
      + " \(signed(comparison.interval.upperBound))]"
  }
}
