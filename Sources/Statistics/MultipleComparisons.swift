/// Adjustments of p-values when several hypotheses are tested at once.
public enum MultipleComparisons {
  /// Holm's step-down adjustment, which bounds the probability of any false rejection.
  ///
  /// - Parameter pValues: Each from 0 to 1.
  /// - Returns: Adjusted p-values in the order given; empty for none.
  /// - Throws: `StatisticsError.outOfRange` naming the value that is no probability.
  /// - SeeAlso: Holm 1979.
  public static func holm(_ pValues: [Double]) throws(StatisticsError) -> [Double] {
    let order = try ascendingOrder(pValues)
    var adjusted = [Double](repeating: 0, count: pValues.count)
    var largest = 0.0
    for (position, index) in order.enumerated() {
      largest = max(largest, min(1, Double(pValues.count - position) * pValues[index]))
      adjusted[index] = largest
    }
    return adjusted
  }

  /// Benjamini and Hochberg's step-up adjustment, which bounds the expected share of false
  /// rejections among independent or positively dependent tests.
  ///
  /// - Parameter pValues: Each from 0 to 1.
  /// - Returns: Adjusted p-values in the order given; empty for none.
  /// - Throws: `StatisticsError.outOfRange` naming the value that is no probability.
  /// - SeeAlso: Benjamini and Hochberg 1995.
  public static func benjaminiHochberg(_ pValues: [Double]) throws(StatisticsError) -> [Double] {
    let order = try ascendingOrder(pValues)
    var adjusted = [Double](repeating: 0, count: pValues.count)
    var smallest = 1.0
    for (position, index) in order.enumerated().reversed() {
      let scaled = pValues[index] * (Double(pValues.count) / Double(position + 1))
      smallest = min(smallest, scaled)
      adjusted[index] = smallest
    }
    return adjusted
  }

  private static func ascendingOrder(_ pValues: [Double]) throws(StatisticsError) -> [Int] {
    for (index, value) in pValues.enumerated() where !(value >= 0 && value <= 1) {
      throw .outOfRange(
        name: "p-values[\(index)]", value: "\(value)", expected: "a number from 0 to 1")
    }
    return pValues.indices.sorted { (pValues[$0], $0) < (pValues[$1], $1) }
  }
}
