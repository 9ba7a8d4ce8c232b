import Privacy
import TestSupport
import Testing

@testable import Evaluation

/// Figures over seeds, and what is chosen by them.
@Suite struct ExperimentFiguresTests {
  @Test func spreadsHaveStudentsInterval() throws {
    let spread = try Spread([1, 2, 3])
    expectClose([spread.mean, spread.deviation], [2, 1], absolute: 1e-12)
    // scipy.stats.t.ppf(0.975, 2) = 4.302652729911275
    let interval = try spread.interval()
    expectClose(
      [interval.lower, interval.upper], [-0.4841377118, 4.4841377118], absolute: 1e-8)
    #expect(spread.text(2) == "2.00 ± 1.00")
    let one = try Spread([5])
    #expect(one.deviation == 0)
    #expect(try one.interval().lower == -.infinity && one.interval().upper == .infinity)
  }

  @Test func theBestRateIsThatOfTheMean() throws {
    // Seed 2 alone would choose the other.
    let values: [Double: [Double]] = [0.1: [0.9, 0.5], 0.2: [0.6, 0.7]]
    let best = try BestOfGrid([0.1, 0.2], seeds: [0, 1]) { values[$0]?[Int($1)] ?? 0 }
    #expect(best.rate == 0.1 && best.spread.values == [0.9, 0.5])
  }

  @Test func parabolasHaveTheirTop() throws {
    let rates = [0.5, 1, 2, 3, 4]
    let top = try #require(OneStepTheory.bestRate(rates, rates.map { 3 * $0 - 0.75 * $0 * $0 }))
    expectClose(top, 2, absolute: 1e-9)
    // Without a top there is no best rate.
    #expect(OneStepTheory.bestRate(rates, rates.map { 3 * $0 + 0.1 * $0 * $0 }) == nil)
    expectClose(OneStepTheory.correlation([1, 2, 3], [2, 4, 6]), 1, absolute: 1e-12)
    expectClose(OneStepTheory.correlation([1, 2, 3], [3, 2, 1]), -1, absolute: 1e-12)
  }

  @Test func canariesAndRecordsAreSeeded() {
    var (first, second) = (ClassWorld(seed: 5), ClassWorld(seed: 5))
    #expect(first.records(20) == second.records(20))
    #expect(first.canaries(20) == second.canaries(20))
    #expect(Set(first.records(500).map(\.label)).count == ClassWorld.classes)
  }
}
