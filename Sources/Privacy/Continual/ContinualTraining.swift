public import SystemPackage
public import Tensors
public import Training

/// Training on public data as usual, then on private data under an account of its own.
///
/// The public phase knows no privacy, and the private one no public data. Only steps of the private
/// phase cost budget, at the rate of the private records.
///
/// - SeeAlso: Bu et al. 2024, "Pre-training differentially private models with limited public data"
///   (arXiv 2402.18752), section 4.
public struct ContinualTraining<Task: PerRecordTask> {
  /// The public phase's data and settings.
  public struct PublicPhase {
    /// What is trained on.
    public var records: [Task.Example]
    /// What decides when it ends; public too, and not trained on.
    public var heldOut: [Task.Example]
    /// Records of a batch.
    public var batchSize = 128
    /// Seed of the batches.
    public var seed: UInt64 = 1
    /// When it ends.
    public var rule: SwitchRule
    /// Trains; its state is handed over.
    public var optimizer: Optimizer
    /// Told the held-out loss at each evaluation, with the parameters as they are: the place for a
    /// ``CurvatureProbe`` on public records.
    public var evaluated: (_ loss: Double) throws -> Void = { _ in }

    /// A public phase.
    public init(
      records: [Task.Example], heldOut: [Task.Example], rule: SwitchRule, optimizer: Optimizer
    ) {
      precondition(!records.isEmpty && !heldOut.isEmpty, "ContinualTraining: no public records")
      (self.records, self.heldOut) = (records, heldOut)
      (self.rule, self.optimizer) = (rule, optimizer)
    }
  }

  /// The private phase's settings; its data come when they are needed.
  public struct PrivatePhase {
    /// The account of this phase alone: its steps at the rate of the private records.
    public var ledger: PrivacyLedger
    /// Everything else.
    public var settings: PrivateTrainingSettings
    /// Trains, with what is handed over.
    public var optimizer: Optimizer
    /// Of the learning rates, from its own first step.
    public var schedule: Schedule
    /// What is handed over.
    public var handover = OptimizerHandover.resetsFirstMoment

    /// A private phase.
    public init(
      ledger: PrivacyLedger, settings: PrivateTrainingSettings, optimizer: Optimizer,
      schedule: Schedule
    ) {
      (self.ledger, self.settings) = (ledger, settings)
      (self.optimizer, self.schedule) = (optimizer, schedule)
    }
  }

  /// How the public phase ended.
  public struct Switch: Sendable, Equatable {
    /// What fired.
    public let condition: SwitchRule.Condition
    /// Public steps.
    public let step: Int
    /// Held-out public losses: before the first step, then of each evaluation.
    public let losses: [Double]
  }

  private let task: Task
  private let context: ComputeContext

  /// Training of a task.
  public init(_ task: Task, in context: ComputeContext) {
    (self.task, self.context) = (task, context)
  }

  /// Both phases.
  ///
  /// - Parameters:
  ///   - publicPhase: the first.
  ///   - privatePhase: the second.
  ///   - checkpoints: a file for each phase, so that a killed run goes on; nil: none.
  ///   - log: told when the switch happened, before any private record is asked for.
  ///   - privateRecords: reads the private records; called once, after the switch.
  /// - Returns: how the public phase ended.
  /// - Throws: what training and `privateRecords` throw.
  public func run(
    _ publicPhase: PublicPhase, then privatePhase: PrivatePhase,
    checkpoints: (open: FilePath, guarded: FilePath)? = nil,
    log: (Switch) throws -> Void = { _ in },
    privateRecords: () throws -> [Task.Example]
  ) throws -> Switch {
    let found = try trainPublic(publicPhase, checkpoint: checkpoints?.open)
    try log(found)
    try trainPrivate(
      privatePhase, after: publicPhase.optimizer, records: privateRecords(),
      checkpoint: checkpoints?.guarded)
    return found
  }

  /// The first phase. Afterwards the parameters are those of the best held-out loss.
  public func trainPublic(
    _ phase: PublicPhase, checkpoint: FilePath? = nil
  ) throws -> Switch {
    let rule = phase.rule
    let before = heldOutLoss(phase.heldOut)
    var settings = TrainingSettings(steps: rule.steps)
    settings.evaluateEvery = rule.evaluateEvery
    let loop = TrainingLoop(
      settings, parameters: task.parameters, source: Backpropagation(task, in: context),
      optimizer: phase.optimizer, schedule: Schedule(.constant, totalSteps: rule.steps),
      plan: ShuffledBatches(
        count: phase.records.count, size: phase.batchSize, seed: phase.seed)
    ) { phase.records[$0] }
    func losses(_ evaluations: [TrainingResult.Point]) -> [Double] {
      [before] + evaluations.compactMap { $0.value.map(-) }
    }
    let result = try loop.run(
      checkpoint: checkpoint, identity: "public",
      evaluate: {
        let loss = heldOutLoss(phase.heldOut)
        try phase.evaluated(loss)
        return -loss
      },
      isFinished: { rule.condition(after: losses($0)) != nil })
    let all = losses(result.evaluations)
    return Switch(
      condition: rule.condition(after: all) ?? .stepsSpent(result.steps), step: result.steps,
      losses: all)
  }

  /// The second phase.
  public func trainPrivate(
    _ phase: PrivatePhase, after optimizer: Optimizer, records: [Task.Example],
    checkpoint: FilePath? = nil
  ) throws {
    try phase.optimizer.restore(phase.handover.state(of: optimizer))
    let training = try PrivateTraining(
      task, records: records, ledger: phase.ledger, settings: phase.settings, in: context)
    _ = try training.loop(
      TrainingSettings(steps: phase.ledger.plan.phase.steps), optimizer: phase.optimizer,
      schedule: phase.schedule
    ).run(checkpoint: checkpoint, identity: "private")
  }

  private func heldOutLoss(_ records: [Task.Example]) -> Double {
    var sum = 0.0
    for start in stride(from: 0, to: records.count, by: 128) {
      let part = Array(records[start..<min(records.count, start + 128)])
      sum += task.losses(of: part, on: Tape(in: context, mode: .forwardOnly)).value.values
        .reduce(0) { $0 + Double($1) }
    }
    return sum / Double(records.count)
  }
}
