/// A bootstrap estimate with its percentile interval.
public struct BootstrapEstimate: Sendable, Equatable {
  /// The statistic on the data themselves.
  public let value: Double
  /// The standard deviation of the statistic over the resamples.
  public let standardError: Double
  /// The percentile interval.
  public let interval: Interval
  /// How many resamples were drawn.
  public let resamples: Int
  /// How many of them left the statistic undefined; the interval is over the others.
  public let undefinedResamples: Int
  /// The two-sided p-value of the statistic being 0: twice the smaller tail of the resamples at or
  /// beyond 0, each tail counted with one more.
  public let pValueOfZero: Double
}

/// Percentile bootstrap of independent units, of pairs and of clusters.
///
/// - SeeAlso: Efron and Tibshirani 1993, chapter 13; Davison and Hinkley 1997, section 3.8 for
///   clusters, which are drawn whole.
public enum Bootstrap {
  /// The fewest resamples that are accepted.
  public static let minimumResamples = 1000

  /// The mean of independent values.
  ///
  /// - Parameters:
  ///   - values: Finite values; one gives an interval without width.
  ///   - level: The nominal coverage, between 0 and 1.
  ///   - resamples: At least 1,000.
  ///   - generator: The source of randomness, seeded by the caller.
  /// - Returns: The mean with its interval; not applicable without values.
  /// - Throws: `StatisticsError`: `.nonFinite` with the index, `.outOfRange` for level or resamples.
  public static func mean(
    of values: [Double], level: Double = 0.95, resamples: Int = 2000,
    using generator: inout some RandomNumberGenerator
  ) throws -> Applicable<BootstrapEstimate> {
    try requireFinite(values, name: "values")
    return try resampling(
      values.count, level: level, resamples: resamples, using: &generator
    ) { units in
      units.lazy.map { values[$0] }.compensatedSum() / Double(units.count)
    }
  }

  /// The mean difference of paired values, for example one metric of two systems a query.
  ///
  /// - Parameters:
  ///   - first: Finite values.
  ///   - second: As many finite values, of the same units in the same order.
  ///   - level: The nominal coverage, between 0 and 1.
  ///   - resamples: At least 1,000.
  ///   - generator: The source of randomness, seeded by the caller.
  /// - Returns: The mean of first − second with its interval; not applicable without pairs.
  /// - Throws: `StatisticsError`: `.countMismatch`, `.nonFinite` with the index, `.outOfRange` for
  ///   level or resamples.
  public static func pairedDifference(
    _ first: [Double], _ second: [Double], level: Double = 0.95, resamples: Int = 2000,
    using generator: inout some RandomNumberGenerator
  ) throws -> Applicable<BootstrapEstimate> {
    guard first.count == second.count else {
      throw StatisticsError.countMismatch(
        name: "second", found: second.count, expected: first.count)
    }
    try requireFinite(first, name: "first")
    try requireFinite(second, name: "second")
    return try mean(
      of: zip(first, second).map { $0 - $1 }, level: level, resamples: resamples,
      using: &generator)
  }

  /// The pooled rate over clusters, for example flagged pairs among all pairs, clustered by query.
  ///
  /// - Parameters:
  ///   - clusters: The counts of each cluster; clusters without trials take part in the drawing.
  ///   - resamples: Draws of as many units as there are clusters.
  ///   - level: The nominal coverage, between 0 and 1.
  /// - Returns: Successes over trials with its interval; not applicable without trials.
  /// - Throws: `StatisticsError.outOfRange` for the level.
  public static func clusteredRate(
    _ clusters: [Proportion], over resamples: Resamples, level: Double = 0.95
  ) throws -> Applicable<BootstrapEstimate> {
    precondition(
      clusters.count == resamples.units,
      "clusteredRate: \(clusters.count) clusters, resamples of \(resamples.units)")
    guard !clusters.isEmpty else { return .notApplicable("no units to resample") }
    let rates = resamples.values(statistics: 1) { weights in
      var successes = SIMD16<Double>.zero
      var trials = SIMD16<Double>.zero
      for (cluster, weight) in zip(clusters, weights) {
        successes += weight * Double(cluster.successes)
        trials += weight * Double(cluster.trials)
      }
      // 0 of 0 is not a number.
      return [successes / trials]
    }[0]
    return try estimate(rates.data, resampled: rates.resampled, level: level)
  }

