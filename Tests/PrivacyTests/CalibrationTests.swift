import Basics
import Glibc
import TestSupport
import Testing
import Training

@testable import Privacy

/// Settings that keep a budget, and the account of a run.
@Suite struct CalibrationTests {
  private func phase(_ sigma: Double, _ rate: Double, _ steps: Int) throws -> SampledGaussian {
    try SampledGaussian(noiseMultiplier: sigma, rate: rate, steps: steps)
  }

  static let targets: [(Double, Double, Double, Int)] = [
    (8, 1e-5, 0.04, 2250), (1, 1e-5, 0.01, 1), (1, 1e-5, 0.064, 250), (0.1, 1e-6, 0.01, 300),
    (4, 1e-5, 0.1, 150), (3, 1e-5, 1, 20),
  ]

  @Test(arguments: targets) func theNoiseKeepsTheBudgetAndIsNotWasted(
    epsilon: Double, delta: Double, rate: Double, steps: Int
  ) throws {
    let calibration = Calibration(
      budget: try Calibration.Budget(epsilon: epsilon, delta: delta))
    let sigma = try calibration.noiseMultiplier(rate: rate, steps: steps)
    let found = try calibration.check(phase(sigma, rate, steps))
    #expect(found.first <= epsilon && found.second <= epsilon)
    // By both accountants, and by Rényi's only with more noise.
    #expect(
      try PLDAccountant().epsilon(of: [phase(sigma, rate, steps)], delta: delta) <= epsilon)
    #expect(
      try PLDAccountant().epsilon(of: [phase(sigma * 0.97, rate, steps)], delta: delta) > epsilon)
    // What a run with this plan reports is within its target.
    let ledger = try PrivacyLedger(
      .init(phase: phase(sigma, rate, steps), delta: delta, epsilon: epsilon, dataset: "d"))
    for _ in 0..<steps { ledger.recordStep() }
    #expect(try ledger.epsilon() <= epsilon)
    #expect(try ledger.summary().double("epsilonPRV") <= epsilon)
    // The steps that this noise allows are these, and a few more at most.
    let allowed = try calibration.steps(noiseMultiplier: sigma, rate: rate)
    #expect(allowed >= steps && Double(allowed) <= Double(steps) * 1.03 + 1)
  }

  @Test func publishedMultipliers() throws {
    // dp_accounting/pld/accountant_test.py: one query; and 25 of sensitivity 6.
    let budget = try Calibration.Budget(epsilon: 1, delta: 1e-5)
    let fine = Calibration(budget: budget, by: PRVAccountant(epsilonError: 1e-3))
    expectClose(
      try fine.noiseMultiplier(rate: 0.01, steps: 1), 0.673_792_946_82, absolute: 0, relative: 3e-3)
    expectClose(
      6 * (try fine.noiseMultiplier(rate: 0.001, steps: 25)), 3.209_565_025_98, absolute: 0,
      relative: 3e-3)
    // opacus/tests/accountants_test.py: their bisection stops within 0.01 of ε.
    let eight = try Calibration.Budget(epsilon: 8, delta: 1e-5)
    let byPRV = try Calibration(budget: eight).noiseMultiplier(rate: 0.04, steps: 2250)
    let byRDP = try Calibration(budget: eight, by: RenyiAccountant())
      .noiseMultiplier(rate: 0.04, steps: 2250)
    expectClose(byPRV, 1.347_656_25, absolute: 0.005)
    expectClose(byRDP, 1.416, absolute: 0.005)
    // What they find spends 8 to that hundredth by our accountants, also for 2,000 steps.
    for (sigma, steps, accountant) in [
      (1.416, 2250, RenyiAccountant()), (1.347_656_25, 2250, PRVAccountant()),
      (1.3562, 2000, RenyiAccountant()), (1.2915, 2000, PRVAccountant()),
    ] as [(Double, Int, any PrivacyAccountant)] {
      expectClose(
        try accountant.epsilon(of: [phase(sigma, 0.04, steps)], delta: 1e-5), 8, absolute: 0.02)
    }
    expectClose(
      try GaussianApproximation.epsilon(of: [phase(1.323_242_187_5, 0.04, 2250)], delta: 1e-5), 8,
      absolute: 0.02)
  }

  @Test func phasesBeforeCount() throws {
    let budget = try Calibration.Budget(epsilon: 2, delta: 1e-5)
    let before = try phase(2, 0.05, 100)
    let alone = try Calibration(budget: budget).noiseMultiplier(rate: 0.05, steps: 100)
    let after = try Calibration(budget: budget, after: [before])
      .noiseMultiplier(rate: 0.05, steps: 100)
    #expect(after > alone * 1.05)
    #expect(
      try PLDAccountant().epsilon(of: [before, phase(after, 0.05, 100)], delta: 1e-5) <= 2)
    // Nothing is left: every step is refused, and no noise helps.
    let spent = Calibration(budget: budget, after: [try phase(0.8, 0.05, 1000)])
    #expect(try spent.steps(noiseMultiplier: 1, rate: 0.05) == 0)
    #expect(throws: PrivacyError.self) { try spent.noiseMultiplier(rate: 0.05, steps: 1) }
  }

  @Test func claimsThatCannotBeMadeAreRefused() throws {
    let none = try phase(0, 0.1, 10)
    #expect(try RenyiAccountant().epsilon(of: [none], delta: 1e-5) == .infinity)
    #expect(try PRVAccountant().epsilon(of: [none], delta: 1e-5) == .infinity)
    #expect(try PLDAccountant().epsilon(of: [none], delta: 1e-5) == .infinity)
    #expect(try GaussianApproximation.epsilon(of: [none], delta: 1e-5) == .infinity)
    let budget = try Calibration.Budget(epsilon: 1, delta: 1e-5)
    #expect(throws: PrivacyError.noNoise(epsilon: 1)) {
      try Calibration(budget: budget).check(none)
    }
    for (sigma, rate, steps) in [
      (-1.0, 0.1, 1), (.nan, 0.1, 1), (1, 1.1, 1), (1, -0.1, 1), (1, 1, -1),
    ] {
      #expect(throws: PrivacyError.self) { try phase(sigma, rate, steps) }
    }
    for delta in [0, 1, -1, .nan, 2] as [Double] {
      #expect(throws: PrivacyError.self) {
        try RenyiAccountant().epsilon(of: [phase(1, 0.1, 1)], delta: delta)
      }
    }
    #expect(throws: PrivacyError.self) { try PrivacyLedger.check(delta: 0.01, records: 100) }
    try PrivacyLedger.check(delta: 0.0099, records: 100)
    // Nothing done costs nothing.
    for idle in [try phase(1, 0, 10), try phase(1, 0.5, 0), try phase(0, 0.5, 0)] {
      #expect(try PRVAccountant().epsilon(of: [idle], delta: 1e-5) == 0)
      #expect(try RenyiAccountant().epsilon(of: [idle], delta: 1e-5) == 0)
    }
    // Too large for a grid: said, not guessed.
    #expect(throws: PrivacyError.self) {
      try PRVAccountant().epsilon(of: [phase(0.01, 0.5, 1000)], delta: 1e-5)
    }
    #expect(throws: PrivacyError.self) {
      try PRVAccountant().epsilon(of: [phase(1, 0.5, 10)], delta: 1e-13)
    }
  }

  @Test func theAccountGoesOnAndFitsOnlyItsRun() throws {
    func plan(_ steps: Int = 20, dataset: String = "a", epsilon: Double? = nil) throws
      -> PrivacyLedger.Plan
    {
      PrivacyLedger.Plan(
        phase: try phase(1.5, 0.1, steps), delta: 1e-5, epsilon: epsilon, dataset: dataset)
    }
    let ledger = try PrivacyLedger(plan())
    #expect(try ledger.epsilon() == 0)
    for _ in 0..<7 { ledger.recordStep() }
    let record = ledger.savedState()
    let again = try PrivacyLedger(plan())
    try again.restore(record)
    #expect(again.steps == 7 && again.released == ledger.released)
    let epsilon = try again.epsilon()
    #expect(epsilon == (try PRVAccountant().epsilon(of: [phase(1.5, 0.1, 7)], delta: 1e-5)))
    let summary = try again.summary()
    #expect(summary["epsilonPRV"]?.doubleValue == epsilon)
    #expect(summary["adjacency"]?.stringValue == "add-or-remove-one-record")
    // Other data, another plan, and an account that would go back.
    for other in [try plan(dataset: "b"), try plan(21)] {
      #expect(throws: PrivacyError.self) { try PrivacyLedger(other).restore(record) }
    }
    #expect(throws: PrivacyError.self) {
      try PrivacyLedger(plan(), after: [phase(1, 0.1, 1)]).restore(record)
    }
    again.recordStep()
    #expect(throws: PrivacyError.self) { try again.restore(record) }
    // A plan that would exceed its own promise does not begin.
    _ = try PrivacyLedger(plan(epsilon: 8))
    #expect(throws: PrivacyError.self) { try PrivacyLedger(plan(epsilon: 0.5)) }
  }

  @Test func transformsEqualTheDefinition() {
    var random = SeededGenerator(seed: 3)
    for count in [1, 2, 8, 64] {
      let real = (0..<count).map { _ in random.uniform() }
      let imaginary = (0..<count).map { _ in random.uniform() - 0.5 }
      var (a, b) = (real, imaginary)
      let transform = FourierTransform(count: count)
      transform.forward(&a, &b)
      for k in 0..<count {
        var (x, y) = (0.0, 0.0)
        for n in 0..<count {
          let angle = -2 * Double.pi * Double(k * n) / Double(count)
          x += real[n] * cos(angle) - imaginary[n] * sin(angle)
          y += real[n] * sin(angle) + imaginary[n] * cos(angle)
        }
        expectClose([a[k], b[k]], [x, y], absolute: 1e-12)
      }
      transform.inverse(&a, &b)
      expectClose(a + b, real + imaginary, absolute: 1e-14)
    }
  }
}
