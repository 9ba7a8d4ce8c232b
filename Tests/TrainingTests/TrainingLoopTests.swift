import Basics
import Models
import SystemPackage
import Tensors
import TestSupport
import Testing
import Training

/// The loop: resuming at every step, damaged checkpoints, numbers that are not finite, early stopping.
@Suite struct TrainingLoopTests {
  /// A run on a tiny encoder with eight pairs.
  private struct Setup {
    let task: ContrastiveTask
    let loop: TrainingLoop<TokenPair>
    let vectors: () -> [Float]

    init(
      steps: Int = 7, threads: Int = 1, rate: Double = 1e-3, checkpointEvery: Int = 1,
      patience: Int? = nil, states: [any CheckpointedState] = [], model: String = "tiny-bert",
      examplesAtOnce: Int = .max
    ) throws {
      let encoder = try TrainableTransformer(directory: Checkout.fixture("models/\(model)"))
      var random = Philox(seed: 5)
      func sequence(_ length: Int) -> TokenSequence {
        let ids = (0..<length).map { _ in Int32.random(in: 5..<200, using: &random) }
        return TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
      }
      let pairs = (0..<8).map { i in
        TokenPair(
          query: sequence(3 + i), positive: sequence(6 + 2 * i),
          negatives: i % 3 == 0 ? [sequence(4)] : [])
      }
      task = ContrastiveTask(
        encoder, pooling: .mean, normalises: true, loss: ContrastiveLoss(inverseTemperature: 10))
      let context = ComputeContext(threads: threads)
      var settings = TrainingSettings(steps: steps)
      settings.clipNorm = 1
      settings.reportEvery = 2
      settings.checkpointEvery = checkpointEvery
      settings.evaluateEvery = 3
      settings.patience = patience
      loop = TrainingLoop(
        settings, parameters: encoder.parameters,
        source: Backpropagation(task, in: context, examplesAtOnce: examplesAtOnce),
        optimizer: Optimizer(
          .adamW(),
          groups: ParameterGroup.decayingMatrices(
            encoder.parameters, learningRate: rate, weightDecay: 0.1), in: context),
        schedule: Schedule(.linear, warmupSteps: 2, totalSteps: steps),
        plan: ShuffledBatches(
          count: pairs.count, size: 3, seed: 4, lengths: pairs.map(\.tokenCount)),
        states: states
      ) { pairs[$0] }
      vectors = {
        let tape = Tape(in: context, mode: .forwardOnly)
        return encoder.vectors(
          of: pairs.map(\.query), pooling: .mean, normalises: true, on: tape
        ).value.values
      }
    }

    var bits: [[UInt32]] { task.parameters.map { $0.value.values.map(\.bitPattern) } }
  }

  private struct Stop: Error {}

  /// A value that depends on the parameters, so that evaluations are compared too.
  private static func value(_ setup: Setup) -> Double { Double(setup.vectors()[0]) }

  @Test func trainingLowersTheLoss() throws {
    let setup = try Setup(steps: 40)
    let result = try setup.loop.run()
    let first = result.losses.first?.value ?? .nan
    let last = result.losses.last?.value ?? .nan
    #expect(result.steps == 40 && last < 0.5 * first && !result.endedEarly)
    #expect(result.losses.map(\.step) == Array(stride(from: 2, through: 40, by: 2)))
  }

  @Test func threadsAndPassesGiveTheSame() throws {
    let one = try Setup()
    let two = try Setup(threads: 2)
    let results = try (one.loop.run(), two.loop.run())
    #expect(one.bits == two.bits && results.0 == results.1)
  }

