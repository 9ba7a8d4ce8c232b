import Basics
import Tensors
import TestSupport
import Testing
import Training

@testable import Evaluation
@testable import Privacy

/// DiSK and the low-pass filter: what they do to gradients and to noise.
@Suite struct FilterTests {
  private func privatizer<Task: PerRecordTask>(
    _ task: Task, noise: Double = 0, length: Double = 1e6, records: Double = 1, steps: Int = 5000
  ) throws -> Privatizer<Task> {
    Privatizer(
      task,
      settings: try .forTests(Clipping(length: length, function: .vanilla), records: records),
      ledger: try .forTests(noise: noise, steps: steps), in: ComputeContext())
  }

  /// Experiment D1: for quadratic losses without noise the filtered gradient is the gradient, for any
  /// gain, look-ahead and step size; a moving average is not.
  @Test(arguments: [0.05, 0.3, 0.7, 1]) func exactOnQuadratics(gain: Double) throws {
    var paths: [[[Float]]] = []
    for lookAhead in [nil, 0.3, 2] as [Double?] {
      let (error, path) = try QuadraticExactness.error(
        .kalman(KalmanGains(gain: gain, lookAhead: lookAhead)))
      #expect(error < QuadraticExactness.tolerance / 2, "κ \(gain), γ \(lookAhead ?? 0): \(error)")
      paths.append(path)
    }
    for path in paths.dropFirst() {
      for (a, b) in zip(path, paths[0]) {
        expectClose(a, b, absolute: QuadraticExactness.tolerance)
      }
    }
    guard gain < 1 else { return }
    let average = try QuadraticExactness.error(.lowPass(.movingAverage(gain: gain)))
    #expect(average.error > 1e-2, "\(average.error)")
  }

  /// Experiment D2: with the parameters at rest the noise that is left has κ / (2 − κ) of its
  /// variance.
  @Test(arguments: NoiseReduction.gains) func noiseIsReducedAsPredicted(gain: Double) throws {
    let plain = try NoiseReduction.variance(.none, steps: 2000)
    for filter in [
      GradientFilter.kalman(try KalmanGains(gain: gain)), .lowPass(.movingAverage(gain: gain)),
    ] {
      let ratio = try NoiseReduction.variance(filter, steps: 2000) / plain
      expectClose(ratio, gain / (2 - gain), absolute: 0, relative: 0.05)
    }
  }

  /// Experiment D3: the combination is shortened, so one record moves the sum by at most C for any
  /// weight of the gradient ahead, below and above 1; and ε has the bits of DP-SGD's.
  @Test func filtersCostNoPrivacy() throws {
    for weight in FilterPrivacy.weights {
      let gains = try KalmanGains(gain: 0.7, lookAhead: 0.3 / (0.7 * weight))
      expectClose(gains.weightAhead, weight, absolute: 1e-12)
      let moved = try FilterPrivacy.largestMove(weight: weight)
      #expect(moved <= 1 + 1e-6 && moved > 0.5, "c \(weight): \(moved)")
    }
    #expect(
      try FilterPrivacy.epsilons(.none)
        == FilterPrivacy.epsilons(.kalman(KalmanGains(gain: 0.3))))
  }

  /// The parameters are afterwards where they were.
  @Test func pointsLeaveTheParameters() throws {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 3)
    let before = task.parameters.map(\.value.values)
    let ahead = try task.parameters.map {
      try Tensor($0.value.values.map { $0 + 1 }, shape: $0.shape)
    }
    _ = try ExplicitGradients.privateSum(
      task, VectorTask.records(3, inputs: 6, outputs: 4, seed: 4), Clipping(),
      points: [GradientPoint(coefficient: 1.4, values: ahead), GradientPoint(coefficient: -0.4)])
    #expect(task.parameters.map(\.value.values) == before)
  }

  /// The first gradient goes through as it is, and is evaluated once; a gain of 1 is no filter.
  @Test func theFirstStepIsNotFiltered() throws {
    final class Counting: PerRecordTask {
      let inner: VectorTask
      var passes = 0
      init(_ inner: VectorTask) { self.inner = inner }
      var parameters: [Parameter] { inner.parameters }
      func losses(of examples: [VectorTask.Record], on tape: Tape) -> Variable {
        passes += 1
        return inner.losses(of: examples, on: tape)
      }
    }
    let records = VectorTask.records(3, inputs: 6, outputs: 4, seed: 5)
    for (gains, passes) in [
      (try KalmanGains(gain: 0.5), 1), (try KalmanGains(gain: 0.5, lookAhead: 0.4), 2),
      (try KalmanGains(gain: 1), 1),
    ] {
      let task = Counting(try VectorTask(inputs: 6, outputs: 4, seed: 6))
      let filter = KalmanFilter(try privatizer(task), gains, in: ComputeContext())
      _ = filter.computeGradient(of: records, at: 0)
      #expect(task.passes == 1)
      let found = task.parameters.flatMap { $0.gradient?.values ?? [] }
      _ = try privatizer(task).computeGradient(of: records, at: 0)
      #expect(found == task.parameters.flatMap { $0.gradient?.values ?? [] })
      task.passes = 0
      for parameter in task.parameters {
        parameter.update { values, _ in for i in values.indices { values[i] += 0.1 } }
      }
      _ = filter.computeGradient(of: records, at: 1)
      #expect(task.passes == passes)
    }
  }

  /// A frozen parameter stays as it is, ahead too.
  @Test func frozenParametersStay() throws {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 7)
    task.parameters[1].isTrainable = false
    let filter = KalmanFilter(
      try privatizer(task), try KalmanGains(gain: 0.5, lookAhead: 0.4), in: ComputeContext())
    let frozen = task.parameters[1].value.values
    let records = VectorTask.records(3, inputs: 6, outputs: 4, seed: 8)
    for step in 0..<3 {
      _ = filter.computeGradient(of: records, at: step)
      task.parameters[0].update { values, gradient in
        for i in values.indices { values[i] -= 0.01 * (gradient?[i] ?? .nan) }
      }
    }
    #expect(task.parameters[1].value.values == frozen)
    #expect(task.parameters[0].value.firstNonFinite == nil)
  }

  @Test func badSettingsAreRefused() {
    for gain in [0, -0.1, 1.1, .nan] as [Double] {
      #expect(throws: PrivacyError.self) { try KalmanGains(gain: gain) }
    }
    for ahead in [0, -1, .nan, .infinity] as [Double] {
      #expect(throws: PrivacyError.self) { try KalmanGains(gain: 0.5, lookAhead: ahead) }
    }
  }

  /// A constant comes out of a low-pass filter as it is from the first step on.
  @Test func lowPassFiltersHaveNoBiasForConstants() throws {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 9)
    let records = VectorTask.records(3, inputs: 6, outputs: 4, seed: 10)
    let source = try privatizer(task)
    _ = source.computeGradient(of: records, at: 0)
    let expected = task.parameters.flatMap { $0.gradient?.values ?? [] }
    let filter = LowPassFilter(
      source, LowPassCoefficients(feedback: [0.5, 0.2], feedForward: [0.1, 0.15, 0.05]),
      in: ComputeContext())
    for step in 0..<6 {
      _ = filter.computeGradient(of: records, at: step)
      expectClose(
        task.parameters.flatMap { $0.gradient?.values ?? [] }, expected, absolute: 1e-6,
        relative: 1e-5)
    }
  }
}
