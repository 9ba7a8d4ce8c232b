import Basics
import Glibc
import Models
import Tensors
import TestSupport
import Testing
import Training

@testable import Privacy

/// The private gradient: sums, sensitivity, noise, batches in parts.
@Suite struct PrivatizerTests {
  private func sum<Task: PerRecordTask>(
    _ task: Task, _ examples: [Task.Example], _ clipping: Clipping, atOnce: Int = 32,
    threads: Int = 1, points: [GradientPoint] = [GradientPoint()],
    method: ExampleNorms.Method = .mixed
  ) throws -> [[Float]] {
    let privatizer = Privatizer(
      task, settings: try .forTests(clipping, atOnce: atOnce), ledger: try .forTests(),
      method: method, in: ComputeContext(threads: threads))
    _ = privatizer.sumClipped(examples, at: points)
    return task.parameters.map {
      $0.gradient?.values ?? [Float](repeating: 0, count: $0.count)
    }
  }

  static let functions: [Clipping.Function] = [
    .vanilla, .automatic(), .automatic(stability: 0.001), .normalised, .global,
  ]
  static let styles: [Clipping.Style] = [
    .flat, .perLayer, .perParameter, .blocks(["words", "attention"]),
  ]

  /// The sum equals that of gradients that were computed and shortened one by one.
  @Test(arguments: functions, styles)
  func sumsEqualNaiveOnes(function: Clipping.Function, style: Clipping.Style) throws {
    let decoder = try TinyDecoder(seed: 1)
    let texts = TinyDecoder.texts(5, seed: 2)
    let gradients = Naive.gradients(decoder.task, texts)
    let names = decoder.parameters.map(\.name)
    for length in [0.5, 3.0] {
      let clipping = try Clipping(length: length, function: function, style: style)
      let expected = Naive.clipped(gradients, clipping, names: names)
      for method in [ExampleNorms.Method.mixed, .gram, .instantiated] {
        let found = try sum(decoder.task, texts, clipping, method: method)
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
    let expected = Naive.clipped(
      Naive.gradients(task, pairs), clipping, names: task.parameters.map(\.name))
    let largest = expected.joined().reduce(0) { max($0, abs($1)) }
    let whole = try sum(task, pairs, clipping, threads: 2)
    for (parameter, (a, b)) in zip(task.parameters, zip(whole, expected)) {
      expectClose(a, b, absolute: 1e-4 * largest, relative: 1e-4, parameter.name)
    }
    // In any parts, at any number of threads.
    #expect(try sum(task, pairs, clipping, threads: 1) == whole)
    for atOnce in [1, 2, 4] {
      let parts = try sum(task, pairs, clipping, atOnce: atOnce)
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
        decoder.task, TinyDecoder.texts(5, seed: 7), in: context) < 1e-5)
  }

  private func distance(_ a: [[Float]], _ b: [[Float]]) -> Double {
    zip(a.joined(), b.joined()).reduce(0) {
      $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
    }.squareRoot()
  }

  /// One record more or less moves the sum by at most C, whatever the record is.
  @Test func neighboursAreNoFurtherApartThanTheClippingLength() throws {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 8, normalised: false)
    var random = Philox(seed: 9)
    for trial in 0..<200 {
      let function = Self.functions[trial % Self.functions.count]
      let style: Clipping.Style = trial % 2 == 0 ? .flat : .perParameter
      let length = Double.random(in: 0.1...3, using: &random)
      let clipping = try Clipping(length: length, function: function, style: style)
      var records = VectorTask.records(
        trial % 7, inputs: 6, outputs: 4, seed: UInt64(100 + trial))
      let before = try sum(task, records, clipping)
      var extra = VectorTask.records(1, inputs: 6, outputs: 4, seed: UInt64(500 + trial))[0]
      switch trial % 5 {
      case 1: extra.rows[0][2] = .nan
      case 2: extra.rows = extra.rows.map { $0.map { $0 * 1e6 } }
      case 3: extra.targets[0][1] = .infinity
      case 4: extra.rows = extra.rows.map { $0.map { $0 * 1e15 } }
      default: break
      }
      records.insert(extra, at: trial % (records.count + 1))
      let after = try sum(task, records, clipping, atOnce: 1 + trial % 4)
      let moved = distance(before, after)
      #expect(moved <= length * (1 + 1e-5), "trial \(trial): \(moved) of \(length)")
      if trial % 5 == 1 || trial % 5 == 3 { #expect(moved < 1e-5) }
    }
  }

  /// The same test notices what is done wrong: it must fail for losses that couple records, for
  /// averages over the tokens of a batch, and for the random size of a batch as divisor.
  @Test func theSensitivityTestCanFail() throws {
    // In-batch negatives with the gradient of each record's loss shortened.
    let encoder = try TrainableStaticEncoder(directory: Checkout.fixture("models/tiny-static"))
    let inBatch = ContrastiveTask(
      encoder, pooling: .mean, normalises: true, loss: ContrastiveLoss(inverseTemperature: 20))
    final class Coupled: PerRecordTask {
      let inner: ContrastiveTask
      init(_ inner: ContrastiveTask) { self.inner = inner }
      var parameters: [Parameter] { inner.parameters }
      func losses(of examples: [TokenPair], on tape: Tape) -> Variable {
        inner.losses(of: examples, on: tape)
      }
    }
    let pairs = Examples.pairs(8, seed: 10).map {
      TokenPair(query: $0.query, positive: $0.positive)
    }
    // A false claim is noticed when training begins.
    #expect(throws: PrivacyError.self) {
      try PrivateTraining(
        Coupled(inBatch), records: pairs, ledger: .forTests(), settings: .forTests(),
        in: ComputeContext())
    }
    let clipping = try Clipping(length: 0.01, function: .vanilla)
    let coupled = Coupled(inBatch)
    let moved = distance(
      try sum(coupled, pairs, clipping), try sum(coupled, Array(pairs.dropLast()), clipping))
    #expect(moved > 0.01 * 1.05, "\(moved)")

    // Tokens of all records averaged together.
    final class TokenAverage: PerRecordTask {
      let inner: VectorTask
      init(_ inner: VectorTask) { self.inner = inner }
      var parameters: [Parameter] { inner.parameters }
      func losses(of examples: [VectorTask.Record], on tape: Tape) -> Variable {
        let rows = examples.reduce(0) { $0 + $1.rows.count }
        return tape.scaled(inner.losses(of: examples, on: tape), by: 1000 / Float(rows))
      }
    }
    let vectors = try VectorTask(inputs: 6, outputs: 4, seed: 11)
    let records = VectorTask.records(6, inputs: 6, outputs: 4, seed: 12)
    let large = try Clipping(length: 200, function: .vanilla)
    var longest = VectorTask.records(1, inputs: 6, outputs: 4, seed: 13)[0]
    longest.rows = Array(repeating: longest.rows[0], count: 60)
    longest.targets = Array(repeating: longest.targets[0], count: 60)
    let average = TokenAverage(vectors)
    let shift = distance(
      try sum(average, records, large), try sum(average, records + [longest], large))
    #expect(shift > 200 * 1.05, "\(shift)")

    // Divided by the number of records that happen to be there: a sum of B records of length C moves
    // by more than C / B.
    let one = try Clipping(length: 1, function: .normalised)
    let alike = Array(repeating: records[0], count: 3)
    let other = VectorTask.Record(
      rows: records[0].rows, targets: records[0].targets.map { $0.map { $0 + 50 } })
    let negative = VectorTask.Record(
      rows: records[0].rows, targets: records[0].targets.map { $0.map { $0 - 50 } })
    let base = try sum(vectors, alike + [other], one).map { $0.map { $0 / 4 } }
    let more = try sum(vectors, alike + [other, negative], one).map { $0.map { $0 / 5 } }
    let fixed = distance(
      try sum(vectors, alike + [other], one), try sum(vectors, alike + [other, negative], one))
    #expect(fixed <= 1 + 1e-5)
    #expect(distance(base, more) > 1.0 / 5 * 1.05, "\(distance(base, more))")
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
      let variance = Naive.square(values) / n
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
