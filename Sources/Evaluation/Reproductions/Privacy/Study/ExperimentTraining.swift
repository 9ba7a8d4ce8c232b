import Privacy
import Tensors
import Training

/// A private training of an experiment; noise and batches come from an insecure seed.
struct PrivateExperiment {
  var noiseMultiplier: Double
  var rate: Double
  var steps: Int
  var rule = Optimizer.Rule.adam()
  var learningRate: Double
  var schedule = Schedule.Shape.constant
  var filter = GradientFilter.none
  var clipping = Clipping.Function.vanilla
  var seed: UInt64
  var recordsAtOnce = 1024

  /// The account, without promises.
  func ledger() throws -> PrivacyLedger {
    try PrivacyLedger(
      PrivacyLedger.Plan(
        phase: SampledGaussian(noiseMultiplier: noiseMultiplier, rate: rate, steps: steps),
        delta: CalibratedNoise.delta, dataset: "made up"))
  }

  /// The mechanism's settings for a number of records.
  func settings(records: Int) throws -> PrivateTrainingSettings {
    var settings = try PrivateTrainingSettings(
      clipping: Clipping(function: clipping), expectedRecords: rate * Double(records))
    settings.randomness = .insecure(InsecureSeed(seed))
    settings.recordsAtOnce = recordsAtOnce
    settings.filter = filter
    return settings
  }

  func training<Task: PerRecordTask>(
    _ task: Task, _ records: [Task.Example]
  ) throws -> PrivateTraining<Task> {
    try PrivateTraining(
      task, records: records, ledger: ledger(), settings: settings(records: records.count),
      in: ComputeContext())
  }

  func optimizer<Task: PerRecordTask>(_ task: Task) -> Optimizer {
    Optimizer(
      rule, groups: [ParameterGroup(task.parameters, learningRate: learningRate)],
      in: ComputeContext())
  }

  func train<Task: PerRecordTask>(_ task: Task, _ records: [Task.Example]) throws {
    _ = try training(task, records).loop(
      TrainingSettings(steps: steps), optimizer: optimizer(task),
      schedule: Schedule(schedule, totalSteps: steps)
    ).run()
  }
}

/// Training without privacy.
struct PlainExperiment {
  var steps: Int
  var batch = 128
  var rule = Optimizer.Rule.adam()
  var learningRate: Double
  var seed: UInt64

  func train<Task: TrainingTask>(_ task: Task, _ records: [Task.Example]) throws {
    let context = ComputeContext()
    _ = try TrainingLoop(
      TrainingSettings(steps: steps), parameters: task.parameters,
      source: Backpropagation(task, in: context),
      optimizer: Optimizer(
        rule, groups: [ParameterGroup(task.parameters, learningRate: learningRate)], in: context),
      schedule: Schedule(.constant, totalSteps: steps),
      plan: ShuffledBatches(count: records.count, size: batch, seed: seed)
    ) { records[$0] }.run()
  }
}
