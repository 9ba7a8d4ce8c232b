import Glibc

/// Comparisons of two independent samples, for runs of which only summaries are kept.
///
/// Where both runs asked the same questions the outcomes are in truth paired, and mostly alike: the
/// intervals are then wider and the p-values larger than paired ones would be, never the other way
/// round for positively correlated outcomes.
public enum IndependentComparison {
  /// The interval of a difference of two proportions: Newcombe's hybrid of two Wilson intervals.
  ///
  /// - Parameters:
  ///   - first: Successes among trials.
  ///   - second: What is subtracted.
  ///   - level: The nominal coverage, between 0 and 1.
  /// - Returns: An interval inside [−1, 1]; not applicable with 0 trials.
  /// - Throws: `StatisticsError.outOfRange` for a level outside the open unit interval.
  /// - SeeAlso: Newcombe 1998, method 10.
  public static func difference(
    _ first: Proportion, _ second: Proportion, level: Double = 0.95
  ) throws(StatisticsError) -> Applicable<Interval> {
    guard let one = first.rate.value, let two = second.rate.value,
      let around = try first.interval(level: level).value,
      let aroundOther = try second.interval(level: level).value
    else { return .notApplicable("no trials") }
    return .value(difference(one, around, two, aroundOther))
  }

  /// The interval of a difference of two estimates from the interval of each, which need not be
  /// symmetric.
  ///
  /// - Parameters:
  ///   - first: An estimate.
  ///   - around: Its interval.
  ///   - second: The estimate that is subtracted.
  ///   - aroundSecond: Its interval, of the same level.
  /// - Returns: An interval of that level.
  /// - SeeAlso: Zou and Donner 2008 (MOVER); with Wilson intervals it is Newcombe's.
  public static func difference(
    _ first: Double, _ around: Interval, _ second: Double, _ aroundSecond: Interval
  ) -> Interval {
    precondition(
      around.level == aroundSecond.level, "levels \(around.level) and \(aroundSecond.level)")
    let value = first - second
    return Interval(
      lower: value - hypot(first - around.lower, aroundSecond.upper - second),
      upper: value + hypot(around.upper - first, second - aroundSecond.lower),
      level: around.level)
  }

  /// The two-sided p-value of no difference from an estimate and its interval: the side of the interval
  /// that faces 0 is taken for so many standard errors as its level asks for.
  ///
  /// - Parameters:
  ///   - value: The difference.
  ///   - interval: Its interval, around `value`.
  /// - Returns: Below 1 − level exactly if the interval leaves 0 out; not applicable where that side
  ///   has no width.
  /// - Throws: `StatisticsError.outOfRange` for a level outside the open unit interval.
  public static func pValue(
    of value: Double, _ interval: Interval
  ) throws(StatisticsError) -> Applicable<Double> {
    let z = try NormalDistribution.quantile(0.5 + interval.level / 2)
    let side = value > 0 ? value - interval.lower : interval.upper - value
    guard side > 0 else { return .notApplicable("the difference has no estimated variance") }
    return .value(min(1, 2 * NormalDistribution.cumulative(-z * value.magnitude / side)))
  }

  /// Fisher's exact test of equal probabilities, two-sided by the probability of the tables.
  ///
  /// - Parameters:
  ///   - first: Successes among trials.
  ///   - second: The other sample.
  /// - Returns: The p-value; not applicable with 0 trials.
  public static func fisher(_ first: Proportion, _ second: Proportion) -> Applicable<Double> {
    guard first.trials > 0, second.trials > 0 else { return .notApplicable("no trials") }
    let successes = first.successes + second.successes
    func logBinomial(_ n: Int, _ k: Int) -> Double {
      logGamma(Double(n + 1)) - logGamma(Double(k + 1))
        - logGamma(Double(n - k + 1))
    }
    let whole = logBinomial(first.trials + second.trials, successes)
    let tables = max(0, successes - second.trials)...min(first.trials, successes)
    let logs = tables.map {
      logBinomial(first.trials, $0) + logBinomial(second.trials, successes - $0) - whole
    }
    // Tables as probable as ours count, whatever the last bits of their logarithms.
    let limit = logs[first.successes - tables.lowerBound] + 1e-9
    return .value(min(1, logs.lazy.filter { $0 <= limit }.map { exp($0) }.compensatedSum()))
  }
}
