public import Basics
import Glibc
public import Models
import SystemPackage
import Tensors
public import Training

/// One training run of a generator in a run directory: `adapter/` or `model/` at its end.
public struct GeneratorRun {
  /// The folder of a trained LoRA adapter within a run directory.
  public static let adapterFolder = "adapter"

  private let setup: TrainingSetup
  private var choices: TrainingChoices { setup.choices }

  /// A run.
  init(_ setup: TrainingSetup) { self.setup = setup }

  /// Trains a generator on examples.
  ///
  /// - Parameters:
  ///   - source: The generator.
  ///   - records: Examples in any formats.
  ///   - lora: An adapter that is trained in place of the weights; nil: all weights are trained.
  ///   - frozen: Names of parameters that stay as they are, as `freeze` takes them.
  ///   - packs: Whether sequences are packed into groups of the longest one's size, so that a step takes
  ///     so many groups.
  ///   - learnsPrompts: Whether prompts are learnt too.
  /// - Returns: What `results.json` holds: loss and perplexity of the held-out completions before and
  ///   after, samples, and the losses.
  /// - Throws: `InputError` for examples that do not fit the model; `UsageError` for choices that do not;
  ///   ``TrainingError``; `FileError`.
  public func fineTune(
    _ source: ModelDirectory, on records: [FineTuningRecord], lora: LoRAConfiguration?,
    frozen: [String] = [], packs: Bool = false, learnsPrompts: Bool = false
  ) throws -> JSONObject {
    guard choices.privacy == nil || !packs else {
      throw UsageError("--packing puts several records into one; it does not go with --dp")
    }
    let files = try GeneratorFiles(directory: source.path)
    if lora == nil { try files.requireWritableTokenizer() }
    let decoder = try TrainableDecoder(DecoderWeights(directory: source.path))
    decoder.checkpointsLayers = choices.checkpointsLayers
    let limit = try maximumTokens(of: decoder, default: 1024)
    let all = RunRecords(records, choices)
    try all.check()
    func examples(_ records: [FineTuningRecord]) throws -> FineTuningExamples {
      try FineTuningExamples(
        records, tokenizer: files.tokenizer, template: files.chatTemplate(),
        maximumTokens: limit, learnsPrompts: learnsPrompts)
    }
    let (training, heldOut) = (try examples(all.training), try examples(all.heldOut))
    let adapter = try lora.map { try LoRAAdapter($0, on: decoder, seed: choices.seed) }
    try decoder.freeze(frozen)
    let writer = try SampleWriter(files.tokenizer, heldOut.sequences)
    let course = try setup.course(from: source)
    try course.check(records: training.sequences.count)
    let directory = try setup.open()
    var results: JSONObject = [
      "examples": JSONValue(training.sequences.count),
      "heldOut": JSONValue(heldOut.sequences.count),
      "cut": JSONValue(training.cutCount + heldOut.cutCount),
      "withoutCompletion": JSONValue(training.emptyCount + heldOut.emptyCount),
      "canaries": JSONValue(all.included.count),
    ]
    let task = LanguageModelTask(decoder, adapter: adapter)
    let lengths = training.sequences.map(\.ids.count)
    results = results.followed(
      by: try self.train(
        task, decoder, training.sequences, heldOut.sequences,
        plan: packs ? packed(lengths, maximum: lengths.max() ?? 1) : nil, writer: writer,
        course: course, in: directory
      ) {
        if let adapter {
          return try adapter.save(
            to: directory.path.appending(Self.adapterFolder), base: source.fingerprint,
            origin: choices.origin("trained by ragbench from \(source.card.name)"))
        }
        try TrainedModelFiles.write(
          decoder, to: directory.path.appending(TrainingRun.modelFolder),
          name: "\(source.card.name.prefix(40))-trained",
          origin: choices.origin("trained by ragbench from \(source.card.name)"),
          writeTokenizer: { try files.writeTokenizer(to: $0) })
      })
    return results
  }

  /// What pre-training begins with.
  public enum Beginning {
    /// A new generator of some sizes.
    case new(DecoderConfiguration)
    /// A generator with its vocabulary.
    case model(ModelDirectory, GeneratorFiles)
  }

