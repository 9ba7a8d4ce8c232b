import Statistics
import Testing

@Suite struct DistributionTests {
  let golden = Golden.shared

  @Test func normalQuantileMatchesScipy() throws {
    for row in golden.normalQuantile {
      #expect(isClose(try NormalDistribution.quantile(row.p), row.value), "p = \(row.p)")
    }
  }

  @Test func normalCumulativeMatchesScipy() {
    for row in golden.normalCumulative {
      #expect(
        isClose(NormalDistribution.cumulative(row.x), row.value, absolute: 0), "x = \(row.x)")
    }
  }

  @Test func logGammaAndLogBetaMatchScipy() {
    for row in golden.logGamma {
      #expect(isClose(logGamma(row.x), row.value), "x = \(row.x)")
    }
    for row in golden.logBeta {
      #expect(isClose(BetaFunction.logarithm(row.a, row.b), row.value), "\(row.a), \(row.b)")
      #expect(isClose(BetaFunction.logarithm(row.b, row.a), row.value), "\(row.b), \(row.a)")
    }
  }

  // Tolerances: the prefactor is the exponential of a difference of numbers up to 1e4 here.
  @Test func incompleteBetaMatchesScipy() throws {
    for row in golden.incompleteBeta {
      let found = try BetaFunction.regularizedIncomplete(row.x, a: row.a, b: row.b)
      #expect(isClose(found, row.value, relative: 1e-11, absolute: 1e-300), "\(row)")
    }
  }

  @Test func inverseIncompleteBetaMatchesScipy() throws {
    for row in golden.inverseIncompleteBeta {
      let found = try BetaFunction.inverseRegularizedIncomplete(row.p, a: row.a, b: row.b)
      #expect(isClose(found, row.value, relative: 1e-10, absolute: 1e-300), "\(row) \(found)")
    }
  }

  @Test(arguments: [0.0, 1.0, -0.1, .nan, .infinity])
  func quantileOutsideTheUnitIntervalIsRefused(probability: Double) {
    #expect(throws: StatisticsError.self) { try NormalDistribution.quantile(probability) }
  }

  @Test(arguments: [
    (-0.1, 1.0, 1.0), (1.1, 1, 1), (.nan, 1, 1), (0.5, 0, 1), (0.5, 1, -1), (0.5, .nan, 1),
    (0.5, 1, .infinity),
  ])
  func incompleteBetaRefuses(x: Double, a: Double, b: Double) {
    #expect(throws: StatisticsError.self) {
      try BetaFunction.regularizedIncomplete(x, a: a, b: b)
    }
    #expect(throws: StatisticsError.self) {
      try BetaFunction.inverseRegularizedIncomplete(x, a: a, b: b)
    }
  }

  @Test func betaBinomialMatchesScipy() throws {
    for row in golden.betaBinomial {
      let distribution = try BetaBinomialDistribution(
        trials: row.trials, alpha: row.alpha, beta: row.beta)
      #expect(
        areClose(
          row.counts.map(distribution.probability(of:)), row.probabilities, relative: 1e-10),
        "\(row)")
      #expect(
        areClose(row.counts.map(distribution.cumulative), row.cumulative, relative: 1e-10),
        "\(row)")
      let interval = try distribution.centralInterval()
      #expect([interval.lowerBound, interval.upperBound] == row.interval95)
      #expect(distribution.probability(of: -1) == 0)
      #expect(distribution.probability(of: row.trials + 1) == 0)
      #expect(distribution.cumulative(-1) == 0)
    }
  }

  @Test func compensatedSumKeepsWhatNaiveSummationLoses() {
    #expect([1e16, 1, 1, -1e16].compensatedSum() == 2)
    #expect([1, 1e100, 1, -1e100].compensatedSum() == 2)
    #expect([Double]().compensatedSum() == 0)
  }
}
