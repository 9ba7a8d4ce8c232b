import CKernels

/// Sums over rows, in a fixed order at any number of threads: threads share the columns.
extension ComputeContext {
  /// `target[j] += Σ_r weights[r] x[r][j] factors[r][j]`.
  func addColumnSums(
    _ x: MatrixView, factors: MatrixView?, rowWeights: [Float]?,
    to target: UnsafeMutablePointer<Float>
  ) {
    parallelRanges(x.columns, grain: max(16, 16_384 / max(1, x.rows) * 16)) { columns in
      rbk_column_sums(
        x.pointer, x.rowStride, x.rows, factors?.pointer, factors?.rowStride ?? 0, rowWeights,
        columns.lowerBound, columns.upperBound, target)
    }
  }

  /// `target[ids[r]] += weights[r] x[r]`, rows in order.
  func addRows(
    of x: Tensor, rowWeights: [Float]?, to target: UnsafeMutablePointer<Float>, at ids: [Int32]
  ) {
    let (columns, from) = (x.columns, x.storage.pointer)
    parallelRanges(columns, grain: max(16, 4096 / max(1, ids.count) * 16)) { part in
      for (row, id) in ids.enumerated() {
        rbk_add_scaled(
          from + row * columns + part.lowerBound, rowWeights?[row] ?? 1, part.count,
          target + Int(id) * columns + part.lowerBound)
      }
    }
  }

  /// A tensor of zeros in memory of its own.
  package func zeros(_ shape: [Int]) -> Tensor {
    guard let count = elementCount(of: shape) else {
      preconditionFailure("zeros: shape \(shape) overflows")
    }
    let tensor = Tensor(storage: TensorStorage(capacity: count), shape: shape)
    fill(tensor.storage.pointer, count: count)
    return tensor
  }

  /// Zeros.
  func fill(_ target: UnsafeMutablePointer<Float>, count: Int) {
    parallelRanges(count, grain: 1 << 16) { part in
      (target + part.lowerBound).update(repeating: 0, count: part.count)
    }
  }

  /// `target = a + b`, element by element.
  func add(_ a: Tensor, _ b: Tensor, into target: Tensor) {
    let (a, b, to) = (a.storage.pointer, b.storage.pointer, target.storage.pointer)
    parallelRanges(target.count) { part in
      rbk_add(a + part.lowerBound, b + part.lowerBound, part.count, to + part.lowerBound)
    }
  }
}
