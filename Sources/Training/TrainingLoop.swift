import Basics
public import SystemPackage
public import Tensors

/// Settings of a loop.
public struct TrainingSettings: Sendable, Equatable {
  /// Steps of the whole run.
  public var steps: Int
  /// The longest gradient that is left alone; nil: none is shortened.
  public var clipNorm: Double?
  /// Steps between two lines of metrics.
  public var reportEvery = 10
  /// Steps between two checkpoints; the last step always makes one.
  public var checkpointEvery = 100
  /// Steps between two evaluations; nil: none. The last step is evaluated too.
  public var evaluateEvery: Int?
  /// Evaluations without a better value after which the run ends; nil: it does not.
  public var patience: Int?

  /// Settings for a number of steps.
  public init(steps: Int) { self.steps = steps }
}

/// How a run went.
public struct TrainingResult: Sendable, Equatable {
  /// Steps that were done.
  public var steps: Int
  /// Mean loss of the steps since the line of metrics before, at each line; nil where all of these
  /// batches were empty.
  public var losses: [Point]
  /// Values of the evaluations; higher is better.
  public var evaluations: [Point]
  /// The step of the best evaluation, the first of equal ones; nil without evaluations.
  public var bestStep: Int?
  /// Whether the run ended before its last step for want of better values.
  public var endedEarly: Bool

  /// A number at a step, counted from 1.
  public struct Point: Sendable, Equatable {
    /// The step.
    public var step: Int
    /// The number.
    public var value: Double?
  }
}

/// The training loop: gradient, clipping, update, metrics, evaluation, checkpoint.
///
/// Everything that decides how it goes on is in the checkpoint, and batches are functions of the
/// step: a run that was killed at any moment and goes on ends with the same bits as an undisturbed
/// one.
public final class TrainingLoop<Example> {
  /// What is told to the user while it runs.
  public struct Progress: Sendable {
    /// Finished steps.
    public let step: Int
    /// Mean loss since the report before.
    public let loss: Double?
    /// Learning rates' factor.
    public let factor: Double
    /// Norm of all gradients before clipping.
    public let gradientNorm: Double
    /// Tokens of the steps since the report before.
    public let tokens: Int
  }

  private let settings: TrainingSettings
  private let parameters: [Parameter]
  private let source: any GradientSource<Example>
  private let optimizer: Optimizer
  private let schedule: Schedule
  private let plan: any BatchPlan
  private let example: (Int) -> Example
  private let length: (Int) -> Int
  private let states: [any CheckpointedState]
  private let ledger = Ledger()

  /// A loop.
  ///
  /// - Parameters:
  ///   - settings: how long, how often.
  ///   - parameters: all that is saved, in a fixed order.
  ///   - source: makes the gradients.
  ///   - optimizer: updates.
  ///   - schedule: of the learning rates.
  ///   - plan: which examples each step takes.
  ///   - states: what else a checkpoint must hold.
  ///   - length: tokens of the example of a number of the plan, for reports.
  ///   - example: the example of a number of the plan.
  public init(
    _ settings: TrainingSettings, parameters: [Parameter],
    source: any GradientSource<Example>, optimizer: Optimizer, schedule: Schedule,
    plan: any BatchPlan, states: [any CheckpointedState] = [],
    length: @escaping (Int) -> Int = { _ in 0 }, example: @escaping (Int) -> Example
  ) {
    precondition(
      settings.steps >= 0 && settings.reportEvery > 0 && settings.checkpointEvery > 0
        && settings.evaluateEvery ?? 1 > 0 && settings.patience ?? 1 > 0,
      "TrainingLoop: \(settings)")
    self.settings = settings
    self.parameters = parameters
    self.source = source
    self.optimizer = optimizer
    self.schedule = schedule
    self.plan = plan
    self.states = states
    self.example = example
    self.length = length
  }

  private var allStates: [any CheckpointedState] { [ledger, optimizer] + states }

