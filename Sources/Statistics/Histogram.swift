/// Counts over bins of equal width that were fixed before the data were seen.
public struct Histogram: Sendable, Equatable {
  /// The bin limits, one more than there are bins, ascending.
  public let edges: [Double]
  /// How many values fell into each bin. A bin holds its lower edge; the last also its upper.
  public private(set) var counts: [Int]
  /// How many values were below the first edge.
  public private(set) var below = 0
  /// How many values were above the last edge.
  public private(set) var above = 0

  /// The histogram of `values` over fixed bins.
  ///
  /// - Parameters:
  ///   - values: Finite numbers; none is allowed.
  ///   - range: The first and the last edge, finite and different.
  ///   - bins: How many bins, from 1 to 1,000,000.
  /// - Throws: `StatisticsError.nonFinite` with the index, `.outOfRange` for other bins.
  public init(
    of values: [Double], in range: ClosedRange<Double>, bins: Int
  ) throws(StatisticsError) {
    guard bins >= 1, bins <= 1_000_000 else {
      throw .outOfRange(name: "bins", value: "\(bins)", expected: "1 to 1000000")
    }
    let width = range.upperBound - range.lowerBound
    guard width > 0, width.isFinite else {
      throw .outOfRange(
        name: "range", value: "\(range)", expected: "two different finite numbers")
    }
    try requireFinite(values, name: "values")
    let step = width / Double(bins)
    var edges = (0...bins).map { range.lowerBound + Double($0) * step }
    edges[bins] = range.upperBound
    self.edges = edges
    counts = [Int](repeating: 0, count: bins)
    for value in values {
      if value < range.lowerBound {
        below += 1
      } else if value > range.upperBound {
        above += 1
      } else {
        var bin = min(bins - 1, Int((value - range.lowerBound) / width * Double(bins)))
        // The quotient may round across an edge; the edges decide.
        if value < edges[bin] {
          bin -= 1
        } else if bin < bins - 1, value >= edges[bin + 1] {
          bin += 1
        }
        counts[bin] += 1
      }
    }
  }
}
