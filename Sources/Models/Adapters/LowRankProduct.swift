import Tensors

/// The values of a low-rank update, for adding it to a weight.
struct LowRankProduct: Sendable {
  private let down: Tensor
  private let up: Tensor
  private let scale: Float

  init(_ update: LowRankUpdate) {
    down = update.down.value
    up = update.up.value
    scale = update.scale
  }

  /// `W + scale · B A`, each element's sum in Float64, rounded once.
  ///
  /// - Parameter weight: W, `[outputs, inputs]`.
  /// - Returns: the same shape.
  /// - Throws: `ShapeError` never occurs: the shape is W's.
  func added(to weight: Tensor) throws -> Tensor {
    let (rank, columns) = (down.rows, weight.columns)
    var values = weight.values
    down.withValues { a in
      up.withValues { b in
        values.withUnsafeMutableBufferPointer { w in
          var line = [Double](repeating: 0, count: columns)
          for row in 0..<weight.rows {
            let place = row * columns
            for column in 0..<columns { line[column] = Double(w[place + column]) }
            for r in 0..<rank {
              let factor = Double(b[row * rank + r]) * Double(scale)
              for column in 0..<columns { line[column] += factor * Double(a[r * columns + column]) }
            }
            for column in 0..<columns { w[place + column] = Float(line[column]) }
          }
        }
      }
    }
    return try Tensor(values, shape: weight.shape)
  }
}
