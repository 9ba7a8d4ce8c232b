/// How an interval for a proportion is built.
public enum ProportionMethod: String, Sendable, CaseIterable {
  /// Wilson's score interval: close to nominal coverage on average, never outside [0, 1].
  case wilson
  /// Clopper and Pearson's exact interval: coverage never below nominal, hence wider.
  case clopperPearson = "clopper-pearson"
}

/// A count of successes among trials, with its intervals.
public struct Proportion: Sendable, Equatable {
  /// How many trials succeeded.
  public let successes: Int
  /// How many trials there were; 0 makes rate and interval not applicable.
  public let trials: Int

  /// A proportion from its counts.
  ///
  /// - Parameters:
  ///   - successes: From 0 to `trials`.
  ///   - trials: 0 or more.
  /// - Throws: `StatisticsError.outOfRange` for counts that cannot be.
  public init(successes: Int, trials: Int) throws(StatisticsError) {
    guard trials >= 0 else {
      throw .outOfRange(name: "trials", value: "\(trials)", expected: "0 or more")
    }
    guard successes >= 0, successes <= trials else {
      throw .outOfRange(name: "successes", value: "\(successes)", expected: "0 to \(trials)")
    }
    self.successes = successes
    self.trials = trials
  }

  /// How many of `outcomes` are true.
  public init(counting outcomes: some Sequence<Bool>) {
    var successes = 0
    var trials = 0
    for outcome in outcomes {
      trials += 1
      if outcome { successes += 1 }
    }
    self.successes = successes
    self.trials = trials
  }

  /// Successes over trials, from 0 to 1; not applicable with 0 trials.
  public var rate: Applicable<Double> {
    trials == 0 ? .notApplicable("no trials") : .value(Double(successes) / Double(trials))
  }

  /// An interval for the underlying probability.
  ///
  /// - Parameters:
  ///   - method: Wilson or Clopper–Pearson.
  ///   - level: The nominal coverage, between 0 and 1.
  /// - Returns: An interval inside [0, 1]; not applicable with 0 trials.
  /// - Throws: `StatisticsError.outOfRange` for a level outside the open unit interval.
  /// - SeeAlso: Brown, Cai and DasGupta 2001.
  public func interval(
    _ method: ProportionMethod = .wilson, level: Double = 0.95
  ) throws(StatisticsError) -> Applicable<Interval> {
    try requireOpenUnit(level, name: "level")
    if trials == 0 { return .notApplicable("no trials") }
    return switch method {
    case .wilson: .value(try wilson(level: level))
    case .clopperPearson: .value(try clopperPearson(level: level))
    }
  }

  private func wilson(level: Double) throws(StatisticsError) -> Interval {
    let z = try NormalDistribution.quantile(0.5 + level / 2)
    let n = Double(trials)
    let rate = Double(successes) / n
    let scale = 1 + z * z / n
    let centre = (rate + z * z / (2 * n)) / scale
    let half = z * (rate * (1 - rate) / n + z * z / (4 * n * n)).squareRoot() / scale
    // The ends at 0 and n successes are exact; rounding would leave 1e-17 there.
    return Interval(
      lower: successes == 0 ? 0 : max(0, centre - half),
      upper: successes == trials ? 1 : min(1, centre + half), level: level)
  }

  private func clopperPearson(level: Double) throws(StatisticsError) -> Interval {
    let tail = (1 - level) / 2
    let x = Double(successes)
    let misses = Double(trials - successes)
    let lower =
      successes == 0
      ? 0 : try BetaFunction.inverseRegularizedIncomplete(tail, a: x, b: misses + 1)
    let upper =
      successes == trials
      ? 1 : try BetaFunction.inverseRegularizedIncomplete(1 - tail, a: x + 1, b: misses)
    return Interval(lower: lower, upper: upper, level: level)
  }
}
