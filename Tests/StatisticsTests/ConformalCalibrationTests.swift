import Statistics
import TestSupport
import Testing

@Suite struct ConformalCalibrationTests {
  @Test(arguments: [(0.05, 19), (0.01, 99), (0.001, 999), (0.5, 1), (0.07, 14), (0.1, 9)])
  func minimumUnits(rate: Double, needed: Int) throws {
    #expect(try ConformalCalibration.minimumUnits(falsePositiveRate: rate) == needed)
    #expect(
      try ConformalCalibration.rank(units: needed, falsePositiveRate: rate) == needed)
    let error = #expect(throws: StatisticsError.self) {
      try ConformalCalibration(
        scores: [Double](repeating: 0, count: needed - 1), falsePositiveRate: rate)
    }
    #expect(error?.description.contains("needed at least \(needed)") == true)
  }

  // ⌈(m+1)(1−α)⌉ in decimal arithmetic; 100 × 0.29 is 28.999999999999996 in binary.
  @Test(arguments: [
    (19, 0.05, 19), (39, 0.05, 38), (99, 0.01, 99), (99, 0.29, 71), (100, 0.05, 96),
    (59, 0.05, 57), (1000, 0.05, 951), (999, 0.001, 999), (99, 0.07, 93),
  ])
  func rank(units: Int, rate: Double, expected: Int) throws {
    #expect(try ConformalCalibration.rank(units: units, falsePositiveRate: rate) == expected)
  }

  @Test func thresholdAndPValue() throws {
    let calibration = try ConformalCalibration(
      scores: (1...19).reversed().map(Double.init), falsePositiveRate: 0.1)
    #expect(calibration.rank == 18)
    #expect(calibration.threshold == 18)
    #expect(try calibration.pValue(of: 18) == 3.0 / 20)
    #expect(try calibration.pValue(of: 18.5) == 2.0 / 20)
    #expect(try calibration.pValue(of: 100) == 1.0 / 20)
    #expect(try calibration.pValue(of: -1) == 1)
  }

  @Test(arguments: [19, 25, 60, 137], [0.05, 0.07, 0.2])
  func flaggedExactlyWhenThePValueIsSmall(units: Int, rate: Double) throws {
    var generator = SeededGenerator(seed: UInt64(units))
    // One decimal only, so that calibration scores tie with each other and with the candidates.
    let scores = (0..<units).map { _ in (generator.uniform() * 100).rounded() / 10 }
    let calibration = try ConformalCalibration(scores: scores, falsePositiveRate: rate)
    for tenth in -1...101 {
      let score = Double(tenth) / 10
      let isFlagged = score > calibration.threshold
      #expect(isFlagged == (try calibration.pValue(of: score) <= rate + 1e-12), "\(score)")
    }
  }

  @Test func nonFiniteScoresAreRefused() throws {
    var scores = [Double](repeating: 0, count: 19)
    let calibration = try ConformalCalibration(scores: scores, falsePositiveRate: 0.05)
    #expect(throws: StatisticsError.nonFinite(name: "score", index: 0, value: "nan")) {
      try calibration.pValue(of: .nan)
    }
    scores[4] = .infinity
    #expect(
      throws: StatisticsError.nonFinite(name: "calibration scores", index: 4, value: "inf")
    ) {
      try ConformalCalibration(scores: scores, falsePositiveRate: 0.05)
    }
  }

  @Test(arguments: [0.0, 1.0, -0.05, .nan, 1e-18])
  func otherRatesAreRefused(rate: Double) {
    #expect(throws: StatisticsError.self) {
      try ConformalCalibration(scores: [1, 2, 3], falsePositiveRate: rate)
    }
  }

  /// The number of flags in simulated calibrations follows the distribution that is claimed.
  @Test func flagsAreBetaBinomial() throws {
    var generator = SeededGenerator(seed: 7)
    let rounds = 2000
    let units = 60
    let tested = 100
    var histogram = [Int](repeating: 0, count: tested + 1)
    var distribution: BetaBinomialDistribution?
    for _ in 0..<rounds {
      let calibration = try ConformalCalibration(
        scores: (0..<units).map { _ in generator.uniform() }, falsePositiveRate: 0.05)
      let flags = (0..<tested).count { _ in generator.uniform() > calibration.threshold }
      histogram[flags] += 1
      distribution = try calibration.flags(among: tested)
    }
    let expected = try #require(distribution)
    #expect(expected.alpha == 3 && expected.beta == 58)
    let mean =
      histogram.enumerated().reduce(0.0) { $0 + Double($1.offset * $1.element) } / Double(rounds)
    // Standard deviation of the count is about 3.5, of the mean of 2,000 rounds 0.08.
    #expect(isClose(mean, expected.mean, absolute: 0.32))
    var cumulative = 0
    for count in 0...tested {
      cumulative += histogram[count]
      // Kolmogorov–Smirnov at 0.1 %: 1.95 / √2000.
      let gap = Double(cumulative) / Double(rounds) - expected.cumulative(count)
      #expect(gap.magnitude <= 0.044)
    }
  }
}
