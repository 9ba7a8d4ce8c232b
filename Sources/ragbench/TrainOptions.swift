import ArgumentParser
import Basics
import Models
import SystemPackage
import Tensors
import Training

/// Flags of both kinds of training, and what both do.
struct TrainOptions: ParsableArguments {
  @Option(help: "The model to begin with: a name, a folder, or run:DIR.")
  var model = "all-MiniLM-L6-v2"
  @Option(help: "Optimizer: sgd, momentum, adam, adamw or rmsprop.")
  var optimizer = TrainingChoices.OptimizerName.adamw
  @Option(help: "Step size.") var learningRate = 2e-5
  @Option(help: "Pull of matrices towards 0.") var weightDecay = 0.01
  @Option(help: "Course of the step size: constant, linear or cosine.")
  var schedule = Schedule.Shape.linear
  @Option(help: "Share of the steps in which the step size rises.") var warmup = 0.1
  @Option(help: "Times each example is seen.") var epochs = 1
  @Option(help: "Examples of a step.") var batchSize = 16
  @Option(help: "Longest gradient that is left alone; 0: any.") var clipNorm = 1.0
  @Option(help: "Share of the examples that is held out.") var heldOut = 0.1
  @Option(help: "End after so many epochs without a better value (default: never).")
  var patience: Int?
  @Option(help: "Steps between two checkpoints.") var checkpointEvery = 200
  @Option(help: "Tokens after which texts are cut while training (default: the model's limit).")
  var maxTokens: Int?
  @Option(help: "Examples of one pass; a step adds up its passes (default: all at once).")
  var examplesAtOnce: Int?
  @Flag(help: "Less memory, more time: compute layers again for the gradient.")
  var recompute = false

  private func choices(seed: UInt64) throws -> TrainingChoices {
    var choices = TrainingChoices()
    choices.optimizer = optimizer
    choices.learningRate = learningRate
    choices.weightDecay = weightDecay
    choices.schedule = schedule
    choices.warmup = warmup
    choices.epochs = epochs
    choices.batchSize = batchSize
    choices.clipNorm = clipNorm == 0 ? nil : clipNorm
    choices.heldOut = heldOut
    choices.patience = patience
    choices.checkpointEvery = checkpointEvery
    choices.maximumTokens = maxTokens
    choices.examplesAtOnce = examplesAtOnce
    choices.checkpointsLayers = recompute
    choices.seed = seed
    try choices.check()
    return choices
  }

  /// Reads the examples, trains, and prints what came of it.
  func perform<Record>(
    _ command: String, file: String, description: JSONObject, run: RunOptions,
    options: SharedOptions, read: (FilePath) throws -> [Record],
    train: (TrainingRun, [Record]) throws -> JSONObject
  ) throws {
    let choices = try choices(seed: run.seed)
    let bench = try Workbench(options)
    let source = try bench.modelDirectory(model)
    let records = try read(FilePath(file))
    var description = description
    for (key, value) in choices.description.members { description[key] = value }
    description["data"] = .string(try Checksum.sha256(of: FilePath(file)))
    description["model"] = .string(source.card.name)
    description["modelFiles"] = .string(source.fingerprint)
    let name = FilePath(file).lastComponent?.stem ?? "data"
    let progress = TrainingProgress(options)
    defer { progress.finish() }
    let clock = ContinuousClock()
    let start = clock.now
    var opened: RunDirectory?
    let training = TrainingRun(
      source: source, choices: choices, context: ComputeContext(threads: options.threadCount),
      report: progress.show
    ) {
      let directory = try run.directory(
        command, corpus: name, description: description, locations: bench.locations,
        options: options)
      opened = directory
      return directory
    }
    let results = try train(training, records)
    guard let directory = opened else { return }
    progress.finish()
    let seconds = (clock.now - start) / .seconds(1)
    try TrainingRun.finish(directory, results: results, seconds: seconds)
    if options.format != .human { return try Output.results([.object(results)], options.format) }
    for key in ["before", "after", "test"] {
      guard let values = results[key]?.objectValue else { continue }
      let line = values.members.map { name, value in
        "\(name) \(Format.decimals(value.doubleValue ?? .nan, 4))"
      }
      Output.result("\(key): \(line.joined(separator: ", "))")
    }
    Output.note("run directory: \(directory.path.shown)", options)
  }
}
