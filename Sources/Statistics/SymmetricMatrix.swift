import CBLAS

/// A small symmetric Float64 matrix, stored whole.
public struct SymmetricMatrix: Sendable, Equatable {
  /// The number of rows and columns, at least 1.
  public let dimension: Int
  /// The elements, `[dimension, dimension]`, row-major, both triangles filled.
  public private(set) var elements: [Double]

  /// A matrix from all its elements.
  ///
  /// - Parameters:
  ///   - dimension: At least 1.
  ///   - elements: `[dimension, dimension]`, row-major, finite and exactly symmetric.
  /// - Throws: `StatisticsError`: `.outOfRange` for the dimension or an asymmetric element,
  ///   `.countMismatch`, `.nonFinite` with the position.
  public init(dimension: Int, elements: [Double]) throws(StatisticsError) {
    let count = try Self.elementCount(dimension: dimension)
    guard elements.count == count else {
      throw .countMismatch(name: "elements", found: elements.count, expected: count)
    }
    try requireFinite(elements, name: "elements")
    for row in 0..<dimension {
      for column in 0..<row {
        let below = elements[row * dimension + column]
        let above = elements[column * dimension + row]
        guard below == above else {
          throw .outOfRange(
            name: "element (\(row), \(column))", value: "\(below)",
            expected: "\(above), the element across the diagonal")
        }
      }
    }
    self.dimension = dimension
    self.elements = elements
  }

  /// The identity times `scale`.
  ///
  /// - Parameters:
  ///   - dimension: At least 1.
  ///   - scale: Finite.
  /// - Throws: `StatisticsError.outOfRange` for the dimension, `.nonFinite` for the scale.
  public init(identity dimension: Int, scale: Double = 1) throws(StatisticsError) {
    let count = try Self.elementCount(dimension: dimension)
    try requireFinite(CollectionOfOne(scale), name: "scale")
    self.dimension = dimension
    elements = [Double](repeating: 0, count: count)
    for index in 0..<dimension { elements[index * dimension + index] = scale }
  }

  /// A matrix whose lower triangle is filled; the upper one is mirrored from it.
  init(dimension: Int, lower elements: [Double]) {
    self.dimension = dimension
    self.elements = elements
    for row in 0..<dimension {
      for column in 0..<row {
        self.elements[column * dimension + row] = elements[row * dimension + column]
      }
    }
  }

  private static func elementCount(dimension: Int) throws(StatisticsError) -> Int {
    // LAPACK counts in 32 bits, and a matrix of 16,384 rows already takes 2 GiB.
    guard dimension >= 1, dimension <= 16_384 else {
      throw .outOfRange(name: "dimension", value: "\(dimension)", expected: "1 to 16384")
    }
    return dimension * dimension
  }

  /// The element at a position, both from 0.
  public subscript(row: Int, column: Int) -> Double { elements[row * dimension + column] }

  /// The sum of the diagonal.
  public var trace: Double {
    (0..<dimension).lazy.map { self[$0, $0] }.compensatedSum()
  }

  /// The sum of all squared elements.
  public var squaredFrobeniusNorm: Double {
    elements.lazy.map { $0 * $0 }.compensatedSum()
  }

  /// `scale` · self + `ridge` · I.
  func scaled(by scale: Double, addingToDiagonal ridge: Double) -> SymmetricMatrix {
    var result = self
    for index in result.elements.indices { result.elements[index] *= scale }
    for index in 0..<dimension { result.elements[index * dimension + index] += ridge }
    return result
  }

  /// The eigenvalues in ascending order.
  ///
  /// - Returns: `dimension` values.
  /// - Throws: `StatisticsError.lapack` if the iteration does not converge.
  public func eigenvalues() throws(StatisticsError) -> [Double] {
    var matrix = elements
    var values = [Double](repeating: 0, count: dimension)
    var order = Int32(dimension)
    var leading = order
    var info: Int32 = 0
    // Without eigenvectors dsyevd needs 2n+1 reals and one integer.
    var workSize = 2 * order + 1
    var work = [Double](repeating: 0, count: Int(workSize))
    var integerWorkSize: Int32 = 1
    var integerWork: [Int32] = [0]
    dsyevd_(
      "N", "L", &order, &matrix, &leading, &values, &work, &workSize, &integerWork,
      &integerWorkSize, &info)
    guard info == 0 else { throw .lapack(routine: "dsyevd", info: Int(info)) }
    return values
  }

  /// The eigenvalues in ascending order with their eigenvectors.
  ///
  /// The sign of a vector, which LAPACK leaves open, is chosen so that its element of largest
  /// magnitude (the first of equals) is positive.
  ///
  /// - Returns: `dimension` values; `[dimension, dimension]`, row-major, row i the unit eigenvector of
  ///   value i.
  /// - Throws: `StatisticsError.lapack` if the iteration does not converge.
  public func eigenpairs() throws(StatisticsError) -> (values: [Double], vectors: [Double]) {
    var vectors = elements
    var values = [Double](repeating: 0, count: dimension)
    var order = Int32(dimension)
    var leading = order
    var info: Int32 = 0
    // dsyevd with eigenvectors needs 1 + 6n + 2n² reals and 3 + 5n integers.
    var workSize = 1 + 6 * order + 2 * order * order
    var work = [Double](repeating: 0, count: Int(workSize))
    var integerWorkSize = 3 + 5 * order
    var integerWork = [Int32](repeating: 0, count: Int(integerWorkSize))
    dsyevd_(
      "V", "L", &order, &vectors, &leading, &values, &work, &workSize, &integerWork,
      &integerWorkSize, &info)
    guard info == 0 else { throw .lapack(routine: "dsyevd", info: Int(info)) }
    // LAPACK's columns are our rows.
    for row in 0..<dimension {
      let start = row * dimension
      var largest = 0.0
      for column in 0..<dimension where vectors[start + column].magnitude > largest.magnitude {
        largest = vectors[start + column]
      }
      guard largest < 0 else { continue }
      for column in 0..<dimension { vectors[start + column] = -vectors[start + column] }
    }
    return (values, vectors)
  }

  /// The largest eigenvalue over the smallest.
  ///
  /// - Returns: At least 1; not applicable for a matrix that is not positive definite.
  /// - Throws: `StatisticsError.lapack` if the eigenvalues do not converge.
  public func conditionNumber() throws(StatisticsError) -> Applicable<Double> {
    let values = try eigenvalues()
    guard values[0] > 0 else {
      return .notApplicable("the smallest eigenvalue is \(values[0])")
    }
    return .value(values[dimension - 1] / values[0])
  }
}