  /// Stopped after each step, as a kill would: what counts is on disk, the objects are new.
  @Test(arguments: [1, 3]) func aResumedRunHasTheSameBits(checkpointEvery: Int) throws {
    let whole = try Setup()
    let expected = try whole.loop.run(evaluate: { Self.value(whole) })
    #expect(expected.evaluations.map(\.step) == [3, 6, 7])
    for stop in 1...6 {
      let directory = try TemporaryDirectory()
      let file = directory.file("checkpoint.safetensors")
      let stopped = try Setup(checkpointEvery: checkpointEvery)
      #expect(throws: Stop.self) {
        var steps = 0
        _ = try stopped.loop.run(
          checkpoint: file, identity: "run",
          report: { progress in
            steps = progress.step
            if steps >= stop { throw Stop() }
          }, evaluate: { Self.value(stopped) })
      }
      let resumed = try Setup(checkpointEvery: checkpointEvery)
      let result = try resumed.loop.run(
        checkpoint: file, identity: "run", evaluate: { Self.value(resumed) })
      #expect(result == expected && resumed.bits == whole.bits, "stopped at \(stop)")
      // Finished: another run trains no more.
      let again = try Setup(checkpointEvery: checkpointEvery)
      #expect(try again.loop.run(checkpoint: file, identity: "run") == expected)
      #expect(again.bits == whole.bits)
    }
  }

  @Test func checkpointsThatDoNotFitAreRefused() throws {
    final class Extra: CheckpointedState {
      let stateName = "extra"
      var number = 3
      func savedState() -> StateRecord {
        var record = StateRecord()
        record.values["number"] = JSONValue(number)
        return record
      }
      func restore(_ record: StateRecord) throws { number = try record.values.int("number") }
    }
    let directory = try TemporaryDirectory()
    let file = directory.file("checkpoint.safetensors")
    let extra = Extra()
    _ = try Setup(steps: 2, states: [extra]).loop.run(checkpoint: file, identity: "a")
    func refused(_ setup: Setup, identity: String = "a", _ reason: String) {
      let before = setup.bits
      let error = #expect(throws: TrainingError.self) {
        try setup.loop.run(checkpoint: file, identity: identity)
      }
      #expect(error.map { "\($0)".contains(reason) } == true, "\(error as Any)")
      #expect(setup.bits == before)
    }
    extra.number = 0
    _ = try Setup(steps: 2, states: [extra]).loop.run(checkpoint: file, identity: "a")
    #expect(extra.number == 3)
    refused(try Setup(steps: 2, states: [Extra()]), identity: "b", "belongs to the run 'a'")
    refused(try Setup(steps: 2, states: [Extra()], model: "tiny-mpnet"), "the model's has")
    final class Accountant: CheckpointedState {
      let stateName = "accountant"
      func savedState() -> StateRecord { StateRecord() }
      func restore(_ record: StateRecord) throws {}
    }
    refused(try Setup(steps: 2, states: [Accountant()]), "state of 'accountant' is missing")
    let bytes = try FileBytes.read(file, limit: 1 << 24)
    for length in [0, 7, 100, bytes.count / 2, bytes.count - 1] {
      try directory.write("checkpoint.safetensors", bytes[..<length])
      refused(try Setup(steps: 2, states: [Extra()]), "")
    }
    var random = SeededGenerator(seed: 8)
    for _ in 0..<40 {
      var damaged = bytes
      damaged[Int.random(in: 0..<bytes.count, using: &random)] ^= 0xFF
      try directory.write("checkpoint.safetensors", damaged)
      refused(try Setup(steps: 2, states: [Extra()]), "")
    }
  }

  @Test func aLossThatIsNotFiniteStopsTheRun() throws {
    let directory = try TemporaryDirectory()
    let file = directory.file("checkpoint.safetensors")
    // So large a rate that the weights overflow within some steps.
    let setup = try Setup(steps: 50, rate: 1e30)
    let error = #expect(throws: TrainingError.self) {
      try setup.loop.run(checkpoint: file, identity: "a")
    }
    #expect(error?.exitStatus == .failure)
    #expect("\(error as Any)".contains("stopped at step"))
    // What is on disk is from before and finite.
    let after = try Setup(steps: 50)
    let step = try Checkpoint.read(
      file, identity: "a", parameters: after.task.parameters, states: [])
    #expect(step >= 1 && after.task.parameters.allSatisfy { $0.value.firstNonFinite == nil })
  }

  @Test func evaluationsEndARunEarlyAndKeepTheBest() throws {
    let setup = try Setup(steps: 60, patience: 2)
    var values = [0.1, 0.5, 0.4, 0.5, 0.9]
    var best: [[UInt32]] = []
    let result = try setup.loop.run(evaluate: {
      let value = values.removeFirst()
      if value == 0.5, best.isEmpty { best = setup.bits }
      return value
    })
    // A value equal to the best is not better.
    #expect(result.endedEarly && result.steps == 12 && result.bestStep == 6)
    #expect(result.evaluations.map(\.value) == [0.1, 0.5, 0.4, 0.5])
    #expect(setup.bits == best)
  }

  /// Gradients of a batch in parts add up to the same mean, for losses that do not compare examples.
  @Test func accumulatedGradientsEqualWholeOnes() throws {
    let classifier = try SequenceClassifier(
      directory: Checkout.fixture("models/tiny-bert"), labels: ["a", "b"], seed: 1)
    let task = ClassificationTask(classifier)
    var random = Philox(seed: 6)
    let examples = (0..<5).map { i in
      let ids = (0..<4 + i).map { _ in Int32.random(in: 5..<200, using: &random) }
      return LabelledTokens(
        tokens: TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 }), label: i % 2)
    }
    func gradients(_ examplesAtOnce: Int) -> (loss: Double, values: [Float]) {
      let source = Backpropagation(task, in: ComputeContext(), examplesAtOnce: examplesAtOnce)
      let loss = source.computeGradient(of: examples, at: 0) ?? .nan
      return (loss, task.parameters.flatMap { $0.gradient?.values ?? [] })
    }
    let whole = gradients(5)
    for parts in [1, 2, 4] {
      let found = gradients(parts)
      expectClose(found.loss, whole.loss, absolute: 1e-6)
      expectClose(found.values, whole.values, absolute: 1e-6, relative: 1e-4)
    }
    #expect(Backpropagation(task, in: ComputeContext()).computeGradient(of: [], at: 0) == nil)
  }

  @Test func longGradientsAreShortened() throws {
    let parameters = try [[3, 0], [0, 4]].map { values in
      let parameter = Parameter("p\(values)", try Tensor([0, 0], shape: [2]))
      parameter.updateGradient { for i in 0..<2 { $0[i] = Float(values[i]) } }
      return parameter
    }
    #expect(GradientNorm.clip(parameters, to: 10) == 5)
    #expect(parameters[1].gradient?.values == [0, 4])
    #expect(GradientNorm.clip(parameters, to: 1) == 5)
    expectClose(parameters[1].gradient?.values ?? [], [0, 0.8], absolute: 1e-6)
    expectClose(GradientNorm.of(parameters), 1, absolute: 1e-6)
  }
}
