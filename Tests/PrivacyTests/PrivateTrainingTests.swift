import Basics
import Models
import SystemPackage
import Tensors
import TestSupport
import Testing
import Training

@testable import Evaluation
@testable import Privacy

/// Runs of private training: they go on with the same bits and the same account.
@Suite struct PrivateTrainingTests {
  static let filters: [GradientFilter] = {
    guard let one = try? KalmanGains(gain: 0.5), let two = try? KalmanGains(gain: 0.7, lookAhead: 1)
    else { preconditionFailure("gains") }
    return [
      .none, .kalman(one), .kalman(two),
      .lowPass(LowPassCoefficients(feedback: [0.6, 0.1], feedForward: [0.2, 0.1])),
    ]
  }()

  private struct Setup {
    let decoder: TinyDecoder
    let training: PrivateTraining<TinyDecoder>
    let loop: TrainingLoop<[Int32]>

    init(
      steps: Int = 6, filter: GradientFilter = .none, dataset: String = "notes", rate: Double = 0.3,
      randomness: PrivacyRandomness = .insecure(InsecureSeed(5)), atOnce: Int = 3, threads: Int = 1
    ) throws {
      decoder = try TinyDecoder(seed: 1)
      let ledger = try PrivacyLedger(
        PrivacyLedger.Plan(
          phase: SampledGaussian(noiseMultiplier: 0.8, rate: rate, steps: steps), delta: 1e-3,
          dataset: dataset))
      var settings = try PrivateTrainingSettings(
        clipping: Clipping(), expectedRecords: rate * 12)
      settings.randomness = randomness
      settings.filter = filter
      settings.recordsAtOnce = atOnce
      let context = ComputeContext(threads: threads)
      training = try PrivateTraining(
        decoder, records: TinyDecoder.texts(12, seed: 2), ledger: ledger, settings: settings,
        in: context)
      var loopSettings = TrainingSettings(steps: 0)
      loopSettings.checkpointEvery = 1
      loopSettings.reportEvery = 1
      loop = training.loop(
        loopSettings,
        optimizer: Optimizer(
          .adamW(), groups: [ParameterGroup(decoder.parameters, learningRate: 0.01)], in: context),
        schedule: Schedule(.constant, totalSteps: steps))
    }

    var bits: [[UInt32]] { decoder.parameters.map { $0.value.values.map(\.bitPattern) } }
  }

  private struct Stop: Error {}

