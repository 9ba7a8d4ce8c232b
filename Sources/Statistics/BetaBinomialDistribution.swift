import Glibc

/// The number of successes in `trials` whose common probability is itself Beta(α, β) distributed.
public struct BetaBinomialDistribution: Sendable, Equatable {
  /// The number of trials.
  public let trials: Int
  /// The first shape parameter.
  public let alpha: Double
  /// The second shape parameter.
  public let beta: Double

  /// A distribution from its parameters.
  ///
  /// - Parameters:
  ///   - trials: 0 or more.
  ///   - alpha: Positive and finite.
  ///   - beta: Positive and finite.
  /// - Throws: `StatisticsError.outOfRange` for other parameters.
  public init(trials: Int, alpha: Double, beta: Double) throws(StatisticsError) {
    guard trials >= 0 else {
      throw .outOfRange(name: "trials", value: "\(trials)", expected: "0 or more")
    }
    for (name, value) in [("alpha", alpha), ("beta", beta)] where !(value > 0 && value.isFinite) {
      throw .outOfRange(name: name, value: "\(value)", expected: "a positive finite number")
    }
    self.trials = trials
    self.alpha = alpha
    self.beta = beta
  }

  /// The expected number of successes.
  public var mean: Double { Double(trials) * alpha / (alpha + beta) }

  /// The probability of exactly `count` successes; 0 outside the support.
  public func probability(of count: Int) -> Double {
    guard count >= 0, count <= trials else { return 0 }
    let k = Double(count)
    let n = Double(trials)
    let logChoices = -log(n + 1) - BetaFunction.logarithm(n - k + 1, k + 1)
    return exp(
      logChoices + BetaFunction.logarithm(k + alpha, n - k + beta)
        - BetaFunction.logarithm(alpha, beta))
  }

  /// The probability of at most `count` successes.
  public func cumulative(_ count: Int) -> Double {
    if count < 0 { return 0 }
    if count >= trials { return 1 }
    return min(1, (0...count).lazy.map(probability(of:)).compensatedSum())
  }

  /// The smallest count that at least `probability` of the mass does not exceed.
  ///
  /// - Parameter probability: Between 0 and 1, both excluded.
  /// - Returns: A count from 0 to `trials`.
  /// - Throws: `StatisticsError.outOfRange` outside the open unit interval.
  public func quantile(_ probability: Double) throws(StatisticsError) -> Int {
    try requireOpenUnit(probability, name: "probability")
    var sum = CompensatedSum()
    for count in 0..<trials {
      sum.add(self.probability(of: count))
      if sum.value >= probability { return count }
    }
    return trials
  }

  /// The counts between the two equal tails: at least `level` of the mass lies inside.
  ///
  /// - Parameter level: The nominal coverage, between 0 and 1.
  /// - Returns: The counts from the lower to the upper quantile.
  /// - Throws: `StatisticsError.outOfRange` for a level outside the open unit interval.
  public func centralInterval(level: Double = 0.95) throws(StatisticsError) -> ClosedRange<Int> {
    try requireOpenUnit(level, name: "level")
    let tail = (1 - level) / 2
    let lower = try quantile(tail)
    let upper = try quantile(1 - tail)
    return lower...max(lower, upper)
  }
}
