/// Two shapes that should have agreed.
public struct ShapeError: Error, Equatable, CustomStringConvertible {
  /// The operation that refused.
  public let operation: String
  /// The shape it needs, as far as it is fixed; a free dimension is -1.
  public let expected: [Int]
  /// The shape it was given.
  public let found: [Int]

  /// Creates the error.
  public init(operation: String, expected: [Int], found: [Int]) {
    self.operation = operation
    self.expected = expected
    self.found = found
  }

  /// One sentence with both shapes.
  public var description: String {
    let wanted = expected.map { $0 < 0 ? "*" : "\($0)" }.joined(separator: ", ")
    return "\(operation): expected shape [\(wanted)], found \(found)"
  }
}

/// Product of the dimensions, or nil if one is negative or the product overflows.
public func elementCount(of shape: [Int]) -> Int? {
  var count = 1
  for dimension in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
    guard dimension >= 0, !overflow else { return nil }
    count = product
  }
  return count
}
