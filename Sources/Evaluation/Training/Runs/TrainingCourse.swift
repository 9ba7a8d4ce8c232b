import Basics
import Privacy
import SystemPackage
import Tensors
import Training

/// The course of one training in a run directory: batches, optimizer and schedule as chosen,
/// `checkpoint.safetensors` while it goes on, metrics to `events.jsonl`.
struct TrainingCourse {
  static let checkpointName = "checkpoint.safetensors"

  /// What is learnt from, and how it is watched.
  struct Work<Example> {
    /// All that is saved, in a fixed order.
    let parameters: [Parameter]
    let examples: [Example]
    /// Tokens of each example.
    let lengths: [Int]
    /// Which examples each step takes; nil: shuffled, those of similar length together.
    var plan: (any BatchPlan)?
    /// How many examples are held out, for the user.
    let heldOut: Int
    /// Where it is kept.
    let directory: RunDirectory
    /// Gives a value, higher is better.
    let evaluate: () throws -> Double

    /// What the data are.
    var data: String { directory.description["data"]?.stringValue ?? "" }
  }

  let choices: TrainingChoices
  let context: ComputeContext
  /// What the run is; a checkpoint of another is refused.
  let identity: String
  /// What was released before of the same data.
  let lineage: PrivacyLineage
  let report: (TrainingRun.Progress) -> Void

  /// Trains, going on where an interrupted run stopped; evaluates after each epoch.
  ///
  /// - Parameters:
  ///   - task: What is learnt.
  ///   - work: What it is learnt from.
  /// - Returns: Steps, losses and evaluations, for `results.json`.
  /// - Throws: ``TrainingError``; `FileError`; `UsageError` if there is nothing to train; what `evaluate`
  ///   throws.
  func run<Task: TrainingTask>(_ task: Task, _ work: Work<Task.Example>) throws -> JSONObject {
    let plan =
      work.plan
      ?? ShuffledBatches(
        count: work.examples.count, size: choices.batchSize, seed: choices.seed,
        lengths: work.lengths)
    var settings = settings(steps: choices.epochs * plan.stepsPerEpoch)
    settings.clipNorm = choices.clipNorm
    settings.evaluateEvery = choices.keepsLast ? settings.steps : plan.stepsPerEpoch
    settings.patience = choices.patience
    let loop = TrainingLoop(
      settings, parameters: work.parameters,
      source: Backpropagation(task, in: context, examplesAtOnce: choices.examplesAtOnce ?? .max),
      optimizer: optimizer(of: work.parameters), schedule: schedule(settings.steps), plan: plan,
      length: { work.lengths[$0] }, example: { work.examples[$0] })
    var results = try run(loop, settings, work)
    results["lineage"] = lineage.followed(by: work.data, phase: nil, isInsecure: false)
    return results
  }

  /// Refuses private training that so many records do not allow, before anything is written.
  func check(records count: Int) throws {
    guard let privacy = choices.privacy else { return }
    guard choices.batchSize <= count else {
      throw UsageError(
        "--batch-size is \(choices.batchSize) of \(count) records: the sampling rate would be above"
          + " 1")
    }
    try PrivacyLedger.check(delta: privacy.delta, records: count)
  }