  /// Trains a generator on texts, all weights.
  ///
  /// - Parameters:
  ///   - beginning: A new generator, whose vocabulary is learnt from the texts, or one that goes on.
  ///   - texts: What it is trained on; private ones are records of which the beginning is read.
  ///   - blockSize: Tokens of a block, 2 or more.
  /// - Returns: As for fine-tuning.
  /// - Throws: `InputError` for too little text; `UsageError` for blocks longer than the model takes, and
  ///   for private texts whose vocabulary would be learnt from them; ``TrainingError``; `FileError`.
  public func pretrain(
    _ beginning: Beginning, on texts: [String], blockSize: Int
  ) throws -> JSONObject {
    let decoder: TrainableDecoder
    let origin: String
    let vocabulary: PretrainingText.Vocabulary
    var before: ModelDirectory?
    switch beginning {
    case .new(let sizes):
      guard choices.privacy == nil else {
        throw UsageError("a vocabulary that is learnt from private texts tells of them")
      }
      decoder = try TrainableDecoder(DecoderWeights(sizes, seed: choices.seed))
      origin = "pre-trained by ragbench"
      vocabulary = .learnt(size: sizes.vocabularySize)
    case .model(let source, let files):
      try files.requireWritableTokenizer()
      decoder = try TrainableDecoder(DecoderWeights(directory: source.path))
      origin = "pre-trained by ragbench from \(source.card.name)"
      vocabulary = .given(files.tokenizer)
      before = source
    }
    let limit = decoder.configuration.maximumTokens
    guard blockSize <= limit else {
      throw UsageError("--context is \(blockSize), the model takes at most \(limit)")
    }
    let records = RunRecords(texts, choices)
    let text = try PretrainingText(
      training: records.training, heldOut: records.heldOut, vocabulary: vocabulary,
      blockSize: blockSize, keepsTextsApart: choices.privacy != nil)
    decoder.checkpointsLayers = choices.checkpointsLayers
    let writer = try SampleWriter(text.tokenizer, text.heldOut)
    let course = try setup.course(from: before)
    try course.check(records: text.training.count)
    let directory = try setup.open()
    let sizes: JSONObject = [
      "blocks": JSONValue(text.training.count), "heldOut": JSONValue(text.heldOut.count),
      "vocabulary": JSONValue(decoder.configuration.vocabularySize),
      "canaries": JSONValue(records.included.count),
    ]
    return sizes.followed(
      by: try train(
        LanguageModelTask(decoder), decoder, text.training, text.heldOut, plan: nil,
        writer: writer, course: course, in: directory
      ) {
        try TrainedModelFiles.write(
          decoder, to: directory.path.appending(TrainingRun.modelFolder),
          name: "pretrained-\(decoder.configuration.parameterCount / 1000)k",
          origin: choices.origin(origin),
          writeTokenizer: { folder in
            if let learnt = text.vocabulary { return try learnt.write(to: folder) }
            if case .model(_, let files) = beginning { try files.writeTokenizer(to: folder) }
          })
      })
  }

  private func maximumTokens(of decoder: TrainableDecoder, default most: Int) throws -> Int {
    let context = decoder.configuration.maximumTokens
    guard let limit = choices.maximumTokens else { return min(most, context) }
    guard limit <= context else {
      throw UsageError("--max-tokens is \(limit), the model takes at most \(context)")
    }
    return limit
  }

  private func packed(_ lengths: [Int], maximum: Int) -> any BatchPlan {
    let groups = SequencePacking.bestFitDecreasing(lengths, maximum: maximum)
    return PackedBatches(
      groups: groups,
      plan: ShuffledBatches(
        count: groups.count, size: choices.batchSize, seed: choices.seed))
  }

  private func train(
    _ task: LanguageModelTask, _ decoder: TrainableDecoder, _ training: [MaskedTokens],
    _ heldOut: [MaskedTokens], plan: (any BatchPlan)?, writer: SampleWriter,
    course: TrainingCourse, in directory: RunDirectory, save: () throws -> Void
  ) throws -> JSONObject {
    let evaluation = PerplexityEvaluation(heldOut, decoder: decoder, context: setup.context)
    let before = evaluation.measure()
    // Prompts and references are held-out examples, word for word: not for the report of private ones.
    let showsSamples = choices.privacy == nil
    let early = try showsSamples ? writer.samples(of: decoder, in: setup.context) : []
    let result = try course.run(
      task,
      .init(
        parameters: task.parameters, examples: training, lengths: training.map(\.ids.count),
        plan: plan, heldOut: heldOut.count, directory: directory,
        evaluate: { -evaluation.measure().loss }))
    let after = evaluation.measure()
    // First: samples take memory for the whole model once more.
    try save()
    let late = try showsSamples ? writer.samples(of: decoder, in: setup.context) : []
    let samples = zip(writer.prompts, zip(early, late)).map { prompt, texts -> JSONValue in
      .object([
        "prompt": .string(prompt.text), "before": .string(texts.0), "after": .string(texts.1),
        "reference": .string(prompt.reference),
      ])
    }
    let values: JSONObject = [
      "trainedParameters": JSONValue(
        task.parameters.filter(\.isTrainable).reduce(0) { $0 + $1.shape.reduce(1, *) }),
      "before": .object(before.json), "after": .object(after.json), "samples": .array(samples),
    ]
    return values.followed(by: result)
  }
}

/// Loss and perplexity of held-out completions.
private struct PerplexityEvaluation {
  struct Values {
    let loss: Double
    var json: JSONObject { ["loss": .number(loss), "perplexity": .number(Glibc.exp(loss))] }
  }

  /// Tokens of one pass.
  private static let passTokens = 4096

  private let examples: [MaskedTokens]
  private let decoder: TrainableDecoder
  private let context: ComputeContext

  init(_ examples: [MaskedTokens], decoder: TrainableDecoder, context: ComputeContext) {
    self.examples = examples
    self.decoder = decoder
    self.context = context
  }

  /// The mean over all learnt tokens, in nats.
  func measure() -> Values {
    var total = 0.0
    var count = 0
    var start = 0
    while start < examples.count {
      var end = start
      var tokens = 0
      repeat {
        tokens += examples[end].ids.count
        end += 1
      } while end < examples.count && tokens + examples[end].ids.count <= Self.passTokens
      let part = Array(examples[start..<end])
      let tape = Tape(in: context, mode: .forwardOnly)
      total += decoder.tokenLosses(of: part, on: tape).value.values.reduce(0) {
        $0 + Double($1)
      }
      count += part.reduce(0) { $0 + $1.predictedCount }
      start = end
    }
    return Values(loss: total / Double(max(1, count)))
  }
}
