import Basics
import Defenses
import Retrieval
import Statistics
import TestSupport
import Testing

@testable import Evaluation

/// What a detection report says beside its rates: which documents are flagged, and how a detector
/// compares with the simple ones.
@Suite struct FlagsAndComparisonsTests {
  private typealias Base = DetectionProtocolTests

  @Test func areasAreComparedWithEverySimpleDetector() throws {
    let dataset = try Base.dataset(cosine: 0.7)
    let names = ["mahalanobis", "similarity", "document-norm", "verbatim-overlap"]
    let settings = DetectionProtocol(detectors: names.map { .init($0) })
    let report = try settings.evaluate(dataset)
    try #require(report.fits.map(\.detector) == names)
    for fit in report.fits {
      for (number, cell) in fit.cells.enumerated() {
        let isShown = cell.positives == .reached && cell.negatives == .hard
        let isSimple = DetectionReport.baselines.contains(fit.detector)
        #expect(
          cell.comparisons.map(\.baseline)
            == (isShown && !isSimple ? ["similarity", "verbatim-overlap"] : []))
        for comparison in cell.comparisons {
          let bar = try #require(report.fits.first { $0.detector == comparison.baseline })
          guard let own = cell.areaUnderROC.value,
            let other = bar.cells[number].areaUnderROC.value
          else {
            #expect(comparison.difference.value == nil)
            continue
          }
          let difference = try #require(comparison.difference.value)
          #expect(expectClose(difference.value, own.value - other.value))
          #expect(difference.interval.contains(difference.value))
        }
      }
    }
    // Without a bar there is nothing to compare with.
    let alone = try DetectionProtocol(detectors: [.init("mahalanobis")]).evaluate(dataset)
    #expect(alone.fits[0].cells.allSatisfy { $0.comparisons.isEmpty })
  }

  private func expectClose(_ found: Double, _ expected: Double) -> Bool {
    (found - expected).magnitude <= 1e-12
  }

  @Test func thereAreAsManyFlagsAsTheRatesSay() throws {
    let settings = DetectionProtocol(detectors: [.init("similarity")])
    let report = try settings.evaluate(Base.dataset())
    let fit = report.fits[0]
    let threshold = try #require(
      fit.falsePositives.first { $0.nominal == 0.05 && $0.unit == .pair })
    let clean = fit.flags.filter { $0.payloadKind == nil }
    let rate = try #require(threshold.pairRate.value)
    #expect(clean.reduce(0) { $0 + $1.lists } == Int((rate.value * 48 * 5).rounded()))
    for kind in ["near", "far"] {
      let cell = try #require(
        fit.cells.first { $0.payloadKind == kind && $0.positives == .all && $0.negatives == .hard })
      let found = try #require(
        cell.truePositives.first { $0.nominal == 0.05 && $0.unit == .pair }?.found.value)
      #expect(fit.flags.count { $0.payloadKind == kind } == found.successes)
    }
    #expect(!fit.flags.isEmpty)
    for flag in fit.flags {
      #expect(flag.nominal == 0.05 && flag.score > flag.threshold && flag.pValue <= 0.05)
      #expect(flag.threshold == threshold.threshold.value)
    }
    // They are not among the figures.
    #expect(report.json.objectValue?["fits"]?.arrayValue?[0].objectValue?["flags"] == nil)
  }

  /// A passage that many lists hold stands once, with its greatest score.
  @Test func aDocumentStandsOnce() throws {
    var dataset = try Base.dataset()
    for number in dataset.questions.indices {
      let clean = dataset.questions[number].clean
      dataset.questions[number].clean = try DetectionList(
        query: clean.query,
        candidates: clean.candidates.enumerated().map { rank, candidate in
          DetectionCandidate(
            id: "rank-\(rank)", title: "", text: candidate.text, vector: candidate.vector,
            similarity: candidate.similarity)
        })
    }
    let fit = try DetectionProtocol(detectors: [.init("similarity")]).evaluate(dataset).fits[0]
    let clean = fit.flags.filter { $0.payloadKind == nil }
    #expect(Set(clean.map(\.document)).count == clean.count && clean.count <= 5)
    let first = try #require(clean.first { $0.document == "rank-0" })
    #expect(first.lists > 1)
    let best = dataset.questions.first { $0.clean.query.id == first.query }
    #expect(best?.clean.candidates[0].similarity == first.score)
  }

  /// Too few clean passages to calibrate with: no threshold, no flag.
  @Test func withoutAThresholdNothingIsFlagged() throws {
    var settings = DetectionProtocol(detectors: [.init("similarity")])
    settings.falsePositiveRates = [0.0001]
    let report = try settings.evaluate(Base.dataset())
    #expect(report.flags.isEmpty)
  }
}
