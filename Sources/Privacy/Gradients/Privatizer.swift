public import Tensors
public import Training

/// The private gradient of DP-SGD: the sum of the records' shortened gradients with noise, over the
/// expected number of records.
///
/// One backward pass gives all lengths and, weighted, the sum (book-keeping): no record's gradient is
/// multiplied out for long. Batches of any size go through in parts; the noise is drawn once. The
/// divisor is a constant, the noise is added to an empty batch too, and a record whose gradient is
/// not finite counts as 0.
///
/// - SeeAlso: Abadi et al. 2016, "Deep learning with differential privacy"; Bu et al. 2023,
///   "Differentially private optimization on large model at small cost" (book-keeping, mixed rule).
public final class Privatizer<Task: PerRecordTask>: CombiningGradientSource {
  /// All parameters of the task.
  public var parameters: [Parameter] { task.parameters }
  /// Notes each step.
  public let ledger: PrivacyLedger
  private let task: Task
  private let settings: PrivateTrainingSettings
  private let noise: PrivacyNoise
  private let context: ComputeContext
  private let method: ExampleNorms.Method

  /// A source; ``PrivateTraining`` makes it together with the sampler that belongs to it.
  package init(
    _ task: Task, settings: PrivateTrainingSettings, ledger: PrivacyLedger,
    method: ExampleNorms.Method = .mixed, in context: ComputeContext
  ) {
    self.task = task
    self.settings = settings
    self.ledger = ledger
    self.method = method
    self.context = context
    noise = PrivacyNoise(settings.randomness)
  }

  /// Computes the private gradient.
  ///
  /// - Returns: nil, because the loss of private records is private, unless the settings reveal it.
  public func computeGradient(of examples: [Task.Example], at step: Int) -> Double? {
    computeGradient(of: examples, at: step, combining: [GradientPoint()])
  }

  /// Computes the private gradient of a combination: each record's combined gradient is shortened,
  /// and the noise is drawn once, so that it costs the same privacy as one point.
  public func computeGradient(
    of examples: [Task.Example], at step: Int, combining points: [GradientPoint]
  ) -> Double? {
    let total = sumClipped(examples, at: points)
    ledger.recordStep()
    let deviation = ledger.plan.phase.noiseMultiplier * settings.clipping.length
    for (number, parameter) in parameters.enumerated() where parameter.isTrainable {
      parameter.updateGradient { values in
        noise.add(
          to: values, deviation: deviation, factor: 1 / settings.expectedRecords, step: step,
          parameter: number, in: context)
      }
    }
    guard settings.revealsLosses, !examples.isEmpty else { return nil }
    return total / Double(examples.count)
  }

  /// Puts the sum of the shortened gradients into the parameters.
  ///
  /// - Returns: the sum of the losses at the last point, of the records that are finite.
  @discardableResult
  package func sumClipped(_ examples: [Task.Example], at points: [GradientPoint]) -> Double {
    precondition(!points.isEmpty, "Privatizer: no point")
    for parameter in parameters { parameter.clearGradient() }
    let values = parameters.map(\.value)
    var total = 0.0
    for start in stride(from: 0, to: examples.count, by: settings.recordsAtOnce) {
      let end = min(examples.count, start + settings.recordsAtOnce)
      total += addClipped(Array(examples[start..<end]), at: points, from: values)
    }
    move(to: values)
    return total
  }

  private func move(to values: [Tensor]) {
    for (parameter, value) in zip(parameters, values) {
      guard (try? parameter.assign(value)) != nil else {
        preconditionFailure("Privatizer: '\(parameter.name)' and \(value.shape)")
      }
    }
  }

  /// Adds the shortened gradients of records that fit into memory together.
  private func addClipped(
    _ examples: [Task.Example], at points: [GradientPoint], from values: [Tensor]
  ) -> Double {
    guard !examples.isEmpty else { return 0 }
    var captured: [ParameterGradient] = []
    var losses: [Float] = []
    for point in points {
      move(to: point.values ?? values)
      let tape = Tape(in: context) { [context] gradient in
        var gradient = gradient
        gradient.coefficient = Float(point.coefficient)
        captured.append(gradient.summedBySequence(in: context))
      }
      let found = task.losses(of: examples, on: tape)
      precondition(
        found.value.count == examples.count,
        "Privatizer: \(found.value.count) losses of \(examples.count) records")
      losses = found.value.values
      tape.backward(from: tape.sum(found))
    }
    let squares = ExampleNorms.squares(of: captured, by: method, in: context)
    let (groupOf, count) = groups()
    var norms = Array(repeating: [Double](repeating: 0, count: examples.count), count: count)
    for (parameter, squares) in squares {
      guard let group = groupOf[ObjectIdentifier(parameter)] else {
        preconditionFailure("Privatizer: '\(parameter.name)' is no parameter of the task")
      }
      for (example, square) in squares.enumerated() { norms[group][example] += square }
    }
    let finite = examples.indices.filter { example in
      losses[example].isFinite && norms.allSatisfy { $0[example].isFinite }
    }
    guard finite.count == examples.count else {
      // What is not finite must not meet the others' sums, not even times 0.
      captured = []
      return addClipped(finite.map { examples[$0] }, at: points, from: values)
    }
    let factors = norms.map { squares in
      squares.map { square in
        Float(settings.clipping.factor(norm: square.squareRoot(), groups: count))
      }
    }
    // Given back one by one.
    captured.reverse()
    while let gradient = captured.popLast() {
      gradient.accumulate(
        exampleWeights: factors[groupOf[ObjectIdentifier(gradient.parameter)] ?? 0], in: context)
    }
    return losses.reduce(0) { $0 + Double($1) }
  }

  /// The clipping group of each parameter, and their number.
  private func groups() -> ([ObjectIdentifier: Int], count: Int) {
    let trainable = parameters.filter(\.isTrainable)
    let groups = settings.clipping.groups(of: trainable.map(\.name))
    return (
      Dictionary(zip(trainable.map(ObjectIdentifier.init), groups)) { first, _ in first },
      (groups.max() ?? 0) + 1
    )
  }
}
