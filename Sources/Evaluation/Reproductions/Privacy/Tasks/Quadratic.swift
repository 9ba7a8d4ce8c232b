import Privacy
import Tensors
import Training

/// `½ |A w|²`, whose gradient is `H w` with `H = AᵀA`; a record has no content.
final class Quadratic: PerRecordTask {
  let weight: Parameter
  let matrix: Tensor

  init(size: Int, seed: UInt64) throws {
    var random = Philox(seed: seed)
    let values = (0..<size * size).map { index -> Float in
      let diagonal: Float = index % (size + 1) == 0 ? 1 : 0
      return diagonal + 0.3 * Float.random(in: -1...1, using: &random)
    }
    matrix = try Tensor(values, shape: [size, size])
    weight = Parameter(
      "w",
      try Tensor(
        (0..<size).map { _ in Float.random(in: -1...1, using: &random) }, shape: [1, size]))
  }

  var parameters: [Parameter] { [weight] }

  func losses(of examples: [Int], on tape: Tape) -> Variable {
    let size = matrix.columns
    // One sequence for each record, all of them the same.
    let rows = tape.input(
      (try? Tensor(examples.flatMap { _ in matrix.values }, shape: [examples.count * size, size]))
        ?? matrix,
      packing: Packing(lengths: examples.map { _ in size }))
    let y = tape.linear(rows, LinearLayer(weight: weight))
    return tape.scaled(tape.meanPool(tape.multiply(y, y)), by: Float(size) / 2)
  }

  /// `H w` in Float64.
  var gradient: [Double] {
    let size = matrix.columns
    let a = matrix.values.map(Double.init)
    let w = weight.value.values.map(Double.init)
    var result = [Double](repeating: 0, count: size)
    for row in 0..<size {
      var product = 0.0
      for column in 0..<size { product += a[row * size + column] * w[column] }
      for column in 0..<size { result[column] += a[row * size + column] * product }
    }
    return result
  }

  /// tr(H) = Σ A².
  var trace: Double { matrix.values.reduce(0) { $0 + Double($1) * Double($1) } }
}
