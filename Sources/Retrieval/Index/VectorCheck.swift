import Models

/// What every vector must be before it meets an index.
///
/// FAISS 1.7.3 answers a NaN query with success and arbitrary ids, and never finds a NaN row again.
enum VectorCheck {
  /// Squared norms up to this bound keep every partial sum of an inner product and of a squared
  /// distance finite in Float32 (Cauchy-Schwarz; |x - y|² <= 4 max(|x|², |y|²)).
  static let maximumSquaredNorm = Double(Float.greatestFiniteMagnitude) / 5

  /// The squared norm of a row, checked.
  ///
  /// - Parameters:
  ///   - row: The values.
  ///   - similarity: Cosine refuses a norm of zero and accepts any finite one.
  ///   - name: Names the row in an error: `row 3`, `id 17`.
  /// - Returns: The squared norm.
  /// - Throws: `VectorIndexError.vector`.
  static func squaredNorm(
    of row: UnsafeBufferPointer<Float>, similarity: Similarity, name: @autoclosure () -> String
  ) throws -> Double {
    var sums = (0.0, 0.0, 0.0, 0.0)
    var column = 0
    while column + 4 <= row.count {
      let a = Double(row[column])
      let b = Double(row[column + 1])
      let c = Double(row[column + 2])
      let d = Double(row[column + 3])
      sums.0 += a * a
      sums.1 += b * b
      sums.2 += c * c
      sums.3 += d * d
      column += 4
    }
    while column < row.count {
      let value = Double(row[column])
      sums.0 += value * value
      column += 1
    }
    let sum = (sums.0 + sums.1) + (sums.2 + sums.3)
    // Squares of Float32 cannot overflow a Float64, so the sum is finite if every value is.
    guard sum.isFinite else {
      let column = row.firstIndex { !$0.isFinite } ?? 0
      throw VectorIndexError.vector(
        name: name(), fault: "value \(row[column]) in column \(column) is not finite")
    }
    if similarity == .cosine {
      guard sum > 0 else {
        throw VectorIndexError.vector(name: name(), fault: "norm 0 has no direction for cosine")
      }
    } else {
      guard sum <= maximumSquaredNorm else {
        throw VectorIndexError.vector(
          name: name(), fault: "norm \(sum.squareRoot()) overflows a Float32 score")
      }
    }
    return sum
  }

  /// Vectors as the index stores and compares them: checked, and of norm 1 under cosine.
  ///
  /// - Parameters:
  ///   - matrix: The vectors.
  ///   - dimension: The dimension of the index.
  ///   - similarity: The similarity of the index.
  ///   - what: `query` or `vector`, for the error about the dimension.
  ///   - name: Names a row.
  /// - Returns: The same matrix, or a normalised copy.
  /// - Throws: `VectorIndexError.shape` or `.vector`.
  static func prepared(
    _ matrix: VectorMatrix, dimension: Int, similarity: Similarity, what: String,
    name: (Int) -> String
  ) throws -> VectorMatrix {
    guard matrix.dimension == dimension else {
      throw VectorIndexError.shape(
        "\(what) has \(matrix.dimension) dimensions, index has \(dimension)")
    }
    let normalized: [Float]? = try matrix.withValues { values in
      var copy: [Float] = []
      if similarity == .cosine { copy.reserveCapacity(values.count) }
      for row in 0..<matrix.rows {
        let slice = UnsafeBufferPointer(
          rebasing: values[row * dimension..<(row + 1) * dimension])
        let squared = try squaredNorm(of: slice, similarity: similarity, name: name(row))
        guard similarity == .cosine else { continue }
        let norm = squared.squareRoot()
        for value in slice { copy.append(Float(Double(value) / norm)) }
      }
      return similarity == .cosine ? copy : nil
    }
    guard let normalized else { return matrix }
    return try VectorMatrix(normalized, rows: matrix.rows, dimension: dimension)
  }
}
