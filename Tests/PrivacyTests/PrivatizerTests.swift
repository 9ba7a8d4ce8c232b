import Basics
import Glibc
import Models
import Tensors
import TestSupport
import Testing
import Training

@testable import Evaluation
@testable import Privacy

/// The private gradient: sums, sensitivity, noise, batches in parts.
@Suite struct PrivatizerTests {
  static let styles: [Clipping.Style] = [
    .flat, .perLayer, .perParameter, .blocks(["words", "attention"]),
  ]

  /// The sum equals that of gradients that were computed and shortened one by one.
  @Test(arguments: Sensitivity.functions, styles)
  func sumsEqualNaiveOnes(function: Clipping.Function, style: Clipping.Style) throws {
    let decoder = try TinyDecoder(seed: 1)
    let texts = TinyDecoder.texts(5, seed: 2)
    let gradients = ExplicitGradients.each(decoder, texts)
    let names = decoder.parameters.map(\.name)
    for length in [0.5, 3.0] {
      let clipping = try Clipping(length: length, function: function, style: style)
      let expected = ExplicitGradients.clippedSum(gradients, clipping, names: names)
      for method in [ExampleNorms.Method.mixed, .gram, .instantiated] {
        let found = try ExplicitGradients.privateSum(decoder, texts, clipping, method: method)
        let largest = expected.joined().reduce(0) { max($0, abs($1)) }
        for (name, (a, b)) in zip(names, zip(found, expected)) {
          // The key's bias has gradient 0 but for rounding, which per-parameter clipping lengthens.
          let isKeyBias = name == "attention.k.bias"
          expectClose(
            a, b, absolute: isKeyBias ? 0.01 : 1e-4 * largest, relative: 1e-4, "\(name), \(method)")
        }
      }
    }
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet", "tiny-static"])
  func sumsOfRetrievers(name: String) throws {
    let directory = Checkout.fixture("models/\(name)")
    let encoder: any TrainableEncoder =
      name == "tiny-static"
      ? try TrainableStaticEncoder(directory: directory)
      : try TrainableTransformer(directory: directory)
    let task = RecordContrastiveTask(encoder, pooling: .mean, normalises: true)
    let pairs = Examples.pairs(6, seed: 3)
    let clipping = try Clipping(function: .vanilla)
    let expected = ExplicitGradients.clippedSum(
      ExplicitGradients.each(task, pairs), clipping, names: task.parameters.map(\.name))
    let largest = expected.joined().reduce(0) { max($0, abs($1)) }
    let whole = try ExplicitGradients.privateSum(task, pairs, clipping, threads: 2)
    for (parameter, (a, b)) in zip(task.parameters, zip(whole, expected)) {
      expectClose(a, b, absolute: 1e-4 * largest, relative: 1e-4, parameter.name)
    }
    // In any parts, at any number of threads.
    #expect(try ExplicitGradients.privateSum(task, pairs, clipping, threads: 1) == whole)
    for atOnce in [1, 2, 4] {
      let parts = try ExplicitGradients.privateSum(task, pairs, clipping, atOnce: atOnce)
      for (a, b) in zip(parts, whole) { expectClose(a, b, absolute: 1e-5 * largest) }
    }
  }

  /// The loss of records by themselves, and that of a batch that compares them.
  @Test func onlyTasksOfRecordsAreIndependent() throws {
    let encoder = try TrainableTransformer(directory: Checkout.fixture("models/tiny-bert"))
    let pairs = Examples.pairs(5, seed: 4)
    let context = ComputeContext()
    let own = RecordContrastiveTask(encoder, pooling: .mean, normalises: true)
    #expect(RecordIndependence.largestDifference(own, pairs, in: context) < 1e-5)
    let inBatch = ContrastiveTask(
      encoder, pooling: .mean, normalises: true, loss: ContrastiveLoss())
    #expect(RecordIndependence.largestDifference(inBatch, pairs, in: context) > 0.1)
    #expect((own as Any) is any PerRecordTask && !((inBatch as Any) is any PerRecordTask))
    let classifier = try SequenceClassifier(
      directory: Checkout.fixture("models/tiny-mpnet"), labels: ["a", "b"], seed: 1)
    let texts = Examples.labelled(4, seed: 5)
    #expect(
      RecordIndependence.largestDifference(ClassificationTask(classifier), texts, in: context)
        < 1e-5)
    let decoder = try TinyDecoder(seed: 6)
    #expect(
      RecordIndependence.largestDifference(
        decoder, TinyDecoder.texts(5, seed: 7), in: context) < 1e-5)
  }

  /// Experiment C5: one record more or less moves the sum by at most C, whatever the record is.
  @Test func neighboursAreNoFurtherApartThanTheClippingLength() throws {
    let moves = try Sensitivity.largestMove(trials: 200)
    #expect(moves.any <= 1 + 1e-5 && moves.any > 0.9, "\(moves)")
    #expect(moves.notFinite < 1e-5, "\(moves)")
  }

  /// The same test notices what is done wrong: it must fail for losses that couple records, for
  /// averages over the rows of a batch, and for the random size of a batch as divisor.
  @Test func theSensitivityTestCanFail() throws {
    // A false claim is noticed when training begins.
    #expect(throws: PrivacyError.self) {
      try PrivateTraining(
        TwinTask(seed: 10, comparesBatch: true), records: TwinTask.records(8, seed: 11),
        ledger: .forTests(), settings: .forTests(), in: ComputeContext())
    }
    #expect(try Sensitivity.moveOfBatchNegatives() > 1.05)
    #expect(try Sensitivity.moveOfBatchAverages() > 1.05)
    let divisor = try Sensitivity.moveOfRandomDivisor()
    #expect(divisor.divided > 1.05 && divisor.sum <= 1 + 1e-5, "\(divisor)")
  }

  /// Noise of the stated deviation, once a step, over the expected number of records.
  @Test(arguments: [nil, 3] as [UInt64?]) func noiseHasItsVariance(seed: UInt64?) throws {
    let task = try VectorTask(inputs: 200, outputs: 100, seed: 14)
    let clipping = try Clipping(length: 0.7)
    let privatizer = Privatizer(
      task, settings: try .forTests(clipping, seed: seed, records: 5),
      ledger: try .forTests(noise: 1.3), in: ComputeContext())
    let deviation = 1.3 * 0.7 / 5
    func gradient(_ step: Int) -> [Float] {
      // An empty batch: no gradient, the same noise.
      #expect(privatizer.computeGradient(of: [], at: step) == nil)
      return task.parameters.flatMap { $0.gradient?.values ?? [] }
    }
    let (first, second) = (gradient(0), gradient(1))
    for values in [first, second] {
      let n = Double(values.count)
      let mean = values.reduce(0) { $0 + Double($1) } / n
      let variance = ExplicitGradients.square(values) / n
      let fourth = values.reduce(0) { $0 + Double($1 * $1) * Double($1 * $1) } / n
      expectClose(variance, deviation * deviation, absolute: 0, relative: 0.05)
      expectClose(mean, 0, absolute: 5 * deviation / n.squareRoot())
      expectClose(fourth / (variance * variance), 3, absolute: 0.2)
    }
    let correlation = zip(first, second).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    expectClose(
      correlation / (Double(first.count) * deviation * deviation), 0,
      absolute: 5 / Double(first.count).squareRoot())
    #expect(privatizer.ledger.steps == 2)
    // A seed repeats its numbers; the system's entropy never does.
    #expect((gradient(0) == first) == (seed != nil))
  }

  /// Zero noise: the private gradient is the sum over the expected number, whatever the batch's size.
  @Test func theDivisorIsConstant() throws {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 15)
    let records = VectorTask.records(7, inputs: 6, outputs: 4, seed: 16)
    let clipping = try Clipping(length: 1e9, function: .vanilla)
    var settings = try PrivateTrainingSettings.forTests(clipping, records: 4)
    settings.revealsLosses = true
    let privatizer = Privatizer(
      task, settings: settings, ledger: try .forTests(noise: 0), in: ComputeContext())
    for count in [1, 4, 7] {
      let batch = Array(records.prefix(count))
      let loss = privatizer.computeGradient(of: batch, at: 0)
      let found = task.parameters.flatMap { $0.gradient?.values ?? [] }
      let plain = Backpropagation(task, in: ComputeContext())
      let expected = plain.computeGradient(of: batch, at: 0)
      let factor = Float(count) / 4
      expectClose(
        found, task.parameters.flatMap { $0.gradient?.values ?? [] }.map { $0 * factor },
        absolute: 1e-5, relative: 1e-4)
      expectClose(loss ?? .nan, expected ?? .nan, absolute: 1e-6)
    }
    #expect(try privatizer.ledger.epsilon() == .infinity)
  }

  @Test func badClippingIsRefused() {
    for length in [0, -1, .nan, .infinity] as [Double] {
      #expect(throws: PrivacyError.self) { try Clipping(length: length) }
    }
    #expect(throws: PrivacyError.self) { try Clipping(function: .automatic(stability: 0)) }
    #expect(throws: PrivacyError.self) {
      try PrivateTrainingSettings(clipping: Clipping(), expectedRecords: 0)
    }
  }

  /// Against the loss over all pairs that PyTorch's cross-entropy gives by its definition.
  @Test func groupsOfScores() throws {
    let tape = Tape(in: ComputeContext())
    let scores: [Float] = [1, 2, 0.5, -1, 3, 3, 100]
    let x = tape.input(try Tensor(scores, shape: [7, 1]), requiresGradient: true)
    let losses = tape.groupedCrossEntropy(x, boundaries: [0, 3, 6, 7])
    func softmax(_ values: [Float]) -> [Double] {
      let exponentials = values.map { exp(Double($0)) }
      return exponentials.map { $0 / exponentials.reduce(0, +) }
    }
    let (a, b) = (softmax([1, 2, 0.5]), softmax([-1, 3, 3]))
    expectClose(losses.value.values, [-log(a[0]), -log(b[0]), 0], absolute: 1e-6)
    tape.backward(from: losses, gradient: try Tensor([1, 2, 3], shape: [3, 1]))
    expectClose(
      x.gradient?.values ?? [],
      [a[0] - 1, a[1], a[2], 2 * (b[0] - 1), 2 * b[1], 2 * b[2], 0], absolute: 1e-6)
  }
}