  /// Trains, going on from a checkpoint if there is one. Afterwards the parameters have the values of
  /// the best evaluation, or of the last step if nothing was evaluated.
  ///
  /// - Parameters:
  ///   - checkpoint: the file; nil: none is read or written.
  ///   - identity: what the run is; a checkpoint of another run is refused.
  ///   - report: gets each line of metrics, and after going on those after the checkpoint again.
  ///   - evaluate: gives a value, higher is better, from the parameters as they are.
  ///   - isFinished: whether the evaluations so far end the run, besides the settings' patience.
  /// - Returns: how it went.
  /// - Throws: ``TrainingError``; `FileError`; what `report` and `evaluate` throw;
  ///   `CancellationError`.
  public func run(
    checkpoint: FilePath? = nil, identity: String = "",
    report: (Progress) throws -> Void = { _ in }, evaluate: (() throws -> Double)? = nil,
    isFinished: ([TrainingResult.Point]) -> Bool = { _ in false }
  ) throws -> TrainingResult {
    var isOver: Bool {
      settings.patience.map { ledger.evaluationsSinceBest >= $0 } ?? false
        || isFinished(ledger.evaluations)
    }
    var step = 0
    if let checkpoint, checkpoint.exists {
      step = try Checkpoint.read(
        checkpoint, identity: identity, parameters: parameters, states: allStates)
    }
    while step < settings.steps, !isOver {
      try Task.checkCancellation()
      let factor = schedule.factor(at: step)
      let norm = try update(step: step, factor: factor)
      step += 1
      let isLast = step == settings.steps
      if step % settings.reportEvery == 0 || isLast {
        let loss = ledger.closeReport(at: step)
        try report(
          Progress(
            step: step, loss: loss, factor: factor, gradientNorm: norm, tokens: tokens(until: step))
        )
      }
      if let evaluate, let every = settings.evaluateEvery, step % every == 0 || isLast {
        let value = try evaluate()
        guard value.isFinite else { throw notFinite(step, "the evaluation", value) }
        ledger.note(value, at: step, parameters: parameters)
      }
      if let checkpoint, step % settings.checkpointEvery == 0 || isLast || isOver {
        try checkParameters(after: step)
        try Checkpoint.write(
          to: checkpoint, identity: identity, step: step, parameters: parameters,
          states: allStates)
      }
    }
    for (parameter, best) in zip(parameters, ledger.best) { try parameter.assign(best) }
    return TrainingResult(
      steps: step, losses: ledger.losses, evaluations: ledger.evaluations,
      bestStep: ledger.bestStep, endedEarly: step < settings.steps)
  }

  /// Tokens of the steps since the report before, whatever was done before the run went on.
  private func tokens(until step: Int) -> Int {
    let since = (step - 1) / settings.reportEvery * settings.reportEvery
    return (since..<step).reduce(0) { total, step in
      plan.batch(at: step).reduce(total) { $0 + length($1) }
    }
  }

  private func update(step: Int, factor: Double) throws -> Double {
    let examples = plan.batch(at: step).map(example)
    let loss = source.computeGradient(of: examples, at: step)
    if let loss, !loss.isFinite { throw notFinite(step + 1, "the loss", loss) }
    let norm =
      settings.clipNorm.map { GradientNorm.clip(parameters, to: $0) }
      ?? GradientNorm.of(parameters)
    guard norm.isFinite else {
      for parameter in parameters {
        guard let gradient = parameter.gradient, let index = gradient.firstNonFinite else {
          continue
        }
        throw notFinite(
          step + 1, "the gradient of '\(parameter.name)' at index \(index)",
          Double(gradient.values[index]))
      }
      throw notFinite(step + 1, "the norm of the gradients", norm)
    }
    optimizer.step(factor: factor)
    ledger.add(loss)
    return norm
  }

  private func checkParameters(after step: Int) throws {
    for parameter in parameters {
      let value = parameter.value
      if let index = value.firstNonFinite {
        throw notFinite(
          step, "'\(parameter.name)' at index \(index)", Double(value.values[index]))
      }
    }
  }

  private func notFinite(_ step: Int, _ tensor: String, _ value: Double) -> TrainingError {
    .notFinite(step: step, tensor: tensor, value: "\(value)")
  }
}
