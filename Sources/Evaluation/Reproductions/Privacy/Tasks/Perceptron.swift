import Privacy
import Tensors
import Training

/// A perceptron with one hidden layer on the records of a ``ClassWorld``.
final class Perceptron: PerRecordTask {
  private let hidden: LinearLayer
  private let output: LinearLayer

  init(width: Int, seed: UInt64) throws {
    var normal = GaussianGenerator(Philox(seed: 900 + seed))
    func layer(_ name: String, _ outputs: Int, _ inputs: Int) throws -> LinearLayer {
      let scale = (2 / Double(inputs)).squareRoot()
      let values = (0..<outputs * inputs).map { _ in Float(scale * normal.next()) }
      return LinearLayer(
        weight: Parameter("\(name).weight", try Tensor(values, shape: [outputs, inputs])),
        bias: Parameter(
          "\(name).bias", try Tensor([Float](repeating: 0, count: outputs), shape: [outputs])))
    }
    hidden = try layer("hidden", width, ClassWorld.dimensions)
    output = try layer("output", ClassWorld.classes, width)
  }

  var parameters: [Parameter] { hidden.parameters + output.parameters }

  func losses(of examples: [LabelledFeatures], on tape: Tape) -> Variable {
    tape.crossEntropy(scores(examples, on: tape), targets: examples.map(\.label))
  }

  private func scores(_ examples: [LabelledFeatures], on tape: Tape) -> Variable {
    guard
      let x = try? Tensor(
        examples.flatMap(\.features), shape: [examples.count, ClassWorld.dimensions])
    else { preconditionFailure("Perceptron: features") }
    return tape.linear(tape.activation(tape.linear(tape.input(x), hidden), .relu), output)
  }

  func losses(_ examples: [LabelledFeatures]) -> [Double] {
    losses(of: examples, on: Tape(in: ComputeContext(), mode: .forwardOnly)).value.values
      .map(Double.init)
  }

  func meanLoss(_ examples: [LabelledFeatures]) -> Double {
    losses(examples).reduce(0, +) / Double(examples.count)
  }

  func accuracy(_ examples: [LabelledFeatures]) -> Double {
    let values = scores(examples, on: Tape(in: ComputeContext(), mode: .forwardOnly)).value.values
    let classes = ClassWorld.classes
    let right = examples.indices.count { row in
      let line = values[row * classes..<(row + 1) * classes]
      return line.indices.max { line[$0] < line[$1] } == row * classes + examples[row].label
    }
    return Double(right) / Double(examples.count)
  }
}
