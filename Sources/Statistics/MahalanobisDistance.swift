import CBLAS

/// The squared distance from a mean in the metric of a covariance: (x−μ)ᵀ Σ⁻¹ (x−μ).
///
/// It whitens by W = L⁻¹, where Σ = L·Lᵀ, so that it is ‖W(x−μ)‖².
public struct MahalanobisDistance: Sendable, Equatable {
  /// The centre μ, `[dimension]`.
  public let mean: [Double]
  /// The whitening matrix W = L⁻¹, `[dimension, dimension]`, row-major, lower triangular.
  public let whitening: [Double]

  /// The dimension of a point.
  public var dimension: Int { mean.count }

  /// The distance from `mean` in the metric of `covariance`.
  ///
  /// - Parameters:
  ///   - mean: `[dimension]`, finite.
  ///   - covariance: Positive definite.
  /// - Throws: `StatisticsError`: `.countMismatch`, `.nonFinite`, `.notPositiveDefinite`.
  public init(mean: [Double], covariance: SymmetricMatrix) throws(StatisticsError) {
    guard mean.count == covariance.dimension else {
      throw .countMismatch(name: "mean", found: mean.count, expected: covariance.dimension)
    }
    try requireFinite(mean, name: "mean")
    self.mean = mean
    whitening = try CholeskyFactor(covariance).inverse()
  }

  /// The distance from its stored parts, as a saved detector holds them.
  ///
  /// - Parameters:
  ///   - mean: `[dimension]`, finite.
  ///   - whitening: `[dimension, dimension]`, row-major, finite; elements above the diagonal must
  ///     be 0.
  /// - Throws: `StatisticsError`: `.countMismatch`, `.nonFinite`, `.outOfRange` for an element above
  ///   the diagonal.
  public init(mean: [Double], whitening: [Double]) throws(StatisticsError) {
    guard !mean.isEmpty else { throw .tooFew(name: "mean", found: 0, needed: 1) }
    guard whitening.count == mean.count * mean.count else {
      throw .countMismatch(
        name: "whitening", found: whitening.count, expected: mean.count * mean.count)
    }
    try requireFinite(mean, name: "mean")
    try requireFinite(whitening, name: "whitening")
    for row in mean.indices {
      for column in mean.indices.dropFirst(row + 1) where whitening[row * mean.count + column] != 0
      {
        throw .outOfRange(
          name: "whitening (\(row), \(column))",
          value: "\(whitening[row * mean.count + column])", expected: "0 above the diagonal")
      }
    }
    self.mean = mean
    self.whitening = whitening
  }

  /// The whitened points W(x−μ): squared Euclidean distances between them are Mahalanobis distances.
  ///
  /// - Parameter rows: `[n, dimension]`, row-major, finite; n may be 0.
  /// - Returns: `[n, dimension]`, row-major.
  /// - Throws: `StatisticsError.countMismatch`, `.nonFinite` naming the row.
  public func whitened(rows: [Float]) throws(StatisticsError) -> [Double] {
    let count = try rowCount(rows)
    var points = [Double](repeating: 0, count: rows.count)
    for index in rows.indices { points[index] = Double(rows[index]) - mean[index % dimension] }
    guard count > 0 else { return points }
    cblas_dtrmm(
      CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, Int32(count),
      Int32(dimension), 1, whitening, Int32(dimension), &points, Int32(dimension))
    return points
  }

  /// The squared distance of each row.
  ///
  /// - Parameter rows: `[n, dimension]`, row-major, finite; n may be 0.
  /// - Returns: `[n]`, 0 or more.
  /// - Throws: `StatisticsError.countMismatch`, `.nonFinite` naming the row.
  public func squaredDistances(rows: [Float]) throws(StatisticsError) -> [Double] {
    _ = try rowCount(rows)
    var distances: [Double] = []
    distances.reserveCapacity(rows.count / dimension)
    // Blocks keep the Float64 copy small when a whole corpus is scanned.
    let step = 1024 * dimension
    for start in stride(from: 0, to: rows.count, by: step) {
      let points = try whitened(rows: Array(rows[start..<min(start + step, rows.count)]))
      for row in stride(from: 0, to: points.count, by: dimension) {
        var sum = 0.0
        for column in 0..<dimension { sum += points[row + column] * points[row + column] }
        distances.append(sum)
      }
    }
    return distances
  }

  private func rowCount(_ rows: [Float]) throws(StatisticsError) -> Int {
    let count = rows.count / dimension
    guard count * dimension == rows.count else {
      throw .countMismatch(
        name: "rows of \(dimension) values", found: rows.count,
        expected: (count + 1) * dimension)
    }
    for (index, value) in rows.enumerated() where !value.isFinite {
      throw .nonFinite(
        name: "column \(index % dimension) of row", index: index / dimension, value: "\(value)")
    }
    return count
  }
}