  /// Trains on private records if that was chosen, else as any task.
  ///
  /// Each step takes each record with the probability batch size / records. Nothing but the last weights
  /// is evaluated: what a choice among held-out records tells is in no ε.
  ///
  /// - Parameters:
  ///   - task: What is learnt; one record's loss reads that record only.
  ///   - work: What it is learnt from.
  /// - Returns: As for any task, and the account under `privacy`.
  /// - Throws: As for any task; `PrivacyError` for a claim that cannot be made.
  func run<Task: PerRecordTask>(_ task: Task, _ work: Work<Task.Example>) throws -> JSONObject {
    guard let privacy = choices.privacy else {
      func plainly<Plain: TrainingTask>(
        _ task: Plain, _ work: Work<Plain.Example>
      ) throws -> JSONObject { try run(task, work) }
      return try plainly(task, work)
    }
    precondition(work.plan == nil, "TrainingCourse: private records are drawn, not planned")
    let count = work.examples.count
    try check(records: count)
    let rate = Double(choices.batchSize) / Double(count)
    let stepsPerEpoch = Int((1 / rate).rounded(.up))
    let steps = choices.epochs * stepsPerEpoch
    let previous = try lineage.spent(on: work.data, isInsecure: privacy.isInsecure)
    let sigma: Double
    var target: Double?
    switch privacy.noise {
    case .multiplier(let multiplier): sigma = multiplier
    case .budget(let epsilon):
      target = epsilon
      sigma = try Calibration(
        budget: .init(epsilon: epsilon, delta: privacy.delta), after: previous
      ).noiseMultiplier(rate: rate, steps: steps)
    }
    let phase = try SampledGaussian(noiseMultiplier: sigma, rate: rate, steps: steps)
    let ledger = try PrivacyLedger(
      .init(phase: phase, delta: privacy.delta, epsilon: target, dataset: work.data),
      after: previous)
    var mechanism = try PrivateTrainingSettings(
      clipping: privacy.clipping, expectedRecords: Double(choices.batchSize))
    mechanism.recordsAtOnce = choices.examplesAtOnce ?? mechanism.recordsAtOnce
    mechanism.filter = privacy.filter
    if privacy.isInsecure { mechanism.randomness = .insecure(InsecureSeed(choices.seed)) }
    let training = try PrivateTraining(
      task, records: work.examples, ledger: ledger, settings: mechanism, in: context)
    let optimizer = optimizer(of: work.parameters)
    if privacy.correctsMoments, let left = privacy.filter.remainingVariance {
      let deviation = sigma * privacy.clipping.length / Double(choices.batchSize)
      optimizer.gradientNoise = .init(variance: left * deviation * deviation)
    }
    var settings = settings(steps: steps)
    settings.reportEvery = min(settings.reportEvery, stepsPerEpoch)
    settings.evaluateEvery = steps
    let loop = training.loop(settings, optimizer: optimizer, schedule: schedule(steps))
    var epochs = 0
    var results = try run(loop, settings, work) { step in
      guard step / stepsPerEpoch > epochs else { return }
      epochs = step / stepsPerEpoch
      let epsilon = try ledger.epsilon()
      report(.epsilon(epsilon, delta: privacy.delta))
      try work.directory.append([
        [
          "event": "epsilon", "step": JSONValue(step),
          "epsilon": epsilon.isFinite ? .number(epsilon) : .null, "delta": .number(privacy.delta),
        ]
      ])
    }
    var account = try ledger.summary()
    account["randomness"] = .string(mechanism.randomness.label)
    account["notCovered"] = .string(
      "held-out figures, and choosing settings by them; which records are held out; how many records there"
        + " are and how many were cut; the names of classes")
    results["privacy"] = .object(account)
    results["lineage"] = lineage.followed(
      by: work.data, phase: phase, isInsecure: privacy.isInsecure)
    return results
  }

  private func settings(steps: Int) -> TrainingSettings {
    var settings = TrainingSettings(steps: steps)
    settings.reportEvery = max(1, min(10, steps / 50))
    settings.checkpointEvery = choices.checkpointEvery
    return settings
  }

  private func optimizer(of parameters: [Parameter]) -> Optimizer {
    Optimizer(
      choices.optimizer.rule,
      groups: ParameterGroup.decayingMatrices(
        parameters, learningRate: choices.learningRate, weightDecay: choices.weightDecay),
      in: context)
  }

  private func schedule(_ steps: Int) -> Schedule {
    Schedule(
      choices.schedule, warmupSteps: Int((Double(steps) * choices.warmup).rounded()),
      totalSteps: steps)
  }

  private func run<Example>(
    _ loop: TrainingLoop<Example>, _ settings: TrainingSettings, _ work: Work<Example>,
    reported: (_ step: Int) throws -> Void = { _ in }
  ) throws -> JSONObject {
    // Gradient, two moments of the optimizer, and the best values so far.
    let trained = work.parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count }
    guard trained > 0 else {
      throw UsageError("every parameter is frozen: nothing is left to train")
    }
    try MemoryBudget.require(4 * 4 * trained, for: "the training of \(trained) weights")
    let directory = work.directory
    let isNew = directory.completedEvents.isEmpty
    let checkpoint = directory.path.appending(Self.checkpointName)
    if isNew, checkpoint.exists {
      // Of a run that was thrown away with --force.
      try LiveFileSystem().unlink(checkpoint)
    }
    if isNew {
      try directory.append([["event": .string("begin"), "steps": JSONValue(settings.steps)]])
    }
    report(.begin(steps: settings.steps, examples: work.examples.count, heldOut: work.heldOut))
    let result = try loop.run(
      checkpoint: checkpoint, identity: identity,
      report: { progress in
        report(.step(progress.step, loss: progress.loss, tokens: progress.tokens))
        try directory.append([
          [
            "event": .string("step"), "step": JSONValue(progress.step),
            "loss": progress.loss.map { .number($0) } ?? .null,
            "factor": .number(progress.factor),
            // Of private gradients it would be one more release where steps are done again.
            "gradientNorm": choices.privacy == nil ? .number(progress.gradientNorm) : .null,
            "tokens": JSONValue(progress.tokens),
          ]
        ])
        try reported(progress.step)
      }, evaluate: work.evaluate)
    return [
      "steps": JSONValue(result.steps), "endedEarly": .bool(result.endedEarly),
      "bestStep": result.bestStep.map { JSONValue($0) } ?? .null,
      "evaluations": Self.list(result.evaluations), "losses": Self.list(result.losses),
    ]
  }

  private static func list(_ points: [TrainingResult.Point]) -> JSONValue {
    .array(
      points.map {
        .object(["step": JSONValue($0.step), "value": $0.value.map { .number($0) } ?? .null])
      })
  }
}