  @Test(arguments: filters) func aRunThatWasStoppedGoesOn(filter: GradientFilter) throws {
    let whole = try Setup(filter: filter, threads: 2)
    let start = whole.bits
    let result = try whole.loop.run()
    #expect(result.steps == 6 && whole.training.ledger.steps == 6 && whole.bits != start)
    // The losses of private records are not told.
    #expect(result.losses.allSatisfy { $0.value == nil })
    for stop in 1...5 {
      let directory = try TemporaryDirectory()
      let file = directory.file("checkpoint.safetensors")
      let stopped = try Setup(filter: filter)
      #expect(throws: Stop.self) {
        _ = try stopped.loop.run(
          checkpoint: file, report: { if $0.step > stop { throw Stop() } })
      }
      let resumed = try Setup(filter: filter)
      _ = try resumed.loop.run(checkpoint: file)
      #expect(resumed.bits == whole.bits, "stopped after \(stop)")
      #expect(resumed.training.ledger.steps == 6)
      #expect(
        try resumed.training.ledger.epsilon() == (try whole.training.ledger.epsilon()))
      // Another data set, another plan: refused.
      #expect(throws: (any Error).self) {
        _ = try Setup(filter: filter, dataset: "other").loop.run(checkpoint: file)
      }
      #expect(throws: (any Error).self) {
        _ = try Setup(filter: filter, rate: 0.31).loop.run(checkpoint: file)
      }
    }
  }

  @Test func theSystemsEntropyRepeatsNothing() throws {
    let runs = try (0..<2).map { _ in
      let setup = try Setup(randomness: .operatingSystem)
      _ = try setup.loop.run()
      return setup.bits
    }
    #expect(runs[0] != runs[1])
    let seeded = try [1, 2].map { threads in
      let setup = try Setup(threads: threads)
      _ = try setup.loop.run()
      return setup.bits
    }
    #expect(seeded[0] == seeded[1])
  }

  /// A filter costs no privacy: the account of DiSK is that of DP-SGD, bit for bit.
  @Test func filtersCostNothing() throws {
    let epsilons = try Self.filters.map { filter in
      let setup = try Setup(filter: filter)
      _ = try setup.loop.run()
      return try setup.training.ledger.epsilon()
    }
    #expect(Set(epsilons).count == 1 && epsilons[0] > 0 && epsilons[0].isFinite)
  }

  /// Adam divides by the noise it sees; with the noise's variance taken out of the second moments the
  /// steps are those of the gradient alone.
  @Test func secondMomentsWithoutTheNoise() throws {
    let count = 4000
    func steps(_ noise: Optimizer.GradientNoise?) throws -> Double {
      let parameter = Parameter(
        "p", try Tensor([Float](repeating: 0, count: count), shape: [count]))
      let optimizer = Optimizer(
        .adam(beta1: 0, beta2: 0.999), groups: [ParameterGroup([parameter], learningRate: 1)],
        in: ComputeContext())
      optimizer.gradientNoise = noise
      var mean = 0.0
      for step in 0..<400 {
        parameter.updateGradient { gradient in
          for i in gradient.indices { gradient[i] = 0.5 }
          Philox.addGaussians(to: gradient, scale: 2, seed: 3, stream: UInt64(step))
        }
        let before = parameter.value.values
        optimizer.step()
        guard step >= 200 else { continue }
        let moved = zip(before, parameter.value.values).reduce(0.0) { $0 + Double($1.0 - $1.1) }
        mean += moved / Double(count) / 200
      }
      return mean
    }
    // 0.5 / √(0.25 + 4), and 0.5 / √0.25 up to the spread of the estimated moments.
    expectClose(try steps(nil), 0.5 / 4.25.squareRoot(), absolute: 0, relative: 0.03)
    let corrected = try steps(Optimizer.GradientNoise(variance: 4, floor: 0.05))
    #expect(corrected > 0.7 && corrected < 1.8, "\(corrected)")
  }

  @Test func deltasThatProtectNobodyAreRefused() throws {
    let decoder = try TinyDecoder(seed: 1)
    let texts = TinyDecoder.texts(12, seed: 2)
    func make(_ delta: Double, _ rate: Double, _ records: [[Int32]]) throws {
      _ = try PrivateTraining(
        decoder, records: records, ledger: .forTests(rate: rate, delta: delta),
        settings: .forTests(), in: ComputeContext())
    }
    try make(0.08, 0.5, texts)
    #expect(throws: PrivacyError.self) { try make(0.09, 0.5, texts) }
    #expect(throws: PrivacyError.self) { try make(0.01, 0, texts) }
    #expect(throws: PrivacyError.self) { try make(0.01, 0.5, []) }
  }

  /// Without noise and clipping, and with every record in every step, it is ordinary training.
  @Test func withoutNoiseAndClippingItIsOrdinaryTraining() throws {
    func optimizer(_ decoder: TinyDecoder) -> Optimizer {
      Optimizer(
        .sgd(), groups: [ParameterGroup(decoder.parameters, learningRate: 0.1)],
        in: ComputeContext())
    }
    let texts = TinyDecoder.texts(6, seed: 3)
    let plain = try TinyDecoder(seed: 4)
    let plainOptimizer = optimizer(plain)
    let source = Backpropagation(plain, in: ComputeContext())
    for step in 0..<5 {
      _ = source.computeGradient(of: texts, at: step)
      plainOptimizer.step()
    }
    let decoder = try TinyDecoder(seed: 4)
    let ledger = try PrivacyLedger.forTests(noise: 0, rate: 1, steps: 5, delta: 1e-3)
    let training = try PrivateTraining(
      decoder, records: texts, ledger: ledger,
      settings: .forTests(Clipping(length: 1e6, function: .vanilla), records: 6),
      in: ComputeContext())
    _ = try training.loop(
      TrainingSettings(steps: 5), optimizer: optimizer(decoder),
      schedule: Schedule(.constant, totalSteps: 5)
    ).run()
    for (a, b) in zip(decoder.parameters, plain.parameters) {
      expectClose(a.value.values, b.value.values, absolute: 2e-5, relative: 2e-4, a.name)
    }
    #expect(try ledger.epsilon() == .infinity)
  }
}
