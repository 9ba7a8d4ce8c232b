public import ArgumentParser
import Basics
import Models
import SystemPackage
import Tensors
public import Training

/// `ragbench train`: new weights from examples.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Trains a retriever or a classifier.",
    discussion: """
      Example: ragbench train contrastive pairs.jsonl --model all-MiniLM-L6-v2 --output runs/tuned
      Example: ragbench train classify texts.jsonl --model all-MiniLM-L6-v2
      """,
    subcommands: [Contrastive.self, Classify.self, Pairs.self, Study.self])

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
      try training.perform(
        "train-contrastive", file: file,
        description: [
          "inverseTemperature": .number(inverseTemperature), "decoupled": .bool(decoupled),
        ], run: runOptions, options: options, read: TrainingRecords.pairs
      ) { try $0.trainContrastively($1, loss: loss) }
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
    @Option(help: "Texts to test on, JSON Lines, plain or gzip.") var test: String?
    @OptionGroup var training: TrainOptions
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var options: SharedOptions

    func run() throws {
      let unseen = try test.map { try TrainingRecords.labelledTexts(FilePath($0)) } ?? []
      let checksum = try test.map { JSONValue.string(try Checksum.sha256(of: FilePath($0))) }
      try training.perform(
        "train-classify", file: file, description: ["test": checksum ?? .null], run: runOptions,
        options: options, read: { try TrainingRecords.labelledTexts($0) },
        train: { try $0.trainClassifier($1, test: unseen) })
    }
  }
}

extension TrainingChoices.OptimizerName: ExpressibleByArgument {}
extension Schedule.Shape: ExpressibleByArgument {}
