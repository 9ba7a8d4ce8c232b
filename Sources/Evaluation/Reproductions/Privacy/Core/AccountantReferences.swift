import Privacy

/// An ε that somebody published or computed, and how near ours must be.
struct AccountantReference: Sendable {
  let sigma: Double
  let rate: Double
  let steps: Int
  let delta: Double
  let epsilon: Double
  let tolerance: Double
  /// An upper bound that was published.
  var published: Double?

  init(
    _ sigma: Double, _ rate: Double, _ steps: Int, _ delta: Double, _ epsilon: Double,
    _ tolerance: Double, published: Double? = nil
  ) {
    (self.sigma, self.rate, self.steps, self.delta) = (sigma, rate, steps, delta)
    (self.epsilon, self.tolerance, self.published) = (epsilon, tolerance, published)
  }

  func phase() throws -> SampledGaussian {
    try SampledGaussian(noiseMultiplier: sigma, rate: rate, steps: steps)
  }
}

/// The reference values that Opacus, TensorFlow Privacy, dp_accounting and prv_accountant publish in
/// their own tests, to the digits they give, and some of the project's size.
///
/// - SeeAlso: the specification of the core, section 7.
enum AccountantReferences {
  /// The orders of Opacus with some more; the published rows were found among them.
  static let orders: [Double] =
    [1.25, 1.75, 2.25] + (11...109).map { Double($0) / 10 } + (11...63).map(Double.init)
    + [80, 128, 256, 512, 1024]

  /// By Rényi divergences, half a unit of the last digit.
  static let renyi = [
    AccountantReference(1.5, 0.04, 2250, 1e-5, 7.329_111_171_43, 1e-9),
    AccountantReference(1.3, 150.0 / 60_000, 6000, 1e-5, 0.724_223_402_610_959_5, 1e-9),
    AccountantReference(1.0, 100.0 / 100_000, 30_000, 1e-7, 1.415_498_849_544_484_2, 1e-9),
    // Opacus' value; TensorFlow Privacy's 3.2392676 adds absolute values at order 4.4.
    AccountantReference(0.7, 0.01, 120, 1e-5, 3.239_192_193_9, 1e-9),
    AccountantReference(0.7, 1, 2, 1e-5, 10.860_203_6, 5e-8),
    AccountantReference(0.35, 1, 2, 1e-5, 26.288_037_4, 5e-8),
    // Micro-batches that are averaged double the sensitivity: σ 2 counts as 1.
    AccountantReference(1.0, 0.0064, 782, 1e-6, 1.616, 5e-4),
    AccountantReference(1.0, 1, 5, 1e-6, 13.376, 5e-4),
    AccountantReference(4.530_877_117, 1, 1, 1e-6, 1.0, 5e-4),
    // Of the project's size.
    AccountantReference(1, 0.01, 100, 1e-5, 1.21415, 6e-6),
    AccountantReference(1, 0.01, 1000, 1e-5, 2.10137, 6e-6),
    AccountantReference(1, 0.032, 300, 2.5e-4, 3.20566, 6e-6),
    AccountantReference(2, 0.064, 200, 1e-5, 2.25312, 6e-6),
    AccountantReference(2, 0.1, 100, 1e-4, 2.21435, 6e-6),
    AccountantReference(10, 1, 100, 1e-5, 4.72851, 6e-6),
  ]

  /// By privacy loss variables: an independent figure, and the published upper bound, which ours may
  /// differ from by 0.002.
  static let lossVariables = [
    AccountantReference(1.5, 0.04, 2249, 1e-5, 6.76705, 5e-4, published: 6.777_395_712),
    AccountantReference(0.8, 0.001, 100, 1e-6, 0.26034, 5e-4, published: 0.270_403_364),
    AccountantReference(1.5, 0.001, 1000, 1e-6, 0.08981, 5e-4, published: 0.099_820_660),
    AccountantReference(1.5, 0.05, 100, 1e-6, 1.94374, 5e-4, published: 1.953_853_136),
    AccountantReference(2.0, 0.05, 100, 1e-6, 1.27356, 5e-4, published: 1.283_637_380),
    AccountantReference(3.0, 0.2, 100, 1e-6, 3.37106, 5e-4, published: 3.381_220_510),
    AccountantReference(2.0, 0.05, 1000, 1e-6, 4.16261, 5e-4, published: 4.172_799_867),
    AccountantReference(3.0, 0.05, 1000, 1e-6, 2.51745, 5e-4, published: 2.527_574_326),
    AccountantReference(0.8, 0.05, 1000, 1e-6, 19.51503, 5e-4, published: 19.525_842_805),
    AccountantReference(1.5, 0.001, 20_000, 1e-6, 0.42698, 5e-4, published: 0.437_005_109),
    AccountantReference(1.5, 0.001, 50_000, 1e-6, 0.69418, 5e-4, published: 0.704_218_385),
    AccountantReference(3.0, 0.05, 20_000, 1e-6, 13.95061, 5e-4, published: 13.961_114_699),
    AccountantReference(0.7, 0.01, 120, 1e-5, 2.461_238_1, 5e-4),
    AccountantReference(0.35, 0.01, 120, 1e-5, 18.697_740_7, 5e-4),
    AccountantReference(1.0, 0.0064, 782, 1e-6, 1.19865, 5e-4),
    AccountantReference(0.7, 1, 2, 1e-5, 10.122_494_6, 5e-4),
    AccountantReference(0.35, 1, 2, 1e-5, 24.716_077_9, 5e-4),
    AccountantReference(1.0, 1, 5, 1e-6, 12.595_25, 5e-4),
    // Of the project's size.
    AccountantReference(1.0, 0.01, 100, 1e-5, 0.7180, 5e-4),
    AccountantReference(1.0, 0.01, 1000, 1e-5, 1.8282, 5e-4),
    AccountantReference(1.0, 0.032, 300, 2.5e-4, 2.7513, 5e-4),
    AccountantReference(2.0, 0.064, 200, 1e-5, 2.0477, 5e-4),
    AccountantReference(2.0, 0.1, 100, 1e-4, 1.9659, 5e-4),
    AccountantReference(10, 1, 100, 1e-5, 4.377_178, 5e-4),
  ]

  /// By the central limit: exact without sampling, far too small for little noise.
  static let gaussian = [
    AccountantReference(1.5, 0.04, 2249, 1e-5, 6.59982, 5e-6),
    AccountantReference(10, 1, 100, 1e-5, 4.37718, 1e-5),
    AccountantReference(1, 0.01, 100, 1e-5, 0.45751, 1e-5),
    AccountantReference(1, 0.01, 1000, 1e-5, 1.61771, 1e-5),
    AccountantReference(1, 0.032, 300, 2.5e-4, 2.42826, 1e-5),
    AccountantReference(2, 0.064, 200, 1e-5, 1.91480, 1e-5),
    AccountantReference(2, 0.1, 100, 1e-4, 1.82695, 1e-5),
    AccountantReference(0.7, 1, 2, 1e-5, 10.122_495, 1e-5),
    AccountantReference(0.35, 1, 2, 1e-5, 24.716_078, 1e-5),
    AccountantReference(1, 1, 5, 1e-6, 12.59525, 1e-5),
    AccountantReference(0.8, 0.001, 100, 1e-6, 0.069, 5e-4),
  ]
}
