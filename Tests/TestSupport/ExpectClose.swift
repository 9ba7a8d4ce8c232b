public import Testing

/// Expects two lists of numbers to agree element by element.
///
/// An element passes if `|actual - expected| <= absolute + relative * |expected|`. NaN never
/// passes; infinities pass if both are the same.
///
/// - Parameters:
///   - actual: The values under test.
///   - expected: The reference.
///   - absolute: Accepted difference.
///   - relative: Accepted difference as a share of the reference.
///   - comment: Put before the message.
///   - sourceLocation: Where the expectation stands.
public func expectClose<Actual: BinaryFloatingPoint, Expected: BinaryFloatingPoint>(
  _ actual: some Collection<Actual>, _ expected: some Collection<Expected>,
  absolute: Double, relative: Double = 0, _ comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let prefix = comment.isEmpty ? "" : comment + ": "
  guard actual.count == expected.count else {
    Issue.record(
      "\(prefix)\(actual.count) values, expected \(expected.count)",
      sourceLocation: sourceLocation)
    return
  }
  var failures = 0
  var worst: (index: Int, excess: Double, actual: Double, expected: Double)?
  for (index, (a, e)) in zip(actual, expected).enumerated() {
    let (a, e) = (Double(a), Double(e))
    if a == e { continue }
    let difference = abs(a - e)
    let allowed = absolute + relative * abs(e)
    // Written so that NaN on either side fails.
    if difference <= allowed, difference.isFinite { continue }
    failures += 1
    let excess = difference.isFinite ? difference - allowed : .infinity
    if excess > worst?.excess ?? -.infinity { worst = (index, excess, a, e) }
  }
  if let worst {
    Issue.record(
      """
      \(prefix)\(failures) of \(actual.count) values differ; worst at \(worst.index): \
      \(worst.actual), expected \(worst.expected) (absolute \(absolute), relative \(relative))
      """, sourceLocation: sourceLocation)
  }
}

/// Expects two numbers to agree; see the version for lists.
///
/// - Parameters:
///   - actual: The value under test.
///   - expected: The reference.
///   - absolute: Accepted difference.
///   - relative: Accepted difference as a share of the reference.
///   - comment: Put before the message.
///   - sourceLocation: Where the expectation stands.
public func expectClose<Actual: BinaryFloatingPoint, Expected: BinaryFloatingPoint>(
  _ actual: Actual, _ expected: Expected, absolute: Double, relative: Double = 0,
  _ comment: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  expectClose(
    CollectionOfOne(actual), CollectionOfOne(expected), absolute: absolute, relative: relative,
    comment, sourceLocation: sourceLocation)
}
