import Basics
import Statistics
import SystemPackage
import TestSupport
import Testing

@testable import Reports

@Suite struct ComparisonTests {
  private static let small = RunFixture(
    corpora: ["c"], retrievers: ["r"], sets: ["q", "w"], payloads: ["pii", "web"])

  private func comparison(
    _ first: RunFixture, _ second: RunFixture
  ) throws -> RunComparison {
    let directory = try TemporaryDirectory()
    return try RunComparison(
      first.data(directory, "a"), second.data(directory, "b"), names: ("a", "b"))
  }

  @Test func aRunAgainstItselfShowsNothing() throws {
    let comparison = try comparison(Self.small, Self.small)
    // 2 sets, 2 payloads: 2 values of k; 3 detectors with three figures each.
    #expect(comparison.rows(of: .success).count == 8)
    for metric in [RunComparison.Metric.auroc, .flagged, .evading] {
      #expect(comparison.rows(of: metric).count == 12, "\(metric)")
    }
    #expect(comparison.rows.allSatisfy { $0.difference == 0 && !$0.isFound })
    #expect(comparison.onlyInFirst.isEmpty && comparison.onlyInSecond.isEmpty)
    #expect(comparison.configuration.isEmpty && comparison.comparedAxes.isEmpty)
    let page = ComparisonPage(comparison).html
    #expect(page.contains("Both runs have the same settings."))
  }

  @Test func differencesHaveNewcombesIntervalAndCorrectedValues() throws {
    var after = Self.small
    after.shift = 0.3
    after.title = "later"
    let comparison = try comparison(Self.small, after)
    let rows = comparison.rows(of: .success)
    let row = try #require(rows.first)
    #expect(row.first == 0.45 && row.second == 0.75)
    let expected = try #require(
      IndependentComparison.difference(
        Proportion(successes: 75, trials: 100), Proportion(successes: 45, trials: 100)
      ).value)
    #expect(row.interval == expected.lower...expected.upper)
    let p = rows.compactMap(\.pValue)
    #expect(try rows.compactMap(\.qValue) == MultipleComparisons.benjaminiHochberg(p))
    #expect(rows.allSatisfy { $0.isFound && $0.difference > 0 })
    // AUROC does not move: intervals around 0.
    #expect(comparison.rows(of: .auroc).allSatisfy { $0.interval.contains(0) })
    #expect(comparison.configuration.map(\.key) == ["plan.title"])

    let tables = ComparisonTables(comparison)
    #expect(
      tables.markdown.contains("| q | pii | first 2, solo | 45.0 | 75.0 | \\+30.0 \\["),
      "\(tables.markdown)")
    #expect(tables.csv.contains("c,r,q,concatenation,1,pii,\"first 2, solo\",success,0.45,0.75,"))
    let json = tables.json
    #expect(json.objects(named: "rows").count == comparison.rows.count)
    #expect(
      ComparisonTables.summary(comparison).contains(
        "success: 8 cells compared, 8 higher and 0 lower at q ≤ 0.05, 0 undecided"))
    let page = ComparisonPage(comparison).html
    #expect(page.contains("+30.0 [") && page.contains("plan.title"))
  }

  /// What each run has one of is what the comparison is about; other axes must agree.
  @Test func cellsAreJoinedByWhatTheyShare() throws {
    var other = Self.small
    other.retrievers = ["better"]
    other.payloads = ["pii", "diag"]
    let comparison = try comparison(Self.small, other)
    #expect(comparison.comparedAxes.map(\.axis) == ["retriever"])
    #expect(comparison.rows(of: .success).count == 4)
    #expect(
      comparison.rows.allSatisfy { $0.payload == "pii" && $0.coordinates["retriever"] == "better" })
    #expect(comparison.onlyInFirst.contains("q · web · first 2, solo · success"))
    #expect(comparison.onlyInSecond.contains("q · diag · first 2, solo · success"))
    other.sets = ["x", "y"]
    #expect(throws: UsageError.self) { try self.comparison(Self.small, other) }
  }

  @Test func aHostileComparisonFitsAndRunsNothing() throws {
    let directory = try TemporaryDirectory()
    var run = Self.small
    run.payloads = [
      "<script>document.title='hijacked'</script>", String(repeating: "m", count: 1 << 16),
    ]
    run.sets = ["\"\u{301} onload=alert(1)", "</style>"]
    let first = try run.data(directory, "a")
    run.shift = -0.4
    let comparison = try RunComparison(
      first, run.data(directory, "b"), names: ("</title><b>", String(repeating: "w", count: 5000)))
    let html = ComparisonPage(comparison).html
    #expect(html.utf8.count <= HTMLReport.maximumBytes)
    guard let browser = try Browser() else { return }
    let page = try directory.write("page.html", text: html)
    for width in [360, 1100] {
      let visit = try browser.visit(page, width: width)
      #expect(visit.overflow == 0 && visit.overflowing.isEmpty, "\(visit.overflowing)")
      #expect(visit.console.isEmpty && visit.active.isEmpty && visit.dialogs.isEmpty)
      #expect(visit.title.hasPrefix("</title><b> → www"))
    }
  }
}

@Suite struct BaselineTestsTests {
  /// A run of one detector in three cells: (difference, p) to each of two simple detectors.
  private func tests(_ cells: [[(Double, Double?)]]) throws -> (BaselineTests, ReportData) {
    let directory = try TemporaryDirectory()
    var run = RunFixture(
      corpora: ["c"], retrievers: ["r"], sets: ["q"], payloads: cells.indices.map { "p\($0)" },
      detectors: [("combined", [:])])
    run.comparisons = cells
    let data = try run.data(directory)
    return (BaselineTests(data), data)
  }

  @Test func theBarIsEverySimpleDetector() throws {
    let (tests, data) = try tests([
      [(0.2, 0.001), (0.1, 0.004)], [(0.2, 0.0001), (0.01, 0.6)], [(0.3, 0.001), (-0.2, 0.002)],
      [(0, nil), (0, nil)],
    ])
    #expect(tests.baselines == ["similarity", "verbatim-overlap"])
    // The largest where it is better than both; twice the least favourable where it is not.
    #expect(tests.rows.map(\.pValue) == [0.004, 0.6, 0.004, nil])
    #expect(tests.rows.map(\.verdict) == [.beats, .undecided, .fallsShort, .equal])
    #expect(
      tests.rows.map { $0.qValue.map { ($0 * 1e6).rounded() / 1e6 } } == [0.006, 0.6, 0.006, nil])
    let summary = try #require(tests.summary.first)
    #expect(summary.detector == "combined" && summary.counts[.beats] == 1)
    #expect(abs(summary.median - 0.005) < 1e-12)
    let html = HTMLReport(data).html
    #expect(html.contains("Against the simple detectors") && html.contains("falls short"))
    #expect(MarkdownReport(data).text.contains("| combined | 1 | 1 | 1 | 1 | \\+0.005 |"))
    let csv = try #require(CSVReport(data).files.first { $0.name == "baselines.csv" })
    #expect(csv.text.contains("c,r,q,concatenation,1,combined,p0,similarity,0.2,"))
  }

  @Test func aRunWithoutSimpleDetectorsHasNoBar() throws {
    let directory = try TemporaryDirectory()
    let data = try RunFixture().data(directory)
    #expect(BaselineTests(data).rows.isEmpty)
    #expect(!HTMLReport(data).html.contains("Against the simple detectors"))
  }
}
