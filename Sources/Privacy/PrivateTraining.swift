public import Tensors
public import Training

/// Settings of private training besides the mechanism's own.
public struct PrivateTrainingSettings: Sendable {
  /// How records' gradients are shortened.
  public var clipping: Clipping
  /// What sums are divided by: a public number, about rate × records. The true number of a step's
  /// records would tell something about them.
  public var expectedRecords: Double
  /// Records whose activations are in memory together. The result does not depend on it.
  public var recordsAtOnce = 32
  /// Where noise and sampling come from.
  public var randomness = PrivacyRandomness.operatingSystem
  /// What filters the private gradients.
  public var filter = GradientFilter.none
  /// Whether the losses of private records are told, which no ε covers.
  public var revealsLosses = false

  /// Settings.
  ///
  /// - Parameters:
  ///   - clipping: how gradients are shortened.
  ///   - expectedRecords: the divisor, above 0.
  /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)``.
  public init(clipping: Clipping, expectedRecords: Double) throws {
    guard expectedRecords > 0, expectedRecords.isFinite else {
      throw PrivacyError.range("the expected number of records", expectedRecords, "above 0")
    }
    (self.clipping, self.expectedRecords) = (clipping, expectedRecords)
  }
}

/// Private training of a task on records: sampler, privatizer, filter and account, which belong
/// together and are made together.
///
/// The rate of the sampler is the rate that is accounted; the loop has the plan's number of steps.
public final class PrivateTraining<Task: PerRecordTask> {
  /// The account.
  public let ledger: PrivacyLedger
  /// Chooses the records of each step.
  public let sampler: PoissonSampler
  /// Makes the gradients: the privatizer, behind the filter if there is one.
  public let source: any GradientSource<Task.Example>
  private let filter: (any CheckpointedState)?
  private let task: Task
  private let records: [Task.Example]

  /// Joins the parts.
  ///
  /// - Parameters:
  ///   - task: what is learnt.
  ///   - records: the private records, at least one.
  ///   - ledger: the account with the plan: noise, rate, steps.
  ///   - settings: everything else.
  ///   - context: where it runs.
  /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)`` if δ is not below 1 / records, or the
  ///   rate is 0; ``PrivacyError/coupledRecords(difference:)`` if the task does not keep its promise on
  ///   the first records.
  public init(
    _ task: Task, records: [Task.Example], ledger: PrivacyLedger,
    settings: PrivateTrainingSettings, in context: ComputeContext
  ) throws {
    try PrivacyLedger.check(delta: ledger.plan.delta, records: records.count)
    let rate = ledger.plan.phase.rate
    guard rate > 0, !records.isEmpty else {
      throw PrivacyError.outOfRange(
        name: "the sampling", value: "rate \(rate) of \(records.count) records",
        expected: "a rate above 0 and at least one record")
    }
    let difference = RecordIndependence.largestDifference(
      task, Array(records.prefix(4)), in: context)
    guard !(difference > 1e-3) else {
      throw PrivacyError.coupledRecords(difference: difference)
    }
    self.task = task
    self.records = records
    self.ledger = ledger
    sampler = PoissonSampler(
      records: records.count, rate: rate, randomness: settings.randomness)
    let privatizer = Privatizer(task, settings: settings, ledger: ledger, in: context)
    switch settings.filter {
    case .none:
      (source, filter) = (privatizer, nil)
    case .kalman(let gains):
      let kalman = KalmanFilter(privatizer, gains, in: context)
      (source, filter) = (kalman, kalman)
    case .lowPass(let coefficients):
      let lowPass = LowPassFilter(privatizer, coefficients, in: context)
      (source, filter) = (lowPass, lowPass)
    }
  }

  /// The loop. Its checkpoints hold the account and the filter.
  ///
  /// - Parameters:
  ///   - settings: of the loop; the number of steps is the plan's.
  ///   - optimizer: updates; whatever it does costs no privacy.
  ///   - schedule: of the learning rates.
  /// - Returns: a loop over the private records.
  public func loop(
    _ settings: TrainingSettings, optimizer: Optimizer, schedule: Schedule
  ) -> TrainingLoop<Task.Example> {
    var settings = settings
    settings.steps = ledger.plan.phase.steps
    let records = records
    return TrainingLoop(
      settings, parameters: task.parameters, source: source, optimizer: optimizer,
      schedule: schedule, plan: sampler, states: [ledger] + (filter.map { [$0] } ?? [])
    ) { records[$0] }
  }
}
