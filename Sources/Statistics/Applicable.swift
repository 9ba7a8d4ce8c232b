/// A quantity that the data may not define: a rate over 0 trials, an AUROC without positives.
///
/// Reports print the reason instead of a number, so that a missing value never reads as 0 %.
public enum Applicable<Value: Sendable>: Sendable {
  /// The quantity.
  case value(Value)
  /// The data do not define it; the text says why.
  case notApplicable(String)

  /// The quantity, or `nil` where it is not applicable.
  public var value: Value? {
    if case .value(let value) = self { value } else { nil }
  }

  /// Why there is no value, or `nil` where there is one.
  public var reason: String? {
    if case .notApplicable(let reason) = self { reason } else { nil }
  }

  /// The same status with the value transformed.
  ///
  /// - Parameter transform: Applied to the value if there is one.
  /// - Returns: The transformed value, or the same reason.
  /// - Throws: What `transform` throws.
  public func map<Result: Sendable, Failure: Error>(
    _ transform: (Value) throws(Failure) -> Result
  ) throws(Failure) -> Applicable<Result> {
    switch self {
    case .value(let value): .value(try transform(value))
    case .notApplicable(let reason): .notApplicable(reason)
    }
  }
}

extension Applicable: Equatable where Value: Equatable {}

/// A closed interval with the confidence or coverage it was built for.
public struct Interval: Sendable, Equatable {
  /// The lower end.
  public var lower: Double
  /// The upper end, not below `lower`.
  public var upper: Double
  /// The nominal coverage, for example 0.95.
  public var level: Double

  /// An interval from its ends and its nominal coverage.
  public init(lower: Double, upper: Double, level: Double) {
    self.lower = lower
    self.upper = upper
    self.level = level
  }

  /// Whether `value` lies inside, ends included.
  public func contains(_ value: Double) -> Bool { lower <= value && value <= upper }
}
