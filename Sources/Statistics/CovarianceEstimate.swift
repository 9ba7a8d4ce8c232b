import CBLAS

/// Mean and covariance of the rows of a Float32 matrix, computed in Float64.
///
/// Two passes: the mean first, then the centred products, so that a large common offset costs no
/// digits. Rows are taken in blocks of fixed size; with one BLAS thread the result is the same bits
/// on every run of one instruction set.
public struct CovarianceEstimate: Sendable, Equatable {
  /// The number of rows n.
  public let count: Int
  /// The mean of the rows, `[dimension]`.
  public let mean: [Double]
  /// The sample covariance: divided by n − 1.
  public let covariance: SymmetricMatrix
  /// Σ ‖x − mean‖⁴ over the rows, which the Ledoit–Wolf intensity needs.
  let sumOfFourthPowers: Double

  /// The dimension of a row.
  public var dimension: Int { covariance.dimension }

  /// The estimate from the rows of a matrix.
  ///
  /// - Parameters:
  ///   - rows: `[n, dimension]`, row-major, finite, n at least 2.
  ///   - dimension: At least 1.
  /// - Throws: `StatisticsError`: `.countMismatch` if the count is no multiple of the dimension,
  ///   `.tooFew` rows, `.nonFinite` naming the row, `.outOfRange` for the dimension.
  public init(rows: [Float], dimension: Int) throws(StatisticsError) {
    let count = try Self.rowCount(rows, dimension: dimension)
    let mean = Self.mean(of: rows, count: count, dimension: dimension)
    let blockRows = 256
    var block = [Double](repeating: 0, count: min(blockRows, count) * dimension)
    var products = [Double](repeating: 0, count: dimension * dimension)
    var fourthPowers = CompensatedSum()
    var start = 0
    while start < count {
      let height = min(blockRows, count - start)
      for row in 0..<height {
        let source = (start + row) * dimension
        var squares = 0.0
        for column in 0..<dimension {
          let centred = Double(rows[source + column]) - mean[column]
          block[row * dimension + column] = centred
          squares += centred * centred
        }
        fourthPowers.add(squares * squares)
      }
      cblas_dsyrk(
        CblasRowMajor, CblasLower, CblasTrans, Int32(dimension), Int32(height), 1, block,
        Int32(dimension), 1, &products, Int32(dimension))
      start += height
    }
    let divisor = Double(count - 1)
    for index in products.indices { products[index] /= divisor }
    self.count = count
    self.mean = mean
    covariance = SymmetricMatrix(dimension: dimension, lower: products)
    sumOfFourthPowers = fourthPowers.value
  }

  private static func rowCount(
    _ rows: [Float], dimension: Int
  ) throws(StatisticsError) -> Int {
    guard dimension >= 1, dimension <= 16_384 else {
      throw .outOfRange(name: "dimension", value: "\(dimension)", expected: "1 to 16384")
    }
    let count = rows.count / dimension
    guard count * dimension == rows.count else {
      throw .countMismatch(
        name: "rows of \(dimension) values", found: rows.count,
        expected: (count + 1) * dimension)
    }
    guard count >= 2 else { throw .tooFew(name: "rows for a covariance", found: count, needed: 2) }
    for (index, value) in rows.enumerated() where !value.isFinite {
      throw .nonFinite(
        name: "column \(index % dimension) of row", index: index / dimension, value: "\(value)")
    }
    return count
  }

  /// Sums of blocks, then the sum of the block sums: the rounding error stays that of one block.
  private static func mean(of rows: [Float], count: Int, dimension: Int) -> [Double] {
    var total = [Double](repeating: 0, count: dimension)
    var partial = total
    for row in 0..<count {
      for column in 0..<dimension { partial[column] += Double(rows[row * dimension + column]) }
      if (row + 1) % 1024 == 0 || row == count - 1 {
        for column in 0..<dimension {
          total[column] += partial[column]
          partial[column] = 0
        }
      }
    }
    return total.map { $0 / Double(count) }
  }
}
