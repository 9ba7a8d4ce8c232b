import Statistics
import TestSupport
import Testing

@Suite struct BootstrapTests {
  @Test func meanOfNormalValuesHasTheTheoreticalError() throws {
    var generator = SeededGenerator(seed: 3)
    let values = try (0..<400).map { _ in try NormalDistribution.quantile(generator.uniform()) }
    let estimate = try #require(
      try Bootstrap.mean(of: values, resamples: 4000, using: &generator).value)
    let summary = try Summary(of: values)
    let deviation = try #require(summary.standardDeviation.value)
    let error = deviation / 20
    #expect(isClose(estimate.value, summary.mean))
    // The error of a standard error from 4,000 resamples is about 1.1 %.
    #expect(isClose(estimate.standardError, error, relative: 0.05))
    #expect(isClose(estimate.interval.lower, summary.mean - 1.96 * error, absolute: 0.25 * error))
    #expect(isClose(estimate.interval.upper, summary.mean + 1.96 * error, absolute: 0.25 * error))
    #expect(estimate.undefinedResamples == 0 && estimate.resamples == 4000)
  }

  @Test func sameSeedSameResult() throws {
    var first = SeededGenerator(seed: 11)
    var second = SeededGenerator(seed: 11)
    var third = SeededGenerator(seed: 12)
    let values = (0..<50).map { Double($0 * $0 % 17) }
    let one = try Bootstrap.mean(of: values, using: &first)
    #expect(try Bootstrap.mean(of: values, using: &second) == one)
    #expect(try Bootstrap.mean(of: values, using: &third) != one)
  }

  @Test func pairingRemovesWhatThePairsShare() throws {
    var generator = SeededGenerator(seed: 5)
    let level = (0..<100).map { _ in generator.uniform() * 100 }
    let second = level.map { $0 + 1 + 0.1 * generator.uniform() }
    let paired = try #require(
      try Bootstrap.pairedDifference(second, level, using: &generator).value)
    #expect(paired.interval.lower > 1 && paired.interval.upper < 1.1)
    #expect(isClose(paired.pValueOfZero, 2.0 / 2001))
    let same = try #require(
      try Bootstrap.pairedDifference(level, level, using: &generator).value)
    #expect(same.pValueOfZero == 1)
    #expect(same.interval.lower == 0 && same.interval.upper == 0)
  }

  /// Ten equal outcomes a query: clustering must widen the interval by about √10.
  @Test func clusteringWidensTheInterval() throws {
    var generator = SeededGenerator(seed: 9)
    let outcomes = (0..<100).map { _ in generator.uniform() < 0.3 }
    let clusters = try outcomes.map { try Proportion(successes: $0 ? 10 : 0, trials: 10) }
    let clustered = try #require(
      try Bootstrap.clusteredRate(
        clusters, over: Resamples(3000, of: clusters.count, using: &generator)
      ).value)
    let pairs = outcomes.flatMap { [Double](repeating: $0 ? 1 : 0, count: 10) }
    let unclustered = try #require(
      try Bootstrap.mean(of: pairs, resamples: 3000, using: &generator).value)
    #expect(isClose(clustered.value, unclustered.value))
    let ratio = clustered.standardError / unclustered.standardError
    #expect(isClose(ratio, 10.0.squareRoot(), relative: 0.1))
  }

  @Test func clustersAreDrawnWhole() throws {
    var generator = SeededGenerator(seed: 2)
    let clusters = [[1, 1], [2, 2, 2], [3]]
    _ = try Bootstrap.clustered(clusters, resamples: 1000, using: &generator) { drawn in
      #expect(drawn.count == 3)
      #expect(drawn.allSatisfy(clusters.contains))
      return 1
    }
  }

  /// A number of resamples that fills no block of 16, and clusters of unequal size.
  @Test func sharedDrawsAreThoseOfThePlainBootstrap() throws {
    var random = SeededGenerator(seed: 5)
    let clusters = try (0..<37).map { _ in
      let trials = Int.random(in: 0...4, using: &random)
      return try Proportion(successes: Int.random(in: 0...trials, using: &random), trials: trials)
    }
    var first = SeededGenerator(seed: 6)
    var second = SeededGenerator(seed: 6)
    let shared = try Bootstrap.clusteredRate(
      clusters, over: Resamples(1003, of: 37, using: &first))
    let plain = try Bootstrap.clustered(clusters, resamples: 1003, using: &second) { drawn in
      let trials = drawn.reduce(0) { $0 + $1.trials }
      return trials == 0 ? nil : Double(drawn.reduce(0) { $0 + $1.successes }) / Double(trials)
    }
    #expect(shared.value != nil && shared.value == plain.value)
    #expect(throws: StatisticsError.self) { try Resamples(999, of: 3, using: &first) }
  }

  @Test func undefinedResamplesAreCounted() throws {
    var generator = SeededGenerator(seed: 4)
    let clusters = [
      try Proportion(successes: 1, trials: 2), try Proportion(successes: 0, trials: 0),
    ]
    let estimate = try #require(
      try Bootstrap.clusteredRate(
        clusters, over: Resamples(2000, of: 2, using: &generator)
      ).value)
    #expect(estimate.value == 0.5)
    // A quarter of the draws has the empty cluster twice: 500 ± 19.
    #expect((400...600).contains(estimate.undefinedResamples))
    let empty = [try Proportion(successes: 0, trials: 0)]
    let draws = try Resamples(1000, of: 1, using: &generator)
    #expect(try Bootstrap.clusteredRate(empty, over: draws).value == nil)
    #expect(try Bootstrap.mean(of: [], using: &generator).value == nil)
  }

  @Test func badArgumentsAreRefused() {
    var generator = SeededGenerator(seed: 1)
    #expect(throws: StatisticsError.self) {
      try Bootstrap.mean(of: [1, 2], resamples: 999, using: &generator)
    }
    #expect(throws: StatisticsError.self) {
      try Bootstrap.mean(of: [1, 2], level: 1, using: &generator)
    }
    #expect(throws: StatisticsError.nonFinite(name: "values", index: 1, value: "nan")) {
      try Bootstrap.mean(of: [1, .nan], using: &generator)
    }
    #expect(throws: StatisticsError.nonFinite(name: "second", index: 0, value: "-inf")) {
      try Bootstrap.pairedDifference([1], [-.infinity], using: &generator)
    }
    #expect(throws: StatisticsError.countMismatch(name: "second", found: 1, expected: 2)) {
      try Bootstrap.pairedDifference([1, 2], [1], using: &generator)
    }
    #expect(throws: StatisticsError.self) {
      try Bootstrap.clustered([1, 2], using: &generator) { $0[0] == 1 ? .nan : 1 }
    }
  }
}
