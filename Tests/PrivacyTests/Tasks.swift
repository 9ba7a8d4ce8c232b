import Basics
import Models
import SystemPackage
import Tensors
import TestSupport
import Training

@testable import Privacy

/// Rows of numbers with targets, `½ Σ_r |W x_r − y_r|²` through a hidden layer or not: records can hold
/// any numbers.
final class VectorTask: PerRecordTask {
  struct Record {
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

/// A decoder of one layer whose word table is its output head; with every kind of parameter.
final class TinyDecoder {
  let words: Parameter
  let positions: Parameter
  let bias: Parameter
  let gain: Parameter
  let qkv: [LinearLayer]
  let output: LinearLayer
  let task: ToyLanguageModelTask

  var parameters: [Parameter] { task.parameters }

  init(vocabulary: Int = 20, width: Int = 16, seed: UInt64) throws {
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
    let words = try parameter("words.weight", [vocabulary, width])
    let positions = try parameter("positions.weight", [12, width])
    let bias = try parameter("relative.weight", [5, 4])
    let gain = try parameter("norm.weight", [width])
    let qkv = try ["q", "k", "v"].map { try linear("attention.\($0)") }
    let output = try linear("attention.output")
    (self.words, self.positions, self.bias, self.gain) = (words, positions, bias, gain)
    (self.qkv, self.output) = (qkv, output)
    task = ToyLanguageModelTask(
      parameters: [words, positions, bias, gain] + (qkv + [output]).flatMap(\.parameters),
      head: LinearLayer(weight: words)
    ) { ids, packing, tape in
      let places = (0..<packing.sequenceCount).flatMap { sequence in
        packing.rows(of: sequence).indices.map {
          Int32($0 - packing.rows(of: sequence).lowerBound)
        }
      }
      let x = tape.embedding([(words, ids), (positions, places)], packing: packing)
      let y = tape.rmsNorm(x, weight: gain, epsilon: 1e-6)
      let attended = tape.attention(
        tape.linear(y, qkv), heads: 4, isCausal: true,
        relativeBias: RelativeBias(table: bias) { max(-2, min(2, $0)) + 2 })
      return tape.add(tape.linear(attended, output), x)
    }
  }

  static func texts(_ count: Int, seed: UInt64) -> [[Int32]] {
    var random = Philox(seed: seed, stream: 3)
    return (0..<count).map { number in
      (0..<3 + number % 8).map { _ in Int32.random(in: 0..<20, using: &random) }
    }
  }
}

enum Examples {
  static func sequence(_ length: Int, _ random: inout Philox) -> TokenSequence {
    let ids = (0..<length).map { _ in Int32.random(in: 5..<200, using: &random) }
    return TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
  }

  static func pairs(_ count: Int, seed: UInt64) -> [TokenPair] {
    var random = Philox(seed: seed)
    return (0..<count).map { i in
      TokenPair(
        query: sequence(3 + i % 5, &random), positive: sequence(6 + i % 7, &random),
        negatives: (0..<i % 3).map { sequence(4 + $0, &random) })
    }
  }

  /// Questions with a passage and another, from the bundled corpus.
  static func medical(_ count: Int, model: FilePath) throws -> [TokenPair] {
    let side = try EmbeddingModel(directory: model).encoder(for: .passage)
    func texts(_ path: String, _ key: String) throws -> [TokenSequence] {
      let bytes = try FileBytes.read(
        Checkout.root.appending("Corpora/medqa/" + path), limit: 1 << 24)
      return try String(decoding: bytes, as: UTF8.self).split(separator: "\n").prefix(count + 1)
        .compactMap { line in
          try side.tokens(of: JSONParser.parse(String(line)).requiredObject().string(key))
        }
    }
    let questions = try texts("queries/exam.jsonl", "text")
    let passages = try texts("passages.jsonl", "text")
    return (0..<count).map {
      TokenPair(query: questions[$0], positive: passages[$0], negatives: [passages[$0 + 1]])
    }
  }

