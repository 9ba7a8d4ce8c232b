public import ArgumentParser
import Basics
import Evaluation
import Models
import SystemPackage
import Tensors
public import Training

/// `ragbench train`: new weights from examples.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Trains a retriever, a classifier or a generator.",
    discussion: """
      Example: ragbench train contrastive pairs.jsonl --model all-MiniLM-L6-v2 --output runs/tuned
      Example: ragbench train classify texts.jsonl --model all-MiniLM-L6-v2
      """,
    subcommands: [
      Contrastive.self, Classify.self, SFT.self, Pretrain.self, Pairs.self, Study.self,
    ])

  struct Contrastive: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Trains a retriever on questions with passages that answer them.",
      discussion: """
        The file has one JSON object a line: {"query": …, "positive": …, "negatives": [ … ]}. Each \
        question shall prefer its passage to the other passages of its batch and to its negatives. \
        A share of the pairs is held out and ranked before and after. The trained retriever is used \
        everywhere as --retriever run:DIR.

        Example: ragbench train contrastive pairs.jsonl --output runs/tuned
        Example: ragbench query --corpus medqa --retriever run:runs/tuned "asthma in children"
        """)

    @Argument(help: "The pairs, JSON Lines, plain or gzip.") var file: String
    @Option(help: "The model to begin with: a name, a folder, or run:DIR.")
    var model = defaultRetriever
    @Option(help: "Inverse temperature: what inner products are multiplied by.")
    var inverseTemperature = 20.0
    @Flag(help: "Leave the positive out of the denominator (decoupled loss).")
    var decoupled = false
    @OptionGroup var training: TrainOptions
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var options: SharedOptions

    func run() throws {
      guard inverseTemperature > 0, inverseTemperature.isFinite else {
        throw UsageError("--inverse-temperature is \(inverseTemperature), expected above 0")
      }
      let loss = ContrastiveLoss(
        inverseTemperature: Float(inverseTemperature), includesPositive: !decoupled)
      let source = try Workbench(options).modelDirectory(model)
      let pairs = try TrainingRecords.pairs(FilePath(file))
      var description = try TrainCommand.description(of: FilePath(file), source)
      description["inverseTemperature"] = .number(inverseTemperature)
      description["decoupled"] = .bool(decoupled)
      try training.perform(
        "train-contrastive", name: FilePath(file).stem ?? "data", description: description,
        run: runOptions, options: options
      ) { try $0.encoder(source).trainContrastively(pairs, loss: loss) }
    }
  }

  struct Classify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Trains a classifier on texts with labels.",
      discussion: """
        The file has one JSON object a line: {"text": …, "label": …}. A share of the texts is held \
        out; accuracy and macro-F1 are measured on them, and the best epoch is chosen by them. \
        Texts of --test take no part in that; their guesses go to predictions.jsonl. The model in \
        DIR/model is one that transformers loads as a sequence classifier.

        Example: ragbench train classify texts.jsonl --test unseen.jsonl --epochs 3
        """)

    @Argument(help: "The texts, JSON Lines, plain or gzip.") var file: String
    @Option(help: "The model to begin with: a name, a folder, or run:DIR.")
    var model = defaultRetriever
    @Option(help: "Texts to test on, JSON Lines, plain or gzip.") var test: String?
    @OptionGroup var training: TrainOptions
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var options: SharedOptions

    func run() throws {
      let source = try Workbench(options).modelDirectory(model)
      let texts = try TrainingRecords.labelledTexts(FilePath(file))
      let unseen = try test.map { try TrainingRecords.labelledTexts(FilePath($0)) } ?? []
      var description = try TrainCommand.description(of: FilePath(file), source)
      description["test"] =
        try test.map { .string(try Checksum.sha256(of: FilePath($0))) } ?? .null
      try training.perform(
        "train-classify", name: FilePath(file).stem ?? "data", description: description,
        run: runOptions, options: options
      ) { try $0.encoder(source).trainClassifier(texts, test: unseen) }
    }
  }

  /// What a run's results depend on: the data and the model that it begins with.
  static func description(of file: FilePath, _ source: ModelDirectory) throws -> JSONObject {
    [
      "data": .string(try Checksum.sha256(of: file)), "model": .string(source.card.name),
      "modelFiles": .string(source.fingerprint),
    ]
  }
}

extension TrainingChoices.OptimizerName: ExpressibleByArgument {}
extension Schedule.Shape: ExpressibleByArgument {}
