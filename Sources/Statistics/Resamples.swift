/// Units drawn with replacement, held as counts, so that many statistics share one set of draws.
///
/// Statistics of the same units (all cells of a report over one set of queries) then differ by what
/// they measure and not by what was drawn, and the drawing is paid for once.
public struct Resamples: Sendable {
  /// How many independent units there are.
  public let units: Int
  /// How many resamples were drawn.
  public let count: Int
  /// The resamples that one block holds side by side.
  static let lanes = 16
  /// `[blocks, units]`: how often the unit was drawn in each resample of the block. Lanes past the
  /// last resample are 1.
  private let weights: [SIMD16<Double>]

  /// Draws.
  ///
  /// - Parameters:
  ///   - count: Resamples, at least ``Bootstrap/minimumResamples``.
  ///   - units: Independent units, 0 or more.
  ///   - generator: The source of randomness, seeded by the caller. The draws are those of
  ///     ``Bootstrap/resampling(_:level:resamples:using:statistic:)``.
  /// - Throws: `StatisticsError.outOfRange` for too few resamples.
  public init(
    _ count: Int, of units: Int, using generator: inout some RandomNumberGenerator
  ) throws(StatisticsError) {
    try Bootstrap.requireResamples(count)
    precondition(units >= 0, "Resamples: \(units) units")
    self.units = units
    self.count = count
    let blocks = (count + Self.lanes - 1) / Self.lanes
    var weights = [SIMD16<Double>](repeating: .one, count: blocks * units)
    for resample in 0..<count {
      let (block, lane) = resample.quotientAndRemainder(dividingBy: Self.lanes)
      let own = block * units..<(block + 1) * units
      for position in own { weights[position][lane] = 0 }
      for _ in 0..<units {
        weights[own.lowerBound + Int(generator.next(upperBound: UInt64(units)))][lane] += 1
      }
    }
    self.weights = weights
  }

  /// Statistics of every resample, computed for the resamples of a block at once.
  ///
  /// - Parameters:
  ///   - statistics: How many there are.
  ///   - compute: The statistics of the units with these weights; NaN in a lane where they are not
  ///     defined. The first call has weight 1 everywhere.
  /// - Returns: For each statistic its value on the data, and on each resample in order; `nil` where
  ///   it is not defined.
  public func values(
    statistics: Int, _ compute: (UnsafeBufferPointer<SIMD16<Double>>) -> [SIMD16<Double>]
  ) -> [(data: Double?, resampled: [Double?])] {
    let ones = [SIMD16<Double>](repeating: .one, count: units)
    let onData = ones.withUnsafeBufferPointer(compute)
    precondition(onData.count == statistics, "\(onData.count) of \(statistics) statistics")
    var results = onData.map { value in
      (data: value[0].isNaN ? nil : value[0], resampled: [Double?]())
    }
    weights.withUnsafeBufferPointer { weights in
      for start in stride(from: 0, to: count, by: Self.lanes) {
        let block = start / Self.lanes * units
        let values = compute(UnsafeBufferPointer(rebasing: weights[block..<block + units]))
        for statistic in 0..<statistics {
          for lane in 0..<min(Self.lanes, count - start) {
            let value = values[statistic][lane]
            results[statistic].resampled.append(value.isNaN ? nil : value)
          }
        }
      }
    }
    return results
  }
}
