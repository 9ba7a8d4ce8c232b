public import Basics
import Models
import Privacy
import SystemPackage
import Tensors
public import Training

/// One training run in a run directory: `checkpoint.safetensors` while it goes on, `model/` at its end.
public struct TrainingRun {
  /// What is told to the user.
  public enum Progress: Sendable {
    /// Training begins, with so many steps.
    case begin(steps: Int, examples: Int, heldOut: Int)
    /// So many steps are done; mean loss and tokens since the report before.
    case step(Int, loss: Double?, tokens: Int)
    /// ε of the steps so far, of training on private records.
    case epsilon(Double, delta: Double)
  }

  /// The folder of the trained model within a run directory.
  public static let modelFolder = "model"
  /// Label and guess of each test text of a classifier, one JSON object a line.
  public static let predictionsName = "predictions.jsonl"

  /// Ends a run: writes its results, and removes the checkpoint, which nobody needs any more.
  ///
  /// - Parameters:
  ///   - directory: the run's.
  ///   - results: what training returned.
  ///   - seconds: how long it took.
  /// - Throws: `FileError`.
  public static func finish(
    _ directory: RunDirectory, results: JSONObject, seconds: Double
  ) throws {
    try directory.finish(results: results, timings: ["seconds": .number(seconds)])
    let checkpoint = directory.path.appending(TrainingCourse.checkpointName)
    if checkpoint.exists { try LiveFileSystem().unlink(checkpoint) }
  }

  private let source: ModelDirectory
  private let setup: TrainingSetup
  private var choices: TrainingChoices { setup.choices }
  private var context: ComputeContext { setup.context }

  /// A run that begins with a model.
  init(source: ModelDirectory, setup: TrainingSetup) {
    self.source = source
    self.setup = setup
  }

  /// Trains a retriever on pairs.
  ///
  /// - Parameters:
  ///   - pairs: questions with passages.
  ///   - loss: compares.
  /// - Returns: what `results.json` holds: Recall@1 and MRR@10 of the held-out questions among the
  ///   held-out passages, before and after, and the losses.
  /// - Throws: `UsageError` for a model of two encoders; `InputError` for a text with nothing to embed
  ///   or too few pairs; ``TrainingError``; `FileError`.
  public func trainContrastively(_ pairs: [TextPair], loss: ContrastiveLoss) throws -> JSONObject {
    guard source.card.queryDirectory == nil else {
      throw UsageError("the model '\(source.card.name)' has two encoders; one is trained")
    }
    guard choices.examplesAtOnce == nil || choices.privacy != nil else {
      throw UsageError(
        "--examples-at-once does not go with a loss that compares the examples of a batch")
    }
    if choices.privacy != nil { try Self.requireOwnNegatives(pairs) }
    guard choices.privacy == nil || loss.includesPositive else {
      throw UsageError("--decoupled does not go with --dp")
    }
    let embedding = try source.embeddingModel(maximumTokens: choices.maximumTokens)
    let records = try RunRecords(pairs, choices)
    try records.check()
    func tokens(_ text: String, _ role: TextRole) throws -> TokenSequence {
      let found =
        role == .query
        ? embedding.tokens(ofQuery: text)
        : embedding.tokens(ofPassage: "", text: text, separator: " ")
      guard let found else {
        let place = pairs.firstIndex { ([$0.query, $0.positive] + $0.negatives).contains(text) }
        throw InputError("pair \((place ?? 0) + 1) has a text with nothing to embed")
      }
      return found
    }
    let tested = Set(records.heldOut.map { UTF8Key($0.positive) })
    let examples = try records.parts {
      try $0.map { pair in
        TokenPair(
          query: try tokens(pair.query, .query), positive: try tokens(pair.positive, .passage),
          // A held-out passage must not be learnt as a wrong answer.
          negatives: try pair.negatives.filter { !tested.contains(UTF8Key($0)) }
            .map { try tokens($0, .passage) })
      }
    }
    let encoder: any TrainableEncoder =
      source.card.kind == .static
      ? try TrainableStaticEncoder(directory: source.path)
      : try TrainableTransformer(directory: source.path)
    try prepare(encoder)
    let side = embedding.encoder(for: .passage)
    let evaluation = PairEvaluation(examples.heldOut) { sequences in
      let tape = Tape(in: context, mode: .forwardOnly)
      return encoder.vectors(
        of: sequences, pooling: side.pooling, normalises: side.normalises, on: tape
      ).value
    }
    let chosen = examples.training
    let course = try setup.course(from: source)
    try course.check(records: chosen.count)
    let directory = try setup.open()
    let before = evaluation.measure()
    let work = TrainingCourse.Work(
      parameters: encoder.parameters, examples: chosen, lengths: chosen.map(\.tokenCount),
      heldOut: examples.heldOut.count, directory: directory,
      evaluate: { evaluation.measure().reciprocalRank })
    let result =
      try choices.privacy == nil
      ? course.run(
        ContrastiveTask(encoder, pooling: side.pooling, normalises: side.normalises, loss: loss),
        work)
      : course.run(
        RecordContrastiveTask(
          encoder, pooling: side.pooling, normalises: side.normalises,
          inverseTemperature: loss.inverseTemperature), work)
    let after = evaluation.measure()
    try TrainedModelFiles.write(
      encoder, to: directory.path.appending(Self.modelFolder), source: source,
      name: "\(source.card.name.prefix(40))-trained",
      origin: choices.origin("trained by ragbench from \(source.card.name)"))
    let values: JSONObject = [
      "pairs": JSONValue(chosen.count), "heldOut": JSONValue(examples.heldOut.count),
      "canaries": JSONValue(examples.included.count),
      "before": .object(before.json), "after": .object(after.json),
    ]
    return values.followed(by: result)
  }

