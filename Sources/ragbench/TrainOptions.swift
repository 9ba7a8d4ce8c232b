import ArgumentParser
import Basics
import Evaluation
import Models
import SystemPackage
import Tensors
import Training

/// Flags of all kinds of training, and what all do. What is left out has the default of the command.
struct TrainOptions: ParsableArguments {
  @Option(help: "Optimizer: sgd, momentum, adam, adamw or rmsprop.")
  var optimizer = TrainingChoices.OptimizerName.adamw
  @Option(help: "Step size (default: 2e-5; sft of an adapter 2e-4, pretrain 1e-3).")
  var learningRate: Double?
  @Option(help: "Pull of matrices towards 0 (default: 0.01; pretrain 0.1).")
  var weightDecay: Double?
  @Option(
    help: "Course of the step size: constant, linear or cosine (default: linear; pretrain cosine).")
  var schedule: Schedule.Shape?
  @Option(help: "Share of the steps in which the step size rises.") var warmup = 0.1
  @Option(help: "Times each example is seen.") var epochs = 1
  @Option(help: "Examples of a step (default: 16; sft 4).") var batchSize: Int?
  @Option(help: "Longest gradient that is left alone; 0: any.") var clipNorm = 1.0
  @Option(help: "Share of the examples that is held out (default: 0.1; pretrain 0.02).")
  var heldOut: Double?
  @Option(help: "End after so many epochs without a better value (default: never).")
  var patience: Int?
  @Flag(help: "Keep the weights of the last step, not those of the best epoch.")
  var keepLast = false
  @Option(help: "Steps between two checkpoints.") var checkpointEvery = 200
  @Option(
    help: "Tokens after which texts are cut (default: the model's limit; sft at most 1024).")
  var maxTokens: Int?
  @Option(help: "Examples of one pass; a step adds up its passes (default: all at once).")
  var examplesAtOnce: Int?
  @Flag(help: "Less memory, more time: compute layers again for the gradient.")
  var recompute = false
  @Option(help: "Train the top layers of an encoder only, so many of them (default: all weights).")
  var trainLayers: Int?
  @Option(
    help: """
      Records that belong to nobody, made for 'ragbench audit'; a coin puts about half of them in.
      """)
  var canaries = 0
  @Option(
    help: """
      Train privately: epsilon=8,delta=1e-5,clip=auto; sigma=1.1 in place of epsilon. Neighbours \
      differ by one record.
      """)
  var dp: String?
  @Option(help: "What filters private gradients: none, disk, disk:GAIN or doppler (default: none).")
  var filter: String?
  @Flag(help: "Take private noise from --seed: repeatable, and no protection at all.")
  var insecureNoise = false

  private func choices(
    seed: UInt64, _ defaults: TrainingChoices
  ) throws -> TrainingChoices {
    var choices = defaults
    choices.optimizer = optimizer
    if let learningRate { choices.learningRate = learningRate }
    if let weightDecay { choices.weightDecay = weightDecay }
    if let schedule { choices.schedule = schedule }
    choices.warmup = warmup
    choices.epochs = epochs
    if let batchSize { choices.batchSize = batchSize }
    choices.clipNorm = clipNorm == 0 ? nil : clipNorm
    if let heldOut { choices.heldOut = heldOut }
    choices.patience = patience
    choices.keepsLast = keepLast
    choices.checkpointEvery = checkpointEvery
    choices.maximumTokens = maxTokens
    choices.examplesAtOnce = examplesAtOnce
    choices.checkpointsLayers = recompute
    choices.trainedLayers = trainLayers
    choices.canaries = canaries
    choices.privacy = try dp.map { try PrivacyChoices($0) }
    if choices.privacy == nil, filter != nil || insecureNoise {
      throw UsageError("\(filter == nil ? "--insecure-noise" : "--filter") needs --dp beside it")
    }
    if let filter { choices.privacy?.filter = try PrivacyChoices.filter(filter) }
    choices.privacy?.isInsecure = insecureNoise
    choices.seed = seed
    try choices.check()
    return choices
  }

  /// Trains, and prints what came of it.
  ///
  /// - Parameters:
  ///   - command: What `run.json` calls it.
  ///   - name: The data's name, for the run directory.
  ///   - defaults: The command's own defaults.
  ///   - description: All that the results depend on beside the choices.
  ///   - run: Seed and directory.
  ///   - options: Threads and format.
  ///   - train: Trains and returns the results.
  /// - Throws: What reading, training and writing throw; `UsageError` for choices that cannot be.
  func perform(
    _ command: String, name: String, defaults: TrainingChoices = TrainingChoices(),
    description: JSONObject, run: RunOptions, options: SharedOptions,
    train: (TrainingSetup) throws -> JSONObject
  ) throws {
    let choices = try choices(seed: run.seed, defaults)
    var description = description
    for (key, value) in choices.description.members { description[key] = value }
    let locations = try Locations.current()
    let progress = TrainingProgress(options)
    defer { progress.finish() }
    let clock = ContinuousClock()
    let start = clock.now
    var opened: RunDirectory?
    let results = try train(
      TrainingSetup(
        choices: choices, context: ComputeContext(threads: options.threadCount),
        command: command, description: description, report: progress.show,
        open: {
          let directory = try run.directory(
            command, corpus: name, description: description, locations: locations,
            options: options)
          opened = directory
          return directory
        }))
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
    if let account = results["privacy"]?.objectValue { Output.result(Self.line(account)) }
    Output.note("run directory: \(directory.path.shown)", options)
  }

  /// The account of private training in one line.
  private static func line(_ account: JSONObject) -> String {
    func number(_ key: String) -> String {
      account[key]?.doubleValue.map { Format.decimals($0, 4) } ?? "infinite"
    }
    let delta = account["delta"]?.doubleValue ?? .nan
    return
      "privacy: epsilon \(number("epsilonPRV")) at delta \(delta), one record added or removed,"
      + " sigma \(number("noiseMultiplier")), rate \(number("samplingRate")),"
      + " \(account["steps"]?.intValue ?? 0) steps; noise: \(account["randomness"]?.stringValue ?? "")"
  }
}
