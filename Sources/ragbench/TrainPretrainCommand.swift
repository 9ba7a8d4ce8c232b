import ArgumentParser
import Basics
import Corpus
import Evaluation
import Models
import SystemPackage
import Training

extension TrainCommand {
  /// `ragbench train pretrain`: a new generator from a corpus.
  struct Pretrain: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pretrain", abstract: "Trains a new generator on a corpus, from scratch.",
      discussion: """
        A byte-level vocabulary is learnt from the corpus, then a Llama of the given sizes is trained \
        on its passages, one behind the other, in blocks of --context tokens. A share of the passages \
        is held out: loss and perplexity are measured on them. The model in DIR/model is one that \
        transformers loads; here it is run:DIR.

        With --dp a record is one passage, of which the first --context tokens are read, and --model must \
        name a generator, because a vocabulary that is learnt from private texts tells of them.

        Example: ragbench train pretrain --corpus textbooks --output runs/small
        Example: ragbench generate --raw --model run:runs/small "The heart is"
        """)

    @Option(help: "Name of the corpus.") var corpus: String
    @Option(
      help: "A generator to go on with, with its vocabulary and sizes (default: a new one).")
    var model: String?
    @Option(help: "Tokens of the vocabulary.") var vocabulary = 4096
    @Option(help: "Width of the token states.") var hidden = 192
    @Option(help: "Width of the feed-forward layers.") var intermediate = 512
    @Option(help: "Number of layers.") var layers = 5
    @Option(help: "Query heads.") var heads = 6
    @Option(help: "Heads of keys and values; divides the query heads.") var kvHeads = 3
    @Option(help: "Tokens of a block, and of the longest text that the model takes.")
    var context = 256
    @OptionGroup var training: TrainOptions
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var options: SharedOptions

    mutating func validate() throws {
      for (name, value) in [
        ("vocabulary", vocabulary), ("hidden", hidden), ("intermediate", intermediate),
        ("layers", layers), ("heads", heads), ("kv-heads", kvHeads), ("context", context),
      ] where value < 1 {
        throw ValidationError("--\(name) is \(value), expected 1 or more")
      }
      guard heads % kvHeads == 0 else {
        throw ValidationError("--kv-heads is \(kvHeads), expected a divisor of --heads, \(heads)")
      }
      guard hidden % heads == 0, hidden / heads % 2 == 0 else {
        throw ValidationError(
          "--hidden is \(hidden), expected a multiple of 2 × --heads, \(2 * heads)")
      }
      guard training.dp == nil || model != nil else {
        throw ValidationError(
          "--dp needs --model: a vocabulary learnt from private texts tells of them")
      }
      guard training.maxTokens == nil else {
        throw ValidationError("--max-tokens has no use here; --context is the length of a block")
      }
    }

    func run() throws {
      let bench = try Workbench(options)
      let bundle = try bench.quietBundle(corpus)
      let source = try model.map { try bench.generatorDirectory($0) }
      var defaults = TrainingChoices()
      defaults.learningRate = 1e-3
      defaults.schedule = .cosine
      defaults.weightDecay = 0.1
      defaults.heldOut = 0.02
      let sizes = try source == nil ? newSizes() : nil
      let description: JSONObject = [
        "data": .string(bundle.passagesChecksum),
        "model": sizes.map { .object($0.json) } ?? source.map { .string($0.card.name) }
          ?? .null,
        "modelFiles": source.map { .string($0.fingerprint) } ?? .null,
        "context": JSONValue(context),
      ]
      try training.perform(
        "train-pretrain", name: corpus, defaults: defaults, description: description,
        run: runOptions, options: options
      ) { setup in
        var texts: [String] = []
        try bundle.forEachPassage { texts.append($0.text) }
        let beginning: GeneratorRun.Beginning
        if let source {
          beginning = .model(source, try GeneratorFiles(directory: source.path))
        } else {
          beginning = .new(try newSizes())
        }
        return try setup.generator().pretrain(beginning, on: texts, blockSize: context)
      }
    }

    private func newSizes() throws -> DecoderConfiguration {
      let end: Int32 = 0
      return try DecoderConfiguration(
        vocabularySize: vocabulary, hiddenSize: hidden, intermediateSize: intermediate,
        layers: layers, heads: heads, keyValueHeads: kvHeads, maximumTokens: context,
        tiesWordTable: true, beginToken: end, endTokens: [end])
    }
  }
}
