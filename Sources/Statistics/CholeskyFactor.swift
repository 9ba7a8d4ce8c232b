import CBLAS
import Glibc

/// The lower triangular L with L·Lᵀ = S.
public struct CholeskyFactor: Sendable, Equatable {
  /// The number of rows and columns.
  public let dimension: Int
  /// The elements of L, `[dimension, dimension]`, row-major, zeros above the diagonal.
  public let elements: [Double]

  /// The factor of a positive definite matrix.
  ///
  /// - Parameter matrix: Symmetric and positive definite.
  /// - Throws: `StatisticsError.notPositiveDefinite` with the order of the minor that fails.
  public init(_ matrix: SymmetricMatrix) throws(StatisticsError) {
    dimension = matrix.dimension
    var factor = matrix.elements
    var order = Int32(dimension)
    var leading = order
    var info: Int32 = 0
    // LAPACK is column-major: its upper factor U with UᵀU = S is our row-major L.
    dpotrf_("U", &order, &factor, &leading, &info)
    guard info >= 0 else { throw .lapack(routine: "dpotrf", info: Int(info)) }
    guard info == 0 else { throw .notPositiveDefinite(order: Int(info)) }
    // A minor that is not finite passes dpotrf's test of sign.
    for index in 0..<dimension where !factor[index * dimension + index].isFinite {
      throw .notPositiveDefinite(order: index + 1)
    }
    for row in 0..<dimension {
      for column in (row + 1)..<max(row + 1, dimension) { factor[row * dimension + column] = 0 }
    }
    elements = factor
  }

  /// The logarithm of the determinant of S.
  public var logDeterminant: Double {
    2 * (0..<dimension).lazy.map { log(elements[$0 * dimension + $0]) }.compensatedSum()
  }

  /// L⁻¹, lower triangular.
  ///
  /// - Returns: `[dimension, dimension]`, row-major, zeros above the diagonal.
  /// - Throws: `StatisticsError.lapack` if an element of the diagonal is 0.
  public func inverse() throws(StatisticsError) -> [Double] {
    var result = elements
    var order = Int32(dimension)
    var leading = order
    var info: Int32 = 0
    dtrtri_("U", "N", &order, &result, &leading, &info)
    guard info == 0 else { throw .lapack(routine: "dtrtri", info: Int(info)) }
    return result
  }
}
