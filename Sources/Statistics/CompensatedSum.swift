/// A running Float64 sum whose rounding error does not grow with the number of terms.
///
/// - SeeAlso: Neumaier 1974, the variant of Kahan's summation that also survives terms larger than
///   the sum.
public struct CompensatedSum: Sendable {
  private var sum = 0.0
  private var compensation = 0.0

  /// An empty sum, 0.
  public init() {}

  /// The sum so far.
  public var value: Double { sum + compensation }

  /// Adds one term.
  public mutating func add(_ term: Double) {
    let next = sum + term
    compensation +=
      sum.magnitude >= term.magnitude ? (sum - next) + term : (term - next) + sum
    sum = next
  }
}

extension Sequence<Double> {
  /// The sum of the values with compensated rounding; 0 when empty.
  public func compensatedSum() -> Double {
    var sum = CompensatedSum()
    for value in self { sum.add(value) }
    return sum.value
  }
}
