public import Basics
public import Training

/// What the user chooses for a run: all that its result depends on besides data and model.
public struct TrainingChoices: Sendable, Equatable {
  /// Optimizers by name.
  public enum OptimizerName: String, Sendable, CaseIterable {
    case sgd
    case momentum
    case adam
    case adamw
    case rmsprop

    var rule: Optimizer.Rule {
      switch self {
      case .sgd: .sgd()
      case .momentum: .sgd(momentum: 0.9)
      case .adam: .adam()
      case .adamw: .adamW()
      case .rmsprop: .rmsProp()
      }
    }
  }

  /// The optimizer.
  public var optimizer = OptimizerName.adamw
  /// Step size, above 0.
  public var learningRate = 2e-5
  /// Pull of matrices towards 0, 0 or more.
  public var weightDecay = 0.01
  /// The learning rate's course.
  public var schedule = Schedule.Shape.linear
  /// Share of the steps in which the rate rises, 0 to 1.
  public var warmup = 0.1
  /// Times each example is seen, 1 or more.
  public var epochs = 1
  /// Examples of a step, 2 or more.
  public var batchSize = 16
  /// Longest gradient that is left alone, above 0; nil: any.
  public var clipNorm: Double? = 1
  /// Share of the examples that are held out and evaluated, above 0 and below 1.
  public var heldOut = 0.1
  /// Evaluations without a better value after which the run ends; nil: it does not.
  public var patience: Int?
  /// Whether the weights of the last step are kept and evaluated, not those of the best epoch. Private
  /// training always does so.
  public var keepsLast = false
  /// Steps between two checkpoints.
  public var checkpointEvery = 200
  /// Tokens after which texts are cut while training; nil: the model's limit.
  public var maximumTokens: Int?
  /// Examples of one pass; the gradients of a batch's passes are added up. nil: all of them.
  public var examplesAtOnce: Int?
  /// Whether layers are computed again for the gradient, which takes less memory and more time.
  public var checkpointsLayers = false
  /// The layers of an encoder that are trained, from the top, with what stands on them; nil: all
  /// weights.
  public var trainedLayers: Int?
  /// Records that belong to nobody, about half of which a coin puts in, so that the run can be audited.
  public var canaries = 0
  /// What is chosen where the examples are private; nil: they are not.
  public var privacy: PrivacyChoices?
  /// Decides order, split and new weights.
  public var seed: UInt64 = 1

  /// The usual choices.
  public init() {}

  /// Where a model comes from, for its card: noise that protects nobody is named.
  func origin(_ text: String) -> String {
    guard let privacy else { return text }
    return text + (privacy.isInsecure ? ", INSECURE noise" : ", private")
  }

  /// Refuses what cannot be.
  ///
  /// - Throws: `UsageError` naming the choice, its value and its range.
  public func check() throws {
    func require(_ holds: Bool, _ name: String, _ value: Any, _ range: String) throws {
      guard holds else { throw UsageError("--\(name) is \(value), expected \(range)") }
    }
    try require(
      learningRate > 0 && learningRate.isFinite, "learning-rate", learningRate, "above 0")
    try require(
      weightDecay >= 0 && weightDecay.isFinite, "weight-decay", weightDecay, "0 or more")
    try require((0...1).contains(warmup), "warmup", warmup, "0 to 1")
    try require((1...100_000).contains(epochs), "epochs", epochs, "1 to 100000")
    try require((2...65_536).contains(batchSize), "batch-size", batchSize, "2 to 65536")
    if let clipNorm {
      try require(clipNorm > 0 && clipNorm.isFinite, "clip-norm", clipNorm, "above 0")
    }
    try require(heldOut > 0 && heldOut < 1, "held-out", heldOut, "above 0 and below 1")
    if let patience { try require(patience > 0, "patience", patience, "1 or more") }
    guard patience == nil || !keepsLast else {
      throw UsageError("--keep-last evaluates once; --patience has nothing to wait for")
    }
    if let examplesAtOnce {
      try require(examplesAtOnce > 0, "examples-at-once", examplesAtOnce, "1 or more")
    }
    try require(checkpointEvery > 0, "checkpoint-every", checkpointEvery, "1 or more")
    if let trainedLayers {
      try require(trainedLayers >= 0, "train-layers", trainedLayers, "0 or more")
    }
    try require((0...100_000).contains(canaries), "canaries", canaries, "0 to 100000")
    if let privacy {
      guard patience == nil else {
        throw UsageError("--patience looks at held-out records, which no ε covers")
      }
      guard !privacy.correctsMoments || [.adam, .adamw].contains(optimizer) else {
        throw UsageError("--dp: correct=true is for adam and adamw")
      }
      guard !privacy.correctsMoments || privacy.filter.remainingVariance != nil else {
        throw UsageError("--dp: correct=true does not go with --filter doppler")
      }
    }
    if let maximumTokens {
      try require((4...131_072).contains(maximumTokens), "max-tokens", maximumTokens, "4 to 131072")
    }
  }

  /// The choices, for `run.json`.
  public var description: JSONObject {
    [
      "optimizer": .string(optimizer.rawValue), "learningRate": .number(learningRate),
      "weightDecay": .number(weightDecay), "schedule": .string(schedule.rawValue),
      "warmup": .number(warmup), "epochs": JSONValue(epochs), "batchSize": JSONValue(batchSize),
      // Private gradients are shortened one by one, not together.
      "clipNorm": privacy == nil ? clipNorm.map { .number($0) } ?? .null : .null,
      "heldOut": .number(heldOut),
      "patience": patience.map { JSONValue($0) } ?? .null,
      "keepsLast": .bool(keepsLast || privacy != nil),
      "maximumTokens": maximumTokens.map { JSONValue($0) } ?? .null,
      "examplesAtOnce": examplesAtOnce.map { JSONValue($0) } ?? .null,
      "trainedLayers": trainedLayers.map { JSONValue($0) } ?? .null,
      "canaries": JSONValue(canaries),
      "privacy": privacy.map { .object($0.description) } ?? .null,
    ]
  }
}
