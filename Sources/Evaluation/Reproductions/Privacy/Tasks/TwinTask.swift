import Privacy
import Tensors
import Training

/// Questions and passages through one encoder, a word table and a linear layer: each record uses both
/// twice. With negatives of its own a record's loss is its own; with the batch's passages as
/// negatives it is not.
final class TwinTask: PerRecordTask {
  struct Record: Sendable {
    var query: [Int32]
    var passage: [Int32]
    var negative: [Int32]
  }

  let words: Parameter
  let layer: LinearLayer
  private let comparesBatch: Bool

  init(width: Int = 8, seed: UInt64, comparesBatch: Bool = false) throws {
    var random = Philox(seed: seed)
    func parameter(_ name: String, _ shape: [Int]) throws -> Parameter {
      let values = (0..<shape.reduce(1, *)).map { _ in Float.random(in: -1...1, using: &random) }
      return Parameter(name, try Tensor(values, shape: shape))
    }
    words = try parameter("words.weight", [TinyDecoder.vocabulary, width])
    layer = LinearLayer(
      weight: try parameter("layer.weight", [width, width]),
      bias: try parameter("layer.bias", [width]))
    self.comparesBatch = comparesBatch
  }

  var parameters: [Parameter] { [words] + layer.parameters }

  func losses(of examples: [Record], on tape: Tape) -> Variable {
    let queries = vectors(examples.map(\.query), on: tape)
    let passages = vectors(examples.map(\.passage), on: tape)
    guard comparesBatch else {
      // log(1 + exp(β (s⁻ − s⁺)))
      let difference = tape.subtract(
        tape.rowProducts(queries, passages),
        tape.rowProducts(queries, vectors(examples.map(\.negative), on: tape)))
      return tape.scaled(tape.logSigmoid(tape.scaled(difference, by: 20)), by: -1)
    }
    return tape.crossEntropy(
      tape.similarity(queries, passages, scale: 20), targets: Array(examples.indices))
  }

  private func vectors(_ texts: [[Int32]], on tape: Tape) -> Variable {
    let rows = tape.embedding(
      [(words, texts.flatMap(\.self))], packing: Packing(lengths: texts.map(\.count)))
    return tape.normalized(tape.meanPool(tape.linear(rows, layer)))
  }

  static func records(_ count: Int, seed: UInt64) -> [Record] {
    let texts = TinyDecoder.texts(3 * count, seed: seed)
    return (0..<count).map {
      Record(query: texts[$0], passage: texts[count + $0], negative: texts[2 * count + $0])
    }
  }
}
