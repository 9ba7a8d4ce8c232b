import Privacy
import Tensors
import Training

/// Gradients of one record after the other, as plainly as can be, and the private sum to compare them
/// with.
enum ExplicitGradients {
  /// For each example the gradient of each parameter.
  static func each<Task: TrainingTask>(
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
  static func clippedSum(
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

  /// The sum of shortened gradients as private training makes it, before the noise.
  static func privateSum<Task: PerRecordTask>(
    _ task: Task, _ examples: [Task.Example], _ clipping: Clipping, atOnce: Int = 32,
    threads: Int = 1, points: [GradientPoint] = [GradientPoint()],
    method: ExampleNorms.Method = .mixed
  ) throws -> [[Float]] {
    var settings = try PrivateTrainingSettings(clipping: clipping, expectedRecords: 1)
    settings.recordsAtOnce = atOnce
    settings.randomness = .insecure(InsecureSeed(1))
    let ledger = try PrivacyLedger(
      PrivacyLedger.Plan(
        phase: SampledGaussian(noiseMultiplier: 1, rate: 1, steps: 1), delta: 1e-5,
        dataset: "sums"))
    Privatizer(
      task, settings: settings, ledger: ledger, method: method,
      in: ComputeContext(threads: threads)
    ).sumClipped(examples, at: points)
    return task.parameters.map {
      $0.gradient?.values ?? [Float](repeating: 0, count: $0.count)
    }
  }

  static func distance(_ a: [[Float]], _ b: [[Float]]) -> Double {
    zip(a.joined(), b.joined()).reduce(0) {
      $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
    }.squareRoot()
  }
}