  /// Refuses pairs that are compared with nothing, or with passages of other pairs.
  private static func requireOwnNegatives(_ pairs: [TextPair]) throws {
    let owned = Set(pairs.map { UTF8Key($0.positive) })
    for (number, pair) in pairs.enumerated() {
      guard !pair.negatives.isEmpty else {
        throw InputError(
          "pair \(number + 1) has no negatives: private training compares each question with its own"
            + " passages only, never with those of other records")
      }
      guard !pair.negatives.contains(where: { owned.contains(UTF8Key($0)) }) else {
        throw InputError(
          "pair \(number + 1) has the passage of a pair among its negatives: those of private training"
            + " are public, or the pair's own")
      }
    }
  }

  /// Trains a classifier on labelled texts.
  ///
  /// - Parameters:
  ///   - texts: two classes or more.
  ///   - test: texts of the same classes that take no part in training or choosing; the guesses go to
  ///     `predictions.jsonl`.
  /// - Returns: what `results.json` holds: accuracy and macro-F1 of the held-out and of the test texts,
  ///   and the losses.
  /// - Throws: `UsageError` for a model that is no transformer; `InputError` for a text with nothing
  ///   to read, fewer than two classes, an unknown class or too few texts; ``TrainingError``;
  ///   `FileError`.
  public func trainClassifier(_ texts: [LabelledText], test: [LabelledText] = []) throws
    -> JSONObject
  {
    guard source.card.kind == .transformer else {
      throw UsageError("the model '\(source.card.name)' is no transformer; a classifier needs one")
    }
    let labels = Set(texts.map { UTF8Key($0.label) }).sorted().map(\.string)
    guard labels.count >= 2 else {
      throw InputError("all texts have the label '\(labels.first ?? "")', expected two or more")
    }
    let numbers = Dictionary(
      uniqueKeysWithValues: labels.enumerated().map { (UTF8Key($1), $0) })
    let embedding = try source.embeddingModel(maximumTokens: choices.maximumTokens).encoder(
      for: .passage)
    func example(_ text: LabelledText) throws -> LabelledTokens {
      func name() -> String {
        if let place = test.firstIndex(of: text) { return "test text \(place + 1)" }
        return "text \((texts.firstIndex { $0.text == text.text } ?? 0) + 1)"
      }
      guard let tokens = embedding.tokens(of: text.text) else {
        throw InputError("\(name()) has nothing to read")
      }
      guard let label = numbers[UTF8Key(text.label)] else {
        throw InputError(
          "\(name()) has the label '\(TerminalText.excerpt(text.label))', of which there is no text"
            + " to train on")
      }
      return LabelledTokens(tokens: tokens, label: label)
    }
    let known = Set(texts.map { UTF8Key($0.text) })
    if let number = test.firstIndex(where: { known.contains(UTF8Key($0.text)) }) {
      throw InputError("test text \(number + 1) is a text to train on too")
    }
    let unseen = try test.map(example)
    let records = try RunRecords(texts, choices)
    try records.check()
    let examples = try records.parts { try $0.map(example) }
    let classifier = try SequenceClassifier(
      directory: source.path, labels: labels, seed: choices.seed)
    try prepare(classifier.encoder)
    let score: ([TokenSequence]) -> Tensor = {
      classifier.scores(of: $0, on: Tape(in: context, mode: .forwardOnly)).value
    }
    let evaluation = ClassEvaluation(
      examples.heldOut, classes: labels.count, score: score)
    let chosen = examples.training
    let course = try setup.course(from: source)
    try course.check(records: chosen.count)
    let directory = try setup.open()
    let result = try course.run(
      ClassificationTask(classifier),
      .init(
        parameters: classifier.parameters, examples: chosen,
        lengths: chosen.map(\.tokens.ids.count),
        heldOut: examples.heldOut.count, directory: directory,
        evaluate: { evaluation.measure().macroF1 }))
    let after = evaluation.measure()
    try classifier.save(
      to: directory.path.appending(Self.modelFolder), source: source.path,
      origin: choices.origin("trained by ragbench from \(source.card.name)"))
    var values: JSONObject = [
      "texts": JSONValue(chosen.count), "heldOut": JSONValue(examples.heldOut.count),
      "canaries": JSONValue(examples.included.count),
      "classes": .array(labels.map { .string($0) }), "after": .object(after.json),
    ]
    if !unseen.isEmpty {
      let evaluation = ClassEvaluation(unseen, classes: labels.count, score: score)
      values["test"] = .object(evaluation.measure().json)
      let lines = try zip(test, evaluation.guesses()).map { text, guess in
        let line: JSONObject = ["label": .string(text.label), "guess": .string(labels[guess])]
        return try line.serialized() + "\n"
      }
      try AtomicFile.write(
        lines.joined(), to: directory.path.appending(Self.predictionsName))
    }
    return values.followed(by: result)
  }

