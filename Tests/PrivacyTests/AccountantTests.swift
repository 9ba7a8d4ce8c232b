import Basics
import Privacy
import TestSupport
import Testing

/// The reference values that Opacus, TensorFlow Privacy, dp_accounting and prv_accountant publish in
/// their own tests, to the digits they give.
@Suite struct PublishedValueTests {
  private func phase(_ sigma: Double, _ rate: Double, _ steps: Int) throws -> [SampledGaussian] {
    [try SampledGaussian(noiseMultiplier: sigma, rate: rate, steps: steps)]
  }

  struct Row: Sendable {
    let sigma: Double
    let rate: Double
    let steps: Int
    let delta: Double
    let epsilon: Double
    let tolerance: Double
    var published: Double?

    init(
      _ sigma: Double, _ rate: Double, _ steps: Int, _ delta: Double, _ epsilon: Double,
      _ tolerance: Double, published: Double? = nil
    ) {
      (self.sigma, self.rate, self.steps, self.delta) = (sigma, rate, steps, delta)
      (self.epsilon, self.tolerance, self.published) = (epsilon, tolerance, published)
    }
  }

  // Numbers of the tests of opacus, tensorflow_privacy and dp_accounting; half a unit of their last
  // digit.
  static let renyi = [
    Row(1.5, 0.04, 2250, 1e-5, 7.329_111_171_43, 1e-9),
    Row(1.3, 150.0 / 60_000, 6000, 1e-5, 0.724_223_402_610_959_5, 1e-9),
    Row(1.0, 100.0 / 100_000, 30_000, 1e-7, 1.415_498_849_544_484_2, 1e-9),
    // Opacus' value; TensorFlow Privacy's 3.2392676 adds absolute values at order 4.4.
    Row(0.7, 0.01, 120, 1e-5, 3.239_192_193_9, 1e-9),
    Row(0.7, 1, 2, 1e-5, 10.860_203_6, 5e-8),
    Row(0.35, 1, 2, 1e-5, 26.288_037_4, 5e-8),
    Row(1.0, 1, 5, 1e-6, 13.376, 5e-4),
    Row(4.530_877_117, 1, 1, 1e-6, 1.0, 5e-4),
  ]

  /// The orders of Opacus with the large ones; the published rows were found among them.
  private static let orders: [Double] =
    [1.25, 1.75, 2.25] + (11...109).map { Double($0) / 10 } + (11...63).map(Double.init)
    + [80, 128, 256, 512, 1024]

  @Test(arguments: renyi) func renyiDivergences(_ row: Row) throws {
    let accountant = RenyiAccountant(orders: Self.orders)
    expectClose(
      try accountant.epsilon(of: phase(row.sigma, row.rate, row.steps), delta: row.delta),
      row.epsilon, absolute: row.tolerance)
  }

