import Privacy
import Tensors
import Training

/// A decoder of one layer whose word table is its output head; with every kind of parameter.
///
/// The loss of a text is the mean over its own tokens from the second on, in nats; 0 for a text of
/// fewer than two.
final class TinyDecoder: PerRecordTask {
  static let vocabulary = 20

  let words: Parameter
  let positions: Parameter
  let bias: Parameter
  let gain: Parameter
  let qkv: [LinearLayer]
  let output: LinearLayer

  var parameters: [Parameter] {
    [words, positions, bias, gain] + (qkv + [output]).flatMap(\.parameters)
  }

  init(width: Int = 16, seed: UInt64) throws {
    var random = Philox(seed: seed)
    func parameter(_ name: String, _ shape: [Int]) throws -> Parameter {
      let values = (0..<shape.reduce(1, *)).map { _ in
        Float.random(in: -0.5...0.5, using: &random)
      }
      return Parameter(name, try Tensor(values, shape: shape))
    }
    func linear(_ name: String) throws -> LinearLayer {
      LinearLayer(
        weight: try parameter(name + ".weight", [width, width]),
        bias: try parameter(name + ".bias", [width]))
    }
    words = try parameter("words.weight", [Self.vocabulary, width])
    positions = try parameter("positions.weight", [12, width])
    bias = try parameter("relative.weight", [5, 4])
    gain = try parameter("norm.weight", [width])
    qkv = try ["q", "k", "v"].map { try linear("attention.\($0)") }
    output = try linear("attention.output")
  }

  func losses(of examples: [[Int32]], on tape: Tape) -> Variable {
    let packing = Packing(lengths: examples.map { max(0, $0.count - 1) })
    let places = (0..<packing.sequenceCount).flatMap { sequence in
      packing.rows(of: sequence).indices.map {
        Int32($0 - packing.rows(of: sequence).lowerBound)
      }
    }
    let x = tape.embedding(
      [(words, examples.flatMap { $0.dropLast() }), (positions, places)], packing: packing)
    let y = tape.rmsNorm(x, weight: gain, epsilon: 1e-6)
    let attended = tape.attention(
      tape.linear(y, qkv), heads: 4, isCausal: true,
      relativeBias: RelativeBias(table: bias) { max(-2, min(2, $0)) + 2 })
    return tape.meanPool(
      tape.vocabularyLoss(
        tape.add(tape.linear(attended, output), x), head: LinearLayer(weight: words),
        targets: examples.flatMap { $0.dropFirst().map(Int.init) }))
  }

  static func texts(_ count: Int, seed: UInt64) -> [[Int32]] {
    var random = Philox(seed: seed, stream: 3)
    return (0..<count).map { number in
      (0..<3 + number % 8).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &random) }
    }
  }
}
