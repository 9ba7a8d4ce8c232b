/// What was wrong with the numbers handed to a statistical routine.
public enum StatisticsError: Error, Equatable, Sendable {
  /// A value that is NaN or infinite, with what it belongs to and its position from 0.
  case nonFinite(name: String, index: Int, value: String)
  /// A parameter outside the range in which the quantity is defined.
  case outOfRange(name: String, value: String, expected: String)
  /// Two inputs that must have equally many values.
  case countMismatch(name: String, found: Int, expected: Int)
  /// Fewer observations than the estimate needs.
  case tooFew(name: String, found: Int, needed: Int)
  /// A matrix without a Cholesky factor: the leading minor of this order is not positive.
  case notPositiveDefinite(order: Int)
  /// A LAPACK routine that reported failure, with its `info`.
  case lapack(routine: String, info: Int)
}

extension StatisticsError: CustomStringConvertible {
  /// One sentence that names the value at fault.
  public var description: String {
    switch self {
    case .nonFinite(let name, let index, let value):
      "\(name)[\(index)] is \(value), expected a finite number"
    case .outOfRange(let name, let value, let expected):
      "\(name) is \(value), expected \(expected)"
    case .countMismatch(let name, let found, let expected):
      "\(name) has \(found) values, expected \(expected)"
    case .tooFew(let name, let found, let needed):
      "\(name): found \(found), needed at least \(needed)"
    case .notPositiveDefinite(let order):
      "the matrix is not positive definite: its leading minor of order \(order) is not positive; "
        + "use more observations or more shrinkage"
    case .lapack(let routine, let info):
      "\(routine) failed with info \(info)"
    }
  }
}

/// Refuses NaN and infinity before a value is sorted or summed.
func requireFinite(_ values: some Sequence<Double>, name: String) throws(StatisticsError) {
  for (index, value) in values.enumerated() where !value.isFinite {
    throw .nonFinite(name: name, index: index, value: "\(value)")
  }
}

/// Refuses a number outside the open unit interval; NaN fails too.
func requireOpenUnit(_ value: Double, name: String) throws(StatisticsError) {
  guard value > 0, value < 1 else {
    throw .outOfRange(name: name, value: "\(value)", expected: "a number between 0 and 1")
  }
}