  @Test func renyiDivergencesOfTheSpecification() throws {
    // Micro-batches that are averaged double the sensitivity: σ 2 counts as 1.
    expectClose(
      try RenyiAccountant().epsilon(of: phase(1, 0.0064, 782), delta: 1e-6), 1.616, absolute: 5e-4)
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

  // σ, q, T, δ, our estimate (within 0.0005), and the published upper bound (within 0.002).
  static let lossVariables = [
    Row(1.5, 0.04, 2249, 1e-5, 6.76705, 5e-4, published: 6.777_395_712),
    Row(0.8, 0.001, 100, 1e-6, 0.26034, 5e-4, published: 0.270_403_364),
    Row(1.5, 0.001, 1000, 1e-6, 0.08981, 5e-4, published: 0.099_820_660),
    Row(1.5, 0.05, 100, 1e-6, 1.94374, 5e-4, published: 1.953_853_136),
    Row(2.0, 0.05, 100, 1e-6, 1.27356, 5e-4, published: 1.283_637_380),
    Row(3.0, 0.2, 100, 1e-6, 3.37106, 5e-4, published: 3.381_220_510),
    Row(2.0, 0.05, 1000, 1e-6, 4.16261, 5e-4, published: 4.172_799_867),
    Row(3.0, 0.05, 1000, 1e-6, 2.51745, 5e-4, published: 2.527_574_326),
    Row(0.8, 0.05, 1000, 1e-6, 19.51503, 5e-4, published: 19.525_842_805),
    Row(1.5, 0.001, 20_000, 1e-6, 0.42698, 5e-4, published: 0.437_005_109),
    Row(1.5, 0.001, 50_000, 1e-6, 0.69418, 5e-4, published: 0.704_218_385),
    Row(3.0, 0.05, 20_000, 1e-6, 13.95061, 5e-4, published: 13.961_114_699),
    Row(0.7, 0.01, 120, 1e-5, 2.461_238_1, 5e-4),
    Row(0.35, 0.01, 120, 1e-5, 18.697_740_7, 5e-4),
    Row(1.0, 0.0064, 782, 1e-6, 1.19865, 5e-4),
    Row(0.7, 1, 2, 1e-5, 10.122_494_6, 5e-4),
    Row(0.35, 1, 2, 1e-5, 24.716_077_9, 5e-4),
    Row(1.0, 1, 5, 1e-6, 12.595_25, 5e-4),
    // Of the project's size.
    Row(1.0, 0.01, 100, 1e-5, 0.7180, 5e-4), Row(1.0, 0.01, 1000, 1e-5, 1.8282, 5e-4),
    Row(1.0, 0.032, 300, 2.5e-4, 2.7513, 5e-4), Row(2.0, 0.064, 200, 1e-5, 2.0477, 5e-4),
    Row(2.0, 0.1, 100, 1e-4, 1.9659, 5e-4), Row(10, 1, 100, 1e-5, 4.377_178, 5e-4),
  ]

  @Test(arguments: lossVariables) func privacyLossVariables(_ row: Row) throws {
    let phases = try phase(row.sigma, row.rate, row.steps)
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
    let central = try GaussianApproximation.epsilon(of: phase(1.5, 0.04, 2249), delta: 1e-5)
    #expect(central > 6.59 && central < 6.60)
    expectClose(central, 6.59982, absolute: 5e-6)
    // Exact without sampling, far too small for little noise.
    let rows: [(Double, Double, Int, Double, Double)] = [
      (10, 1, 100, 1e-5, 4.37718), (1, 0.01, 100, 1e-5, 0.45751), (1, 0.01, 1000, 1e-5, 1.61771),
      (1, 0.032, 300, 2.5e-4, 2.42826), (2, 0.064, 200, 1e-5, 1.91480),
      (2, 0.1, 100, 1e-4, 1.82695), (0.7, 1, 2, 1e-5, 10.122_495), (0.35, 1, 2, 1e-5, 24.716_078),
      (1, 1, 5, 1e-6, 12.59525),
    ]
    for (sigma, rate, steps, delta, epsilon) in rows {
      expectClose(
        try GaussianApproximation.epsilon(of: phase(sigma, rate, steps), delta: delta), epsilon,
        absolute: 1e-5)
    }
    expectClose(
      try GaussianApproximation.epsilon(of: phase(0.8, 0.001, 100), delta: 1e-6), 0.069,
      absolute: 5e-4)
    expectClose(
      GaussianApproximation.delta(mu: 1, epsilon: 1), 0.126_936_7, absolute: 1e-7)
  }

  @Test func renyiOfTheProjectsSize() throws {
    let orders: [Double] =
      (11...109).map { Double($0) / 10 } + (12...63).map(Double.init) + [80, 128, 256, 512, 1024]
    let accountant = RenyiAccountant(orders: orders)
    let rows: [(Double, Double, Int, Double, Double)] = [
      (1, 0.01, 100, 1e-5, 1.21415), (1, 0.01, 1000, 1e-5, 2.10137),
      (1, 0.032, 300, 2.5e-4, 3.20566), (2, 0.064, 200, 1e-5, 2.25312),
      (2, 0.1, 100, 1e-4, 2.21435), (10, 1, 100, 1e-5, 4.72851),
    ]
    for (sigma, rate, steps, delta, epsilon) in rows {
      expectClose(
        try accountant.epsilon(of: phase(sigma, rate, steps), delta: delta), epsilon,
        absolute: 6e-6)
    }
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