  /// Freezes what is not to be trained.
  private func prepare(_ encoder: any TrainableEncoder) throws {
    guard let transformer = encoder as? TrainableTransformer else {
      guard choices.trainedLayers == nil else {
        throw UsageError("--train-layers: the model '\(source.card.name)' has no layers")
      }
      return
    }
    transformer.checkpointsLayers = choices.checkpointsLayers
    guard let trained = choices.trainedLayers else { return }
    let count = transformer.configuration.layers
    guard trained <= count else {
      throw UsageError("--train-layers is \(trained), '\(source.card.name)' has \(count) layers")
    }
    let kept = (count - trained..<count).map { "encoder.layer.\($0)." }
    for parameter in transformer.parameters {
      parameter.isTrainable = kept.contains { parameter.name.hasPrefix($0) }
    }
  }
}

extension ModelDirectory {
  /// The model, reading texts cut to so many tokens; nil: to its own limit.
  ///
  /// - Throws: `UsageError` for more tokens than it takes; what loading throws.
  func embeddingModel(maximumTokens: Int?) throws -> EmbeddingModel {
    var card = card
    if let maximumTokens {
      card.queryMaximumTokens = maximumTokens
      card.passageMaximumTokens = maximumTokens
    }
    let model = try EmbeddingModel(directory: path, card: card)
    if let maximumTokens, let most = model.encoder(for: .passage).maximumTokens,
      most < maximumTokens
    {
      throw UsageError("--max-tokens is \(maximumTokens); '\(card.name)' takes at most \(most)")
    }
    return model
  }
}

extension JSONObject {
  /// These members and those of another object behind them.
  func followed(by other: JSONObject) -> JSONObject {
    var result = self
    for (key, value) in other.members { result[key] = value }
    return result
  }
}
