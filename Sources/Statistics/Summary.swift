/// Mean, spread and quantiles of a sample.
public struct Summary: Sendable, Equatable {
  /// How many values there are, at least 1.
  public let count: Int
  /// The arithmetic mean.
  public let mean: Double
  /// The sample standard deviation (n − 1); not applicable for one value.
  public let standardDeviation: Applicable<Double>
  /// The smallest value.
  public let minimum: Double
  /// The 5 % quantile, type 7.
  public let quantile5: Double
  /// The median.
  public let median: Double
  /// The 95 % quantile, type 7.
  public let quantile95: Double
  /// The largest value.
  public let maximum: Double

  /// The summary of `values`.
  ///
  /// - Parameters:
  ///   - values: At least one finite number.
  ///   - name: What the values are, for the error.
  /// - Throws: `StatisticsError.nonFinite` with the index, `.tooFew` for none.
  public init(of values: [Double], name: String = "values") throws(StatisticsError) {
    guard !values.isEmpty else { throw .tooFew(name: name, found: 0, needed: 1) }
    try requireFinite(values, name: name)
    let sorted = values.sorted()
    count = values.count
    mean = Self.mean(of: values)
    if values.count > 1 {
      let centre = mean
      let squares = values.lazy.map { ($0 - centre) * ($0 - centre) }.compensatedSum()
      standardDeviation = .value((squares / Double(values.count - 1)).squareRoot())
    } else {
      standardDeviation = .notApplicable("one value")
    }
    minimum = sorted[0]
    quantile5 = Self.quantile(0.05, ofSorted: sorted)
    median = Self.quantile(0.5, ofSorted: sorted)
    quantile95 = Self.quantile(0.95, ofSorted: sorted)
    maximum = sorted[sorted.count - 1]
  }

  /// The quantile of a sample by linear interpolation between order statistics (type 7).
  ///
  /// - Parameters:
  ///   - probability: From 0 (the minimum) to 1 (the maximum).
  ///   - values: At least one finite number, in any order.
  /// - Returns: A value between the minimum and the maximum.
  /// - Throws: `StatisticsError.outOfRange`, `.nonFinite` with the index, `.tooFew` for none.
  /// - SeeAlso: Hyndman and Fan 1996; the default of numpy and R.
  public static func quantile(
    _ probability: Double, of values: [Double]
  ) throws(StatisticsError) -> Double {
    guard probability >= 0, probability <= 1 else {
      throw .outOfRange(
        name: "probability", value: "\(probability)", expected: "a number from 0 to 1")
    }
    guard !values.isEmpty else { throw .tooFew(name: "values", found: 0, needed: 1) }
    try requireFinite(values, name: "values")
    return quantile(probability, ofSorted: values.sorted())
  }

  static func mean(of values: [Double]) -> Double {
    values.compensatedSum() / Double(values.count)
  }

  static func quantile(_ probability: Double, ofSorted sorted: [Double]) -> Double {
    let position = probability * Double(sorted.count - 1)
    let below = min(Int(position), sorted.count - 1)
    let above = min(below + 1, sorted.count - 1)
    let share = position - Double(below)
    // Both forms round to the order statistics themselves at their own end.
    return share < 0.5
      ? sorted[below] + share * (sorted[above] - sorted[below])
      : sorted[above] - (1 - share) * (sorted[above] - sorted[below])
  }
}
