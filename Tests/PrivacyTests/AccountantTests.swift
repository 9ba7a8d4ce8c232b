import Basics
import Privacy
import TestSupport
import Testing

@testable import Evaluation

/// The reference values that Opacus, TensorFlow Privacy, dp_accounting and prv_accountant publish in
/// their own tests, to the digits they give.
@Suite struct PublishedValueTests {
  private func phase(_ sigma: Double, _ rate: Double, _ steps: Int) throws -> [SampledGaussian] {
    [try SampledGaussian(noiseMultiplier: sigma, rate: rate, steps: steps)]
  }

  @Test(arguments: AccountantReferences.renyi)
  func renyiDivergences(_ row: AccountantReference) throws {
    let accountant = RenyiAccountant(orders: AccountantReferences.orders)
    expectClose(
      try accountant.epsilon(of: [row.phase()], delta: row.delta), row.epsilon,
      absolute: row.tolerance)
  }

  @Test func renyiDivergencesOfTheSpecification() throws {
    let huge = RenyiAccountant(orders: [1.25, 1.5, 2, 8, 64])
    expectClose(
      try huge.epsilon(of: phase(0.1, 1024 / 1e8, 976_562), delta: 1e-7), 5_907_982.31,
      absolute: 0, relative: 1e-5)
    let vector = RenyiAccountant(orders: [1.5, 2.5, 5, 50, 100])
    let found = try vector.divergences(of: phase(2.5, 0.01, 50))
    expectClose(
      found, [6.5007e-4, 1.0854e-3, 2.1808e-3, 2.38460e-2, 167.4163], absolute: 0, relative: 1e-4)
  }

  @Test func conversion() {
    let fine = (101...20_000).map { Double($0) / 100 }
    let zCDP = RenyiAccountant(orders: fine)
    expectClose(
      zCDP.epsilon(divergences: fine.map { 0.81 * $0 }, delta: 1e-10).epsilon, 8.92226,
      absolute: 1e-4)
    let orders = (2...32).map(Double.init)
    let constant = RenyiAccountant(orders: orders)
      .epsilon(divergences: orders.map { _ in 1.1 }, delta: 1e-5)
    expectClose(constant.epsilon, 1.327_838_061_76, absolute: 1e-9)
    #expect(constant.order == 32)
  }

  @Test(arguments: AccountantReferences.lossVariables)
  func privacyLossVariables(_ row: AccountantReference) throws {
    let phases = [try row.phase()]
    let bounds = try PRVAccountant().bounds(of: phases, delta: row.delta)
    expectClose(bounds.estimate, row.epsilon, absolute: row.tolerance)
    #expect(bounds.lower <= bounds.estimate && bounds.estimate <= bounds.upper)
    if let published = row.published { expectClose(bounds.upper, published, absolute: 0.002) }
    // The second accountant is an upper bound, and hardly above the figure.
    let second = try PLDAccountant().epsilon(of: phases, delta: row.delta)
    #expect(second > bounds.estimate - 1e-4 && second < bounds.estimate + 0.005, "\(second)")
    #expect(try RenyiAccountant().epsilon(of: phases, delta: row.delta) > bounds.estimate)
  }

  @Test func deltas() throws {
    let accountant = PRVAccountant(epsilonError: 1e-3)
    expectClose(
      try accountant.delta(of: phase(0.5, 0.2, 3), epsilon: 1), 0.15594, absolute: 1e-4)
    expectClose(
      try accountant.delta(of: phase(3.0.squareRoot(), 1, 3), epsilon: 1), 0.126_936_7,
      absolute: 1e-5)
  }

  @Test func gaussianApproximation() throws {
    for row in AccountantReferences.gaussian {
      expectClose(
        try GaussianApproximation.epsilon(of: [row.phase()], delta: row.delta), row.epsilon,
        absolute: row.tolerance)
    }
    expectClose(
      GaussianApproximation.delta(mu: 1, epsilon: 1), 0.126_936_7, absolute: 1e-7)
  }
}

