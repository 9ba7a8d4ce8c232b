/// Settings that meet a budget and never exceed it, each checked by a second accountant.
public struct Calibration: Sendable {
  /// ε and δ that may be spent in all.
  public struct Budget: Sendable, Equatable {
    /// The largest ε, above 0.
    public let epsilon: Double
    /// δ, above 0, below 1.
    public let delta: Double

    /// A budget.
    ///
    /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)``.
    public init(epsilon: Double, delta: Double) throws {
      guard epsilon > 0, epsilon.isFinite else {
        throw PrivacyError.range("epsilon", epsilon, "a number above 0")
      }
      try checkDelta(delta)
      (self.epsilon, self.delta) = (epsilon, delta)
    }
  }

  /// What may be spent.
  public let budget: Budget
  /// What has been spent before.
  public let previous: [SampledGaussian]
  private let accountant: any PrivacyAccountant
  private let second: any PrivacyAccountant

  private static let largestNoise = 1e6

  /// A calibration.
  ///
  /// - Parameters:
  ///   - budget: what may be spent in all.
  ///   - previous: phases that have been spent before.
  ///   - accountant: decides; nil: PRV, with an error of at most a hundredth of ε.
  ///   - second: must agree that the budget is kept.
  public init(
    budget: Budget, after previous: [SampledGaussian] = [],
    by accountant: (any PrivacyAccountant)? = nil,
    checkedBy second: any PrivacyAccountant = PLDAccountant()
  ) {
    self.budget = budget
    self.previous = previous
    self.accountant =
      accountant ?? PRVAccountant(for: budget.epsilon)
    self.second = second
  }

  /// ε of the previous phases and one more.
  ///
  /// - Returns: infinite where an accountant cannot compute so large a loss.
  private func epsilon(
    _ accountant: any PrivacyAccountant, with phase: SampledGaussian
  ) throws -> Double {
    // Rényi divergences cost little and say whether anything finer is worth it.
    let rough = try RenyiAccountant().epsilon(of: previous + [phase], delta: budget.delta)
    if rough > 8 * budget.epsilon + 100 { return .infinity }
    do {
      return try accountant.epsilon(of: previous + [phase], delta: budget.delta)
    } catch PrivacyError.notComputable {
      return .infinity
    }
  }

  private func keeps(_ phase: SampledGaussian) throws -> Bool {
    guard try epsilon(accountant, with: phase) <= budget.epsilon else { return false }
    return try epsilon(second, with: phase) <= budget.epsilon
  }

  /// The smallest noise multiplier that keeps the budget, to a thousandth, rounded up.
  ///
  /// - Parameters:
  ///   - rate: q, above 0.
  ///   - steps: of this phase, at least 1.
  /// - Returns: a multiplier for which both accountants stay within the budget.
  /// - Throws: ``PrivacyError/budgetExceeded(spent:planned:budget:delta:)`` if no noise suffices.
  public func noiseMultiplier(rate: Double, steps: Int) throws -> Double {
    func phase(_ sigma: Double) throws -> SampledGaussian {
      try SampledGaussian(noiseMultiplier: sigma, rate: rate, steps: steps)
    }
    guard try phase(1).isActive else {
      throw PrivacyError.outOfRange(
        name: "the work to calibrate", value: "\(steps) steps at rate \(rate)",
        expected: "at least one step and a rate above 0")
    }
    guard try accountant.epsilon(of: previous, delta: budget.delta) < budget.epsilon else {
      throw try exceeded(by: phase(Self.largestNoise))
    }
    var high = 1.0
    while try !keeps(phase(high)) {
      high *= 2
      guard high < Self.largestNoise else { throw try exceeded(by: phase(high)) }
    }
    var low = high / 2
    while try keeps(phase(low)) {
      (high, low) = (low, low / 2)
      guard low > 1e-3 else { return high }
    }
    while high / low > 1.001 {
      let middle = (low * high).squareRoot()
      if try keeps(phase(middle)) { high = middle } else { low = middle }
    }
    return high
  }

  /// The largest number of steps that keeps the budget.
  ///
  /// - Parameters:
  ///   - noiseMultiplier: σ, above 0.
  ///   - rate: q, above 0.
  ///   - limit: steps beyond which it does not look.
  /// - Returns: 0 if not one step does.
  /// - Throws: ``PrivacyError``.
  public func steps(noiseMultiplier: Double, rate: Double, limit: Int = 1_000_000) throws -> Int {
    func keeps(_ steps: Int) throws -> Bool {
      try self.keeps(
        SampledGaussian(noiseMultiplier: noiseMultiplier, rate: rate, steps: steps))
    }
    guard noiseMultiplier > 0 else { throw PrivacyError.noNoise(epsilon: budget.epsilon) }
    guard try keeps(1) else { return 0 }
    var (low, high) = (1, 2)
    while try high < limit && keeps(high) { (low, high) = (high, 2 * high) }
    high = min(high, limit + 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if try keeps(middle) { low = middle } else { high = middle }
    }
    return low
  }

  /// Checks that a phase fits into what is left.
  ///
  /// - Returns: ε of everything, by both accountants.
  /// - Throws: ``PrivacyError/budgetExceeded(spent:planned:budget:delta:)`` or
  ///   ``PrivacyError/noNoise(epsilon:)``.
  @discardableResult
  public func check(_ phase: SampledGaussian) throws -> (first: Double, second: Double) {
    guard phase.noiseMultiplier > 0 || !phase.isActive else {
      throw PrivacyError.noNoise(epsilon: budget.epsilon)
    }
    guard try keeps(phase) else { throw try exceeded(by: phase) }
    return (try epsilon(accountant, with: phase), try epsilon(second, with: phase))
  }

  private func exceeded(by phase: SampledGaussian) throws -> PrivacyError {
    .budgetExceeded(
      spent: try accountant.epsilon(of: previous, delta: budget.delta),
      planned: try epsilon(accountant, with: phase), budget: budget.epsilon, delta: budget.delta)
  }
}
