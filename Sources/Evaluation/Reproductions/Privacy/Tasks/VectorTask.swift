import Privacy
import Tensors
import Training

/// Rows of numbers with targets, `½ Σ_r |W x_r + b − y_r|²` over the number of rows, through a
/// normalisation or not: records can hold any numbers.
final class VectorTask: PerRecordTask {
  struct Record: Sendable {
    var rows: [[Float]]
    var targets: [[Float]]
  }

  let layer: LinearLayer
  let norm: (weight: Parameter, bias: Parameter)?

  init(inputs: Int, outputs: Int, seed: UInt64, normalised: Bool = false) throws {
    var random = Philox(seed: seed)
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
    }
    layer = LinearLayer(
      weight: Parameter(
        "w.weight", try Tensor(values(inputs * outputs), shape: [outputs, inputs])),
      bias: Parameter("w.bias", try Tensor(values(outputs), shape: [outputs])))
    norm =
      normalised
      ? (
        Parameter("n.weight", try Tensor(values(inputs), shape: [inputs])),
        Parameter("n.bias", try Tensor(values(inputs), shape: [inputs]))
      ) : nil
  }

  var parameters: [Parameter] { layer.parameters + (norm.map { [$0.weight, $0.bias] } ?? []) }

  func losses(of examples: [Record], on tape: Tape) -> Variable {
    func matrix(_ rows: [[Float]], _ packing: Packing) -> Variable {
      let columns = rows.first?.count ?? layer.inputs
      guard let tensor = try? Tensor(rows.flatMap { $0 }, shape: [rows.count, columns]) else {
        preconditionFailure("VectorTask: ragged rows")
      }
      return tape.input(tensor, packing: packing)
    }
    let packing = Packing(lengths: examples.map(\.rows.count))
    var x = matrix(examples.flatMap(\.rows), packing)
    if let norm { x = tape.layerNorm(x, weight: norm.weight, bias: norm.bias, epsilon: 1e-5) }
    let error = tape.subtract(
      tape.linear(x, layer), matrix(examples.flatMap(\.targets), packing))
    return tape.scaled(tape.meanPool(tape.rowProducts(error, error)), by: 0.5)
  }

  static func records(_ count: Int, inputs: Int, outputs: Int, rows: Int = 3, seed: UInt64)
    -> [Record]
  {
    var random = Philox(seed: seed, stream: 7)
    func values(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
    }
    return (0..<count).map { number in
      let rows = 1 + number % rows
      return Record(
        rows: (0..<rows).map { _ in values(inputs) },
        targets: (0..<rows).map { _ in values(outputs) })
    }
  }
}