/// Against implementations of others (Tests/Fixtures/privacy/make_accounting.py).
@Suite struct AccountantGoldenTests {
  private func golden() throws -> JSONObject {
    try JSONParser.parse(contentsOf: Checkout.fixture("privacy/accounting.json")).requiredObject()
  }

  private func phase(_ row: JSONObject) throws -> SampledGaussian {
    try SampledGaussian(
      noiseMultiplier: row.double("sigma"), rate: row.double("rate"), steps: row.int("steps"))
  }

  @Test func divergencesEqualQuadrature() throws {
    let rows = try golden().objects("rdp")
    #expect(rows.count == 48)
    for row in rows {
      let phase = try SampledGaussian(
        noiseMultiplier: row.double("sigma"), rate: row.double("rate"), steps: 1)
      let order = try row.double("order")
      let found = RenyiAccountant(orders: [order]).divergences(of: [phase])[0]
      let comment = "σ \(phase.noiseMultiplier), q \(phase.rate), α \(order)"
      // Fractional orders: the moment is near 1, and its last digit is 1e-16.
      let absolute = 2e-15 / (order - 1)
      expectClose(found, try row.double("quadrature"), absolute: absolute, relative: 1e-9, comment)
      expectClose(found, try row.double("opacus"), absolute: 1e-11, relative: 1e-6, comment)
    }
  }

  @Test func lossDistributionsEqualOthers() throws {
    for row in try golden().objects("pld") {
      let (phase, delta) = (try phase(row), try row.double("delta"))
      let expected = try row.double("epsilon")
      let found = try PLDAccountant().epsilon(of: [phase], delta: delta)
      expectClose(found, expected, absolute: 1.5e-3, "\(phase)")
    }
    for row in try golden().objects("prv") {
      let bounds = try PRVAccountant().bounds(of: [phase(row)], delta: row.double("delta"))
      expectClose(bounds.lower, try row.double("lower"), absolute: 1e-3)
      expectClose(bounds.estimate, try row.double("estimate"), absolute: 5e-4)
      expectClose(bounds.upper, try row.double("upper"), absolute: 1e-3)
    }
  }

  @Test func phasesCompose() throws {
    for row in try golden().objects("composition") {
      let delta = try row.double("delta")
      let phases = try row.array("phases").map { cells in
        let numbers = (cells.arrayValue ?? []).compactMap(\.doubleValue)
        return try SampledGaussian(
          noiseMultiplier: numbers[0], rate: numbers[1], steps: Int(numbers[2]))
      }
      let expected = try row.double("pld")
      let bounds = try PRVAccountant().bounds(of: phases, delta: delta)
      #expect(bounds.lower <= expected && expected <= bounds.upper + 1e-3)
      expectClose(bounds.estimate, expected, absolute: 2e-3)
      expectClose(try PLDAccountant().epsilon(of: phases, delta: delta), expected, absolute: 2e-3)
      // dp_accounting adds absolute values at fractional orders: ours is at most theirs.
      let renyi = try RenyiAccountant().epsilon(of: phases, delta: delta)
      #expect(renyi <= (try row.double("rdp")) + 1e-9 && renyi > expected)
      let reversed = try PRVAccountant().bounds(of: phases.reversed(), delta: delta)
      expectClose(reversed.estimate, bounds.estimate, absolute: 1e-7)
      // Split phases are the same work.
      let halves = try phases.flatMap { phase in
        try [phase.steps / 2, phase.steps - phase.steps / 2].map {
          try SampledGaussian(
            noiseMultiplier: phase.noiseMultiplier, rate: phase.rate, steps: $0)
        }
      }
      expectClose(
        try PRVAccountant().bounds(of: halves, delta: delta).estimate, bounds.estimate,
        absolute: 1e-6)
    }
  }
}
