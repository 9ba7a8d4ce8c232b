import Statistics
import TestSupport
import Testing

@testable import Privacy

/// Lower bounds of ε from guesses, and the report of membership inference.
@Suite struct OneRunAuditTests {
  // m, r, v; the bound at δ = 0 and at 1e-5.
  static let values: [(Int, Int, Int, Double, Double)] = [
    (1000, 1000, 1000, 5.8091, 5.7823), (1000, 1000, 750, 0.9767, 0.9764),
    (1000, 1000, 600, 0.2975, 0.2972), (1000, 100, 100, 3.4930, 3.4654),
    (1000, 100, 90, 1.6308, 1.6261), (500, 50, 50, 2.7847, 2.7705),
    (1000, 20, 20, 1.8227, 1.7913), (1000, 1000, 500, 0, 0),
  ]

  @Test(arguments: values) func bounds(m: Int, r: Int, v: Int, pure: Double, approximate: Double)
    throws
  {
    let guesses = try OneRunAudit.Guesses(canaries: m, guesses: r, correct: v)
    expectClose(try OneRunAudit.lowerBound(of: guesses, delta: 0), pure, absolute: 6e-5)
    expectClose(try OneRunAudit.lowerBound(of: guesses, delta: 1e-5), approximate, absolute: 6e-5)
    // At the bound the probability is the significance.
    if pure > 0 {
      expectClose(
        try OneRunAudit.pValue(of: guesses, epsilon: pure, delta: 0), 0.05, absolute: 1e-4)
    }
  }

  /// jax_privacy, tests/auditing_test.py: 10,000 scores each at mid-quantiles of normal distributions.
  @Test(arguments: [(1.0, 1.13346, 386), (2, 2.311945, 374), (4, 4.395568, 140)])
  func thresholdsOfNormalScores(shift: Double, bound: Double, vertices: Int) throws {
    let quantiles = try (0..<10_000).map {
      try NormalDistribution.quantile((Double($0) + 0.5) / 1e4)
    }
    let found = try OneRunAudit.lowerBound(
      included: quantiles.map { $0 + shift }, excluded: quantiles, delta: 1e-6)
    expectClose(found, bound, absolute: 1e-5)
    #expect(
      OneRunAudit.hull(included: quantiles.map { $0 + shift }, excluded: quantiles).count
        == vertices)
  }

  @Test func guessesFromScores() throws {
    let guesses = try OneRunAudit.Guesses(
      included: [9, 8, 3, 1], excluded: [7, 2, 2.5, 0, -1], guesses: 6)
    // In: 9, 8, 7; out: -1, 0, 1.
    #expect(guesses.canaries == 9 && guesses.guesses == 6 && guesses.correct == 4)
    #expect(throws: PrivacyError.self) {
      try OneRunAudit.Guesses(included: [1], excluded: [2], guesses: 4)
    }
    for (m, r, v) in [(10, 11, 5), (10, 5, 6), (10, 5, -1)] {
      #expect(throws: PrivacyError.self) {
        try OneRunAudit.Guesses(canaries: m, guesses: r, correct: v)
      }
    }
    // Nothing to tell them by.
    #expect(
      try OneRunAudit.lowerBound(included: [1, 2, 3], excluded: [1, 2, 3], delta: 1e-5) == 0)
  }

  @Test func scores() {
    #expect(MembershipScores.loss(2) == -2)
    #expect(MembershipScores.reference(loss: 2, referenceLoss: 3) == 1)
    #expect(MembershipScores.leastLikely([-1, -5, -2, -4, -3], share: 0.4) == -4.5)
    #expect(MembershipScores.leastLikely([-1, -5], share: 0.1) == -5)
    #expect(MembershipScores.similarityMargin(own: 0.9, others: [0.1, 0.3]) == 0.7)
    #expect(MembershipScores.exposure(loss: 1, references: [2, 3, 4]) == 2)
    #expect(MembershipScores.exposure(loss: 5, references: [2, 3, 4]) == 0)
    #expect(MembershipScores.exposure(loss: 3, references: [2, 3, 4]) < 0.5)
  }

  @Test func membershipInferenceOfNormalScores() throws {
    // Distance 1: area Φ(1/√2), rate at 1 % Φ(1 − 2.326).
    let quantiles = try (0..<2000).map { try NormalDistribution.quantile((Double($0) + 0.5) / 2e3) }
    var random = SeededGenerator(seed: 1)
    let report = try MembershipInference(
      members: quantiles.map { $0 + 1 }, others: quantiles, epsilon: 2, delta: 1e-5,
      using: &random)
    let area = try #require(report.area.value)
    expectClose(area.value, NormalDistribution.cumulative(1 / 2.0.squareRoot()), absolute: 1e-3)
    #expect(area.interval.contains(area.value) && area.interval.upper - area.interval.lower < 0.04)
    expectClose(
      report.balancedAccuracy.value ?? .nan, NormalDistribution.cumulative(0.5), absolute: 2e-3)
    let rate = try #require(report.rates[1].truePositiveRate.value)
    expectClose(rate.value, NormalDistribution.cumulative(1 - 2.3263), absolute: 5e-3)
    expectClose(report.rates[1].ceiling, 0.01 * 7.389_056 + 1e-5, absolute: 1e-6)
    let few = try MembershipInference(
      members: [1, 2], others: [1, 2, 3], epsilon: .infinity, delta: 0, using: &random)
    #expect(few.rates[0].truePositiveRate.value == nil && few.rates[0].ceiling == 1)
  }
}
