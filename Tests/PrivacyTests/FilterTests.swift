import Basics
import Tensors
import TestSupport
import Testing
import Training

@testable import Privacy

/// DiSK and the low-pass filter: what they do to gradients and to noise.
@Suite struct FilterTests {
  /// `½ |A w|²`, whose gradient is `H w` with `H = AᵀA`.
  private final class Quadratic: PerRecordTask {
    let weight: Parameter
    let matrix: Tensor

    init(size: Int, seed: UInt64) throws {
      var random = Philox(seed: seed)
      let values = (0..<size * size).map { index -> Float in
        let diagonal: Float = index % (size + 1) == 0 ? 1 : 0
        return diagonal + 0.3 * Float.random(in: -1...1, using: &random)
      }
      matrix = try Tensor(values, shape: [size, size])
      weight = Parameter(
        "w",
        try Tensor(
          (0..<size).map { _ in Float.random(in: -1...1, using: &random) }, shape: [1, size]))
    }

    var parameters: [Parameter] { [weight] }

    func losses(of examples: [Int], on tape: Tape) -> Variable {
      let size = matrix.columns
      let rows = tape.input(matrix, packing: Packing(lengths: [size]))
      let y = tape.linear(rows, LinearLayer(weight: weight))
      return tape.scaled(tape.meanPool(tape.multiply(y, y)), by: Float(size) / 2)
    }

    /// `H w` in Float64.
    var gradient: [Double] {
      let size = matrix.columns
      let a = matrix.values.map(Double.init)
      let w = weight.value.values.map(Double.init)
      var result = [Double](repeating: 0, count: size)
      for row in 0..<size {
        var product = 0.0
        for column in 0..<size { product += a[row * size + column] * w[column] }
        for column in 0..<size { result[column] += a[row * size + column] * product }
      }
      return result
    }
  }

  private func privatizer<Task: PerRecordTask>(
    _ task: Task, noise: Double = 0, length: Double = 1e6, records: Double = 1, steps: Int = 5000
  ) throws -> Privatizer<Task> {
    Privatizer(
      task,
      settings: try .forTests(Clipping(length: length, function: .vanilla), records: records),
      ledger: try .forTests(noise: noise, steps: steps), in: ComputeContext())
  }

  /// The largest error of the filtered gradient along 100 steps of gradient descent with a step size
  /// that changes.
  private func error(
    _ make: (Privatizer<Quadratic>) throws -> any GradientSource<Int>
  ) throws -> (error: Double, path: [[Float]]) {
    let task = try Quadratic(size: 12, seed: 1)
    let source = try make(privatizer(task))
    var (error, path) = (0.0, [[Float]]())
    for step in 0..<100 {
      let expected = task.gradient
      _ = source.computeGradient(of: [0], at: step)
      let found = task.weight.gradient?.values ?? []
      for (a, b) in zip(found, expected) { error = max(error, abs(Double(a) - b)) }
      let rate: Float = step % 7 == 0 ? 0.2 : 0.05
      task.weight.update { values, gradient in
        for i in values.indices { values[i] -= rate * (gradient?[i] ?? .nan) }
      }
      path.append(task.weight.value.values)
    }
    return (error, path)
  }

  /// Experiment D1: for quadratic losses without noise the filtered gradient is the gradient, for any
  /// gain, look-ahead and step size; a moving average is not.
  @Test(arguments: [0.05, 0.3, 0.7, 1]) func exactOnQuadratics(gain: Double) throws {
    var paths: [[[Float]]] = []
    for lookAhead in [nil, 0.3, 2] as [Double?] {
      let (error, path) = try error {
        KalmanFilter($0, try KalmanGains(gain: gain, lookAhead: lookAhead), in: ComputeContext())
      }
      // Numbers of about 1 in Float32; κ = 0.05 looks 19 steps ahead.
      #expect(error < 5e-6, "κ \(gain), γ \(lookAhead ?? 0): \(error)")
      paths.append(path)
    }
    for path in paths.dropFirst() {
      for (a, b) in zip(path, paths[0]) { expectClose(a, b, absolute: 1e-5) }
    }
    guard gain < 1 else { return }
    let average = try error {
      LowPassFilter($0, .movingAverage(gain: gain), in: ComputeContext())
    }
    #expect(average.error > 1e-2, "\(average.error)")
  }

  /// Experiment D2: with the parameters at rest the noise that is left has κ / (2 − κ) of its
  /// variance.
  @Test(arguments: [0.7, 0.5, 0.3, 0.1]) func noiseIsReducedAsPredicted(gain: Double) throws {
    let task = try VectorTask(inputs: 30, outputs: 20, seed: 2)
    func variance(_ source: any GradientSource<VectorTask.Record>) -> Double {
      var (sum, count) = (0.0, 0.0)
      for step in 0..<600 {
        _ = source.computeGradient(of: [], at: step)
        guard step >= 60 else { continue }
        for parameter in task.parameters {
          sum += Naive.square(parameter.gradient?.values ?? [])
          count += Double(parameter.count)
        }
      }
      return sum / count
    }
    let plain = variance(try privatizer(task, noise: 1, length: 1))
    let kalman = variance(
      KalmanFilter(
        try privatizer(task, noise: 1, length: 1), try KalmanGains(gain: gain),
        in: ComputeContext()))
    let average = variance(
      LowPassFilter(
        try privatizer(task, noise: 1, length: 1), .movingAverage(gain: gain),
        in: ComputeContext()))
    expectClose(kalman / plain, gain / (2 - gain), absolute: 0, relative: 0.05)
    expectClose(average / plain, gain / (2 - gain), absolute: 0, relative: 0.05)
  }

  /// Experiment D3: the combination is shortened, so one record moves the sum by at most C for any
  /// weight of the gradient ahead, below and above 1.
  @Test(arguments: [0.57, 0.86, 1, 1.43, 2]) func combinationsAreShortened(weight: Double) throws {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 3)
    let gains = try KalmanGains(gain: 0.7, lookAhead: 0.3 / (0.7 * weight))
    expectClose(gains.weightAhead, weight, absolute: 1e-12)
    let ahead = try task.parameters.map { parameter in
      try Tensor(parameter.value.values.map { $0 * 1.3 - 0.1 }, shape: parameter.shape)
    }
    let points = [
      GradientPoint(coefficient: weight, values: ahead),
      GradientPoint(coefficient: 1 - weight),
    ]
    let before = task.parameters.map(\.value.values)
    func sum(_ records: [VectorTask.Record]) throws -> [Float] {
      _ = try privatizer(task, length: 0.5).sumClipped(records, at: points)
      return task.parameters.flatMap {
        $0.gradient?.values ?? [Float](repeating: 0, count: $0.count)
      }
    }
    let records = VectorTask.records(6, inputs: 6, outputs: 4, seed: 4)
    var huge = records[2]
    huge.targets = huge.targets.map { $0.map { $0 + 1e5 } }
    let without = try sum(Array(records[..<2] + records[3...]))
    for added in [records[2], huge] {
      let with = try sum(Array(records[..<2] + [added] + records[3...]))
      #expect(Naive.square(zip(with, without).map(-)).squareRoot() <= 0.5 * (1 + 1e-6))
    }
    // The parameters are where they were.
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
