import Basics
import Models
import Tensors
import TestSupport
import Testing
import Training

@testable import Evaluation
@testable import Privacy

/// Lengths of single examples' gradients against one backward pass for each example.
@Suite struct ExampleNormTests {
  /// `(parameter, example)` squares of a task.
  private func expectNorms<Task: TrainingTask>(
    _ task: Task, _ examples: [Task.Example], tolerance: Double = 1e-4, _ comment: String
  ) {
    let expected = ExplicitGradients.each(task, examples)
    for threads in [1, 2] {
      for method in [ExampleNorms.Method.mixed, .gram, .instantiated] {
        let context = ComputeContext(threads: threads)
        var captured: [ParameterGradient] = []
        let tape = Tape(in: context) { captured.append($0) }
        tape.backward(from: tape.sum(task.losses(of: examples, on: tape)))
        let found = ExampleNorms.squares(of: captured, by: method, in: context)
        let byName = Dictionary(uniqueKeysWithValues: found.map { ($0.parameter.name, $0.squares) })
        for example in examples.indices {
          let all = expected[example].reduce(0) { $0 + ExplicitGradients.square($1) }
          for (number, parameter) in task.parameters.enumerated() where parameter.isTrainable {
            let square = ExplicitGradients.square(expected[example][number])
            let norm = (byName[parameter.name]?[example] ?? 0).squareRoot()
            // What is 0 but for rounding has no relative accuracy.
            expectClose(
              norm, square.squareRoot(), absolute: 1e-5 * all.squareRoot(), relative: tolerance,
              "\(comment), \(method), \(parameter.name), example \(example)")
          }
        }
      }
    }
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet", "tiny-static"]) func retrievers(name: String) throws
  {
    let directory = Checkout.fixture("models/\(name)")
    let encoder: any TrainableEncoder =
      name == "tiny-static"
      ? try TrainableStaticEncoder(directory: directory)
      : try TrainableTransformer(directory: directory)
    let task = RecordContrastiveTask(
      encoder, pooling: .mean, normalises: true, inverseTemperature: 10)
    expectNorms(task, Examples.pairs(5, seed: 3), name)
    // Two passes of one encoder over the same examples, each layer captured twice.
    let twice = TwoPassTask(encoder)
    expectNorms(twice, Examples.pairs(4, seed: 4), "\(name), two passes")
  }

  /// Question and passage in a pass of their own, as the in-batch task has them; losses of records.
  private final class TwoPassTask: TrainingTask {
    let encoder: any TrainableEncoder
    init(_ encoder: any TrainableEncoder) { self.encoder = encoder }
    var parameters: [Parameter] { encoder.parameters }
    func losses(of examples: [TokenPair], on tape: Tape) -> Variable {
      func vectors(_ sequences: [TokenSequence]) -> Variable {
        encoder.vectors(of: sequences, pooling: .mean, normalises: true, on: tape)
      }
      return tape.rowProducts(vectors(examples.map(\.query)), vectors(examples.map(\.positive)))
    }
  }

  /// Real weights and texts: MiniLM on questions and passages of the bundled corpus.
  @Test func installedRetriever() throws {
    guard let directory = installedModel("all-MiniLM-L6-v2") else { return }
    let task = RecordContrastiveTask(
      try TrainableTransformer(directory: directory), pooling: .mean, normalises: true)
    expectNorms(task, try Examples.medical(3, model: directory), tolerance: 5e-4, "MiniLM")
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet"], [false, true])
  func classifiers(name: String, checkpoints: Bool) throws {
    let classifier = try SequenceClassifier(
      directory: Checkout.fixture("models/\(name)"), labels: ["a", "b"], seed: 1)
    classifier.encoder.checkpointsLayers = checkpoints
    expectNorms(ClassificationTask(classifier), Examples.labelled(4, seed: 5), name)
  }

  @Test func tiedDecoder() throws {
    let decoder = try TinyDecoder(seed: 6)
    expectNorms(decoder, TinyDecoder.texts(6, seed: 7), "decoder")
    // Both uses matter, and so does their inner product.
    let texts = TinyDecoder.texts(3, seed: 8)
    decoder.positions.isTrainable = false
    expectNorms(decoder, texts, "decoder with frozen positions")
  }

  @Test func linearAndNormalised() throws {
    let task = try VectorTask(inputs: 7, outputs: 5, seed: 9, normalised: true)
    expectNorms(task, VectorTask.records(5, inputs: 7, outputs: 5, seed: 10), "vectors")
    // One row for each record, as heads have it.
    expectNorms(task, VectorTask.records(5, inputs: 7, outputs: 5, rows: 1, seed: 11), "rows")
  }

  /// opacus/grad_sample/embedding_norm_sample.py.
  @Test func embeddingOfOpacus() throws {
    let table = Parameter("table", try Tensor([0, 0, 0], shape: [3, 1]))
    let context = ComputeContext()
    var captured: [ParameterGradient] = []
    let tape = Tape(in: context) { captured.append($0) }
    let y = tape.embedding([(table, [1, 1, 2, 0, 2, 0])], packing: Packing(lengths: [2, 2, 2]))
    tape.backward(
      from: y, gradient: try Tensor([0.2, 0.2, 0.3, 0.1, 0.3, 0.1], shape: [6, 1]))
    let norms = ExampleNorms.squares(of: captured, in: context)[0].squares.map { $0.squareRoot() }
    expectClose(norms, [0.4, 0.316_227_8, 0.316_227_8], absolute: 1e-6)
  }

  /// Gram sums that cancel are noticed: two rows whose gradients are opposite but for a ten-thousandth.
  @Test func cancellationIsMultipliedOut() throws {
    let weight = Parameter("w", try Tensor((0..<64).map { Float($0) }, shape: [8, 8]))
    let context = ComputeContext()
    var captured: [ParameterGradient] = []
    let tape = Tape(in: context) { captured.append($0) }
    let row = (0..<8).map { Float($0) * 100 + 1 }
    let x = tape.input(
      try Tensor(row + row.map { -$0 * 1.0001 }, shape: [2, 8]), packing: Packing(lengths: [2]))
    let y = tape.linear(x, LinearLayer(weight: weight))
    tape.backward(
      from: y, gradient: try Tensor([Float](repeating: 3, count: 16), shape: [2, 8]))
    for gradient in captured { gradient.accumulate(in: context) }
    let expected = ExplicitGradients.square(weight.gradient?.values ?? [])
    let found = ExampleNorms.squares(of: captured, by: .gram, in: context)[0].squares[0]
    expectClose(found, expected, absolute: 0, relative: 1e-5)
    #expect(expected > 0)
  }

  /// The combination of gradients at two points has cross terms too.
  @Test func pointsAreJoined() throws {
    let decoder = try TinyDecoder(seed: 12)
    let texts = TinyDecoder.texts(4, seed: 13)
    let context = ComputeContext()
    let first = ExplicitGradients.each(decoder, texts)
    let values = decoder.parameters.map(\.value)
    var captured: [ParameterGradient] = []
    func capture(_ coefficient: Float) {
      let tape = Tape(in: context) {
        var gradient = $0
        gradient.coefficient = coefficient
        captured.append(gradient)
      }
      tape.backward(from: tape.sum(decoder.losses(of: texts, on: tape)))
    }
    capture(-0.4)
    for parameter in decoder.parameters {
      parameter.update { values, _ in for i in values.indices { values[i] *= 1.1 } }
    }
    let second = ExplicitGradients.each(decoder, texts)
    capture(1.4)
    let found = ExampleNorms.squares(of: captured, in: context)
    for (parameter, squares) in found {
      let number = try #require(decoder.parameters.firstIndex { $0 === parameter })
      for example in texts.indices {
        let combined = zip(first[example][number], second[example][number]).map {
          -0.4 * $0 + 1.4 * $1
        }
        expectClose(
          squares[example].squareRoot(), ExplicitGradients.square(combined).squareRoot(),
          absolute: 1e-5,
          relative: 1e-4, parameter.name)
      }
    }
    for parameter in decoder.parameters { parameter.clearGradient() }
    for gradient in captured { gradient.accumulate(in: context) }
    for (number, parameter) in decoder.parameters.enumerated() {
      var sum = [Float](repeating: 0, count: parameter.count)
      for example in texts.indices {
        for i in sum.indices {
          sum[i] += -0.4 * first[example][number][i] + 1.4 * second[example][number][i]
        }
      }
      expectClose(
        parameter.gradient?.values ?? [], sum, absolute: 1e-5, relative: 1e-4, parameter.name)
    }
    for (parameter, value) in zip(decoder.parameters, values) { try parameter.assign(value) }
  }
}
