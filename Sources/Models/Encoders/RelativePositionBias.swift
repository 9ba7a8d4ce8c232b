import Glibc
import Tensors

/// MPNet's relative position bias: a learned number for each bucket of distances and each head.
///
/// - SeeAlso: `MPNetEncoder.relative_position_bucket` of `transformers`; Raffel et al. 2020.
enum RelativePositionBias {
  /// Distance from which on all positions share the last bucket.
  private static let maximumDistance = 128

  /// Numbers of buckets for which the logarithmic ones exist: a quarter of the buckets is for single
  /// distances, and these must be at least one and end before `maximumDistance`.
  static let bucketCounts = 4...4 * maximumDistance - 1

  /// The bucket of key position minus query position, in 0 ..< buckets.
  static func bucket(of offset: Int, buckets: Int) -> Int {
    let half = buckets / 2
    let distance = abs(offset)
    let base = offset > 0 ? half : 0
    let exact = half / 2
    if distance < exact { return base + distance }
    // Logarithmic buckets, in Float32 as the reference computes them.
    let ratio = Float(distance) / Float(exact)
    let spread = logf(ratio) / logf(Float(maximumDistance) / Float(exact))
    return base + min(half - 1, exact + Int(spread * Float(half - exact)))
  }

  /// The table by distance: column `offset + maximumTokens - 1`.
  ///
  /// - Parameters:
  ///   - table: `[buckets, heads]`.
  ///   - maximumTokens: longest sequence.
  /// - Returns: `[heads, 2 maximumTokens - 1]`.
  /// - Throws: `ShapeError` never occurs: the shape is made here.
  static func expanded(_ table: Tensor, maximumTokens: Int) throws -> Tensor {
    let buckets = table.rows
    let heads = table.columns
    let width = 2 * maximumTokens - 1
    let columns = (0..<width).map { bucket(of: $0 - maximumTokens + 1, buckets: buckets) }
    let values = table.values
    var result: [Float] = []
    result.reserveCapacity(heads * width)
    for head in 0..<heads {
      result.append(contentsOf: columns.map { values[$0 * heads + head] })
    }
    return try Tensor(result, shape: [heads, width])
  }
}