  static func labelled(_ count: Int, seed: UInt64) -> [LabelledTokens] {
    var random = Philox(seed: seed)
    return (0..<count).map { LabelledTokens(tokens: sequence(4 + $0, &random), label: $0 % 2) }
  }
}

/// Gradients of one record after the other, as plainly as can be.
enum Naive {
  /// For each example the gradient of each parameter.
  static func gradients<Task: TrainingTask>(
    _ task: Task, _ examples: [Task.Example], in context: ComputeContext = ComputeContext()
  ) -> [[[Float]]] {
    examples.map { example in
      for parameter in task.parameters { parameter.clearGradient() }
      let tape = Tape(in: context)
      tape.backward(from: tape.sum(task.losses(of: [example], on: tape)))
      defer { for parameter in task.parameters { parameter.clearGradient() } }
      return task.parameters.map {
        $0.gradient?.values ?? [Float](repeating: 0, count: $0.count)
      }
    }
  }

  static func square(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }
  }

  /// The sum of shortened gradients.
  static func clipped(
    _ gradients: [[[Float]]], _ clipping: Clipping, names: [String]
  ) -> [[Double]] {
    let groups = clipping.groups(of: names)
    let count = (groups.max() ?? 0) + 1
    var sum: [[Double]] = []
    for gradient in gradients {
      var squares = [Double](repeating: 0, count: count)
      for (values, group) in zip(gradient, groups) { squares[group] += square(values) }
      let factors = squares.map { clipping.factor(norm: $0.squareRoot(), groups: count) }
      for (number, values) in gradient.enumerated() {
        if sum.count <= number { sum.append([Double](repeating: 0, count: values.count)) }
        for (i, value) in values.enumerated() {
          sum[number][i] += factors[groups[number]] * Double(value)
        }
      }
    }
    return sum
  }
}

extension PrivateTrainingSettings {
  static func forTests(
    _ clipping: Clipping? = nil, seed: UInt64? = 1, records: Double = 4, atOnce: Int = 32
  ) throws -> PrivateTrainingSettings {
    var settings = try PrivateTrainingSettings(
      clipping: clipping ?? Clipping(), expectedRecords: records)
    settings.recordsAtOnce = atOnce
    if let seed { settings.randomness = .insecure(InsecureSeed(seed)) }
    return settings
  }
}

extension PrivacyLedger {
  static func forTests(
    noise: Double = 1, rate: Double = 0.5, steps: Int = 1000, delta: Double = 1e-5
  ) throws -> PrivacyLedger {
    try PrivacyLedger(
      Plan(
        phase: SampledGaussian(noiseMultiplier: noise, rate: rate, steps: steps), delta: delta,
        dataset: "test"))
  }
}

/// A language model that learns to continue texts. The loss of a record is the mean over its own
/// tokens: a mean over all tokens of a batch would tie records together by its denominator.
final class ToyLanguageModelTask: PerRecordTask {
  /// All parameters.
  let parameters: [Parameter]
  private let head: LinearLayer
  private let states: (_ ids: [Int32], _ packing: Packing, _ tape: Tape) -> Variable

  /// A task.
  ///
  /// - Parameters:
  ///   - parameters: all of the model's, the head's among them.
  ///   - head: scores the vocabulary; its weight may be the word table.
  ///   - states: states after the last layer, `[tokens, dimension]`; each sees its text up to itself.
  init(
    parameters: [Parameter], head: LinearLayer,
    states: @escaping (_ ids: [Int32], _ packing: Packing, _ tape: Tape) -> Variable
  ) {
    self.parameters = parameters
    self.head = head
    self.states = states
  }

  /// Mean cross-entropy of the second to the last token, in nats; 0 for a text of fewer than two.
  func losses(of examples: [[Int32]], on tape: Tape) -> Variable {
    let packing = Packing(lengths: examples.map { max(0, $0.count - 1) })
    let hidden = states(examples.flatMap { $0.dropLast() }, packing, tape)
    return tape.meanPool(
      tape.vocabularyLoss(
        hidden, head: head, targets: examples.flatMap { $0.dropFirst().map(Int.init) }))
  }
}