  /// A statistic of whole clusters, drawn with replacement.
  ///
  /// - Parameters:
  ///   - clusters: The independent units: for example all scores of one query.
  ///   - level: The nominal coverage, between 0 and 1.
  ///   - resamples: At least 1,000.
  ///   - generator: The source of randomness, seeded by the caller.
  ///   - statistic: The statistic of some clusters; `nil` where they do not define it.
  /// - Returns: Not applicable without clusters or where the data do not define the statistic.
  /// - Throws: What `statistic` throws; `StatisticsError.outOfRange` for level or resamples,
  ///   `.nonFinite` if the statistic is not finite.
  public static func clustered<Cluster>(
    _ clusters: [Cluster], level: Double = 0.95, resamples: Int = 2000,
    using generator: inout some RandomNumberGenerator,
    statistic: ([Cluster]) throws -> Double?
  ) throws -> Applicable<BootstrapEstimate> {
    var drawn: [Cluster] = []
    drawn.reserveCapacity(clusters.count)
    return try resampling(
      clusters.count, level: level, resamples: resamples, using: &generator
    ) { units in
      drawn.removeAll(keepingCapacity: true)
      for unit in units { drawn.append(clusters[unit]) }
      return try statistic(drawn)
    }
  }

  /// Any statistic of units that are drawn with replacement, given by their indices.
  ///
  /// - Parameters:
  ///   - count: How many independent units there are.
  ///   - level: The nominal coverage, between 0 and 1.
  ///   - resamples: At least 1,000.
  ///   - generator: The source of randomness, seeded by the caller.
  ///   - statistic: The statistic of the units with these indices (0 to `count` − 1, repeats
  ///     allowed); `nil` where they do not define it. The first call has every index once.
  /// - Returns: Not applicable without units or where the data do not define the statistic.
  /// - Throws: What `statistic` throws; `StatisticsError.outOfRange` for level or resamples,
  ///   `.nonFinite` if the statistic is not finite.
  public static func resampling(
    _ count: Int, level: Double = 0.95, resamples: Int = 2000,
    using generator: inout some RandomNumberGenerator,
    statistic: ([Int]) throws -> Double?
  ) throws -> Applicable<BootstrapEstimate> {
    try requireOpenUnit(level, name: "level")
    try requireResamples(resamples)
    guard count > 0 else { return .notApplicable("no units to resample") }
    var units = Array(0..<count)
    guard let value = try statistic(units) else { return try estimate(nil, resampled: []) }
    var estimates: [Double?] = []
    estimates.reserveCapacity(resamples)
    for _ in 0..<resamples {
      for position in units.indices {
        units[position] = Int(generator.next(upperBound: UInt64(count)))
      }
      estimates.append(try statistic(units))
    }
    return try estimate(value, resampled: estimates, level: level)
  }

  /// The percentile interval of a statistic that has been computed on resamples.
  ///
  /// - Parameters:
  ///   - value: The statistic on the data; `nil` where they do not define it.
  ///   - resampled: The statistic on each resample; `nil` where it is not defined.
  ///   - level: The nominal coverage, between 0 and 1.
  /// - Returns: Not applicable where the data, or all resamples but one, do not define it.
  /// - Throws: `StatisticsError.outOfRange` for the level, `.nonFinite` if a value is not finite.
  public static func estimate(
    _ value: Double?, resampled: [Double?], level: Double = 0.95
  ) throws(StatisticsError) -> Applicable<BootstrapEstimate> {
    try requireOpenUnit(level, name: "level")
    guard let value else { return .notApplicable("the data do not define the statistic") }
    try requireFinite(CollectionOfOne(value), name: "statistic")
    var estimates = resampled.compactMap(\.self)
    try requireFinite(estimates, name: "statistic of resample")
    guard estimates.count > 1 else {
      return .notApplicable("the resamples do not define the statistic")
    }
    estimates.sort()
    let centre = Summary.mean(of: estimates)
    let squares = estimates.lazy.map { ($0 - centre) * ($0 - centre) }.compensatedSum()
    let tail = (1 - level) / 2
    let notAbove = estimates.count { $0 <= 0 }
    let notBelow = estimates.count { $0 >= 0 }
    return .value(
      BootstrapEstimate(
        value: value,
        standardError: (squares / Double(estimates.count - 1)).squareRoot(),
        interval: Interval(
          lower: Summary.quantile(tail, ofSorted: estimates),
          upper: Summary.quantile(1 - tail, ofSorted: estimates), level: level),
        resamples: resampled.count, undefinedResamples: resampled.count - estimates.count,
        pValueOfZero: min(
          1, 2 * Double(1 + min(notAbove, notBelow)) / Double(estimates.count + 1))))
  }

  static func requireResamples(_ count: Int) throws(StatisticsError) {
    guard count >= minimumResamples else {
      throw .outOfRange(
        name: "resamples", value: "\(count)", expected: "at least \(minimumResamples)")
    }
  }
}
