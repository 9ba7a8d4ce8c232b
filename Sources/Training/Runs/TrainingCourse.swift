import Basics
import SystemPackage
import Tensors

/// The course of one training in a run directory: batches, optimizer and schedule as chosen,
/// `checkpoint.safetensors` while it goes on, metrics to `events.jsonl`.
struct TrainingCourse {
  static let checkpointName = "checkpoint.safetensors"

  let choices: TrainingChoices
  let context: ComputeContext
  /// What the run is; a checkpoint of another is refused.
  let identity: String
  let report: (TrainingRun.Progress) -> Void

  /// Trains, going on where an interrupted run stopped.
  ///
  /// - Parameters:
  ///   - task: What is learnt.
  ///   - parameters: All that is saved, in a fixed order.
  ///   - examples: What it is learnt from.
  ///   - lengths: Tokens of each example.
  ///   - plan: Which examples each step takes; nil: shuffled, those of similar length together.
  ///   - heldOut: How many examples are held out, for the user.
  ///   - directory: Where it is kept.
  ///   - evaluate: Gives a value after each epoch, higher is better.
  /// - Returns: Steps, losses and evaluations, for `results.json`.
  /// - Throws: ``TrainingError``; `FileError`; what `evaluate` throws.
  func run<Task: TrainingTask>(
    _ task: Task, parameters: [Parameter], examples: [Task.Example], lengths: [Int],
    plan: (any BatchPlan)? = nil, heldOut: Int, in directory: RunDirectory,
    evaluate: @escaping () throws -> Double
  ) throws -> JSONObject {
    // Gradient, two moments of the optimizer, and the best values so far.
    let trained = parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count }
    guard trained > 0 else {
      throw UsageError("every parameter is frozen: nothing is left to train")
    }
    try MemoryBudget.require(4 * 4 * trained, for: "the training of \(trained) weights")
    let isNew = directory.completedEvents.isEmpty
    let checkpoint = directory.path.appending(Self.checkpointName)
    if isNew, checkpoint.exists {
      // Of a run that was thrown away with --force.
      try LiveFileSystem().unlink(checkpoint)
    }
    let plan =
      plan
      ?? ShuffledBatches(
        count: examples.count, size: choices.batchSize, seed: choices.seed, lengths: lengths)
    var settings = TrainingSettings(steps: choices.epochs * plan.stepsPerEpoch)
    settings.clipNorm = choices.clipNorm
    settings.reportEvery = max(1, min(10, settings.steps / 50))
    settings.checkpointEvery = choices.checkpointEvery
    settings.evaluateEvery = plan.stepsPerEpoch
    settings.patience = choices.patience
    let groups = ParameterGroup.decayingMatrices(
      parameters, learningRate: choices.learningRate, weightDecay: choices.weightDecay)
    let source = Backpropagation(
      task, in: context, examplesAtOnce: choices.examplesAtOnce ?? .max)
    let loop = TrainingLoop(
      settings, parameters: parameters, source: source,
      optimizer: Optimizer(choices.optimizer.rule, groups: groups, in: context),
      schedule: Schedule(
        choices.schedule, warmupSteps: Int((Double(settings.steps) * choices.warmup).rounded()),
        totalSteps: settings.steps),
      plan: plan, length: { lengths[$0] }, example: { examples[$0] })
    if isNew {
      try directory.append([["event": .string("begin"), "steps": JSONValue(settings.steps)]])
    }
    report(.begin(steps: settings.steps, examples: examples.count, heldOut: heldOut))
    let result = try loop.run(
      checkpoint: checkpoint, identity: identity,
      report: { progress in
        report(.step(progress.step, loss: progress.loss, tokens: progress.tokens))
        try directory.append([
          [
            "event": .string("step"), "step": JSONValue(progress.step),
            "loss": progress.loss.map { .number($0) } ?? .null,
            "factor": .number(progress.factor), "gradientNorm": .number(progress.gradientNorm),
            "tokens": JSONValue(progress.tokens),
          ]
        ])
      }, evaluate: evaluate)
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
