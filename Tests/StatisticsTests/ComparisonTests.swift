import Statistics
import TestSupport
import Testing

@Suite struct ComparisonTests {
  private func clusters(
    _ count: Int, _ seed: UInt64
  ) -> (negatives: [[Double]], positives: [[Double]]) {
    var generator = SeededGenerator(seed: seed)
    func noise() -> Double { .random(in: -1...1, using: &generator) }
    var negatives: [[Double]] = []
    var positives: [[Double]] = []
    for _ in 0..<count {
      let common = noise()
      negatives.append((0..<5).map { _ in common + noise() })
      positives.append([common + 0.7 + noise()])
    }
    return (negatives, positives)
  }

  @Test func clusteredDifferencesMatchObuchowski() throws {
    for row in Golden.shared.clusteredROC {
      let first = try ClusteredPlacements(negatives: row.negatives, positives: row.positives)
      let second = try ClusteredPlacements(
        negatives: row.secondNegatives, positives: row.secondPositives)
      let difference = try #require(try DeLong.difference(first, second).value)
      #expect(isClose(difference.value, row.difference))
      // Sums of products in another order; the error is their square root.
      #expect(isClose(difference.standardError, row.standardError, relative: 1e-9))
    }
  }

  /// Each unit a cluster of its own.
  @Test func withoutClustersItIsDeLong() throws {
    for row in Golden.shared.roc {
      let empty = { (values: [Double]) in values.map { _ in [Double]() } }
      let single = { (values: [Double]) in values.map { [$0] } }
      func placements(_ negatives: [Double], _ positives: [Double]) throws -> ClusteredPlacements {
        try ClusteredPlacements(
          negatives: single(negatives) + empty(positives),
          positives: empty(negatives) + single(positives))
      }
      let difference = try #require(
        try DeLong.difference(
          placements(row.negatives, row.positives),
          placements(row.secondNegatives, row.secondPositives)
        ).value)
      #expect(isClose(difference.value, row.difference))
      #expect(isClose(difference.standardError, row.differenceError, relative: 1e-9))
    }
  }

  /// Drawing whole clusters anew estimates the same error; taking every document for a unit of its own
  /// does not.
  @Test func theErrorIsThatOfTheClusterBootstrap() throws {
    let (negatives, positives) = clusters(60, 5)
    // The second score adds something that a cluster has in common.
    let (other, _) = clusters(60, 6)
    let mixed = zip(negatives, other).map { list, other in list.map { $0 + 2 * other[0] } }
    let mixedPositives = zip(positives, other).map { list, other in list.map { $0 + 2 * other[0] } }
    let difference = try #require(
      try DeLong.difference(
        ClusteredPlacements(negatives: negatives, positives: positives),
        ClusteredPlacements(negatives: mixed, positives: mixedPositives)
      ).value)
    var generator = SeededGenerator(seed: 7)
    let bootstrap = try #require(
      try Bootstrap.resampling(60, resamples: 1000, using: &generator) { drawn in
        func area(_ negatives: [[Double]], _ positives: [[Double]]) throws -> Double? {
          try BinaryScores(
            negatives: drawn.flatMap { negatives[$0] }, positives: drawn.flatMap { positives[$0] }
          ).areaUnderROC.value
        }
        guard let one = try area(negatives, positives), let two = try area(mixed, mixedPositives)
        else { return nil }
        return one - two
      }.value)
    let naive = try #require(
      try DeLong.difference(
        BinaryScores(negatives: negatives.flatMap(\.self), positives: positives.flatMap(\.self)),
        BinaryScores(negatives: mixed.flatMap(\.self), positives: mixedPositives.flatMap(\.self))
      ).value)
    #expect(isClose(difference.value, bootstrap.value) && isClose(naive.value, bootstrap.value))
    // 1,000 resamples know a standard error to about 2 %; the two estimators differ by as much again.
    #expect(isClose(difference.standardError, bootstrap.standardError, relative: 0.1))
    #expect(!isClose(naive.standardError, bootstrap.standardError, relative: 0.2))
  }

  @Test func clustersThatDoNotFitAreRefused() throws {
    let one = try ClusteredPlacements(negatives: [[1], [2]], positives: [[2], [3]])
    let other = try ClusteredPlacements(negatives: [[1, 2], []], positives: [[2], [3]])
    #expect(throws: StatisticsError.self) { try DeLong.difference(one, other) }
    #expect(throws: StatisticsError.self) {
      try ClusteredPlacements(negatives: [[1]], positives: [])
    }
    let clean = try ClusteredPlacements(negatives: [[1], [2]], positives: [[], []])
    #expect(try DeLong.difference(clean, clean) == .notApplicable("no positives"))
    let lonely = try ClusteredPlacements(negatives: [[1], [2]], positives: [[3], []])
    #expect(try DeLong.difference(lonely, lonely).value == nil)
    let same = try #require(try DeLong.difference(one, one).value)
    #expect(same.value == 0 && same.pValue.value == nil)
  }

  @Test func differencesOfProportionsMatchTheReference() throws {
    for row in Golden.shared.proportionDifferences {
      let first = try Proportion(successes: row.first[0], trials: row.first[1])
      let second = try Proportion(successes: row.second[0], trials: row.second[1])
      let interval = try #require(try IndependentComparison.difference(first, second).value)
      #expect(areClose([interval.lower, interval.upper], row.newcombe, relative: 1e-10))
      let p = try #require(IndependentComparison.fisher(first, second).value)
      #expect(isClose(p, row.fisher, relative: 1e-9), "\(p), \(row.fisher)")
    }
    let none = try Proportion(successes: 0, trials: 0)
    #expect(IndependentComparison.fisher(none, none).value == nil)
    #expect(try IndependentComparison.difference(none, none).value == nil)
  }

  @Test func thePValueAgreesWithTheInterval() throws {
    let narrow = Interval(lower: 0.1, upper: 0.4, level: 0.95)
    let wide = Interval(lower: -0.1, upper: 0.4, level: 0.95)
    #expect(try #require(IndependentComparison.pValue(of: 0.2, narrow).value) < 0.05)
    #expect(try #require(IndependentComparison.pValue(of: 0.2, wide).value) > 0.05)
    let edge = Interval(lower: 0, upper: 0.4, level: 0.95)
    #expect(isClose(try #require(IndependentComparison.pValue(of: 0.2, edge).value), 0.05))
    let point = Interval(lower: 0, upper: 0, level: 0.95)
    #expect(try IndependentComparison.pValue(of: 0, point).value == nil)
  }
}
