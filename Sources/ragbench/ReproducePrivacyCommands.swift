import ArgumentParser
import Basics
import Corpus
import Evaluation
import Reports
import Tensors

extension ReproduceCommand {
  /// `ragbench reproduce disk`.
  struct DiSKCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "disk",
      abstract: "DiSK, the Kalman filter for private gradients: what it keeps and what it gains.",
      discussion: """
        Exactness on quadratic losses, the noise that is left, the same account as without; a \
        perceptron on made-up classes and a small language model on the bundled passages, at a fixed \
        learning rate and at the best; time and memory. Takes minutes. \
        \(PrivacyReproductionOptions.discussion)

        Example: ragbench reproduce disk
        Example: ragbench reproduce disk --threads 2 --output runs/disk
        """)

    @OptionGroup var reproduction: PrivacyReproductionOptions
    @OptionGroup var options: SharedOptions

    func run() throws { try reproduction.perform(.disk, options) }
  }

  /// `ragbench reproduce dp-continual-pretraining`.
  struct ContinualPretrainingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "dp-continual-pretraining",
      abstract: "Training on public data, then on private data: what noise costs, and when.",
      discussion: """
        The drop of one noisy step against the formula, the batch that is best for each record, the \
        noise's share before and after public training; public, private and both at three budgets; a \
        small language model on the bundled passages; membership in the private data. Takes minutes. \
        \(PrivacyReproductionOptions.discussion)

        Example: ragbench reproduce dp-continual-pretraining --output runs/continual
        """)

    @OptionGroup var reproduction: PrivacyReproductionOptions
    @OptionGroup var options: SharedOptions

    func run() throws { try reproduction.perform(.continualPretraining, options) }
  }

  /// `ragbench reproduce dp-core`.
  struct CoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "dp-core",
      abstract: "What private training must keep: accounts, lengths, sensitivity, audits.",
      discussion: """
        Accountants against the values that four libraries publish; lengths and sums of records' \
        gradients against explicit ones; noise, sensitivity, and what is done wrong on purpose; \
        canaries in models trained with noise and without. \(PrivacyReproductionOptions.discussion)

        Example: ragbench reproduce dp-core --output runs/dp-core
        """)

    @OptionGroup var reproduction: PrivacyReproductionOptions
    @OptionGroup var options: SharedOptions

    func run() throws { try reproduction.perform(.core, options) }
  }
}

/// Flags of the reproductions on private training.
struct PrivacyReproductionOptions: ParsableArguments {
  static let discussion = """
    Each figure is over three seeds, --seed and the next two. Noise comes from seeds too, to be \
    repeatable: these models protect nobody. What is finished is kept: the same command with the \
    same --output goes on.
    """

  @OptionGroup var place: RunOptions
  @Flag(help: .hidden) var tiny = false

  func perform(_ paper: PrivacyReproduction.Paper, _ options: SharedOptions) throws {
    let bench = try Workbench(options)
    let bundle = try bench.quietBundle("medqa")
    let scale: ExperimentScale = tiny ? .tiny(seed: place.seed) : .full(seed: place.seed)
    let directory = try place.directory(
      "reproduce", corpus: paper.rawValue,
      description: [
        "scale": .string(scale.name), "passages": .string(bundle.passagesChecksum),
        "noise": .string(PrivacyReproduction.noiseLabel),
      ], locations: bench.locations, options: options)
    var texts: [String] = []
    try bundle.forEachPassage { texts.append($0.text) }
    let reproduction = PrivacyReproduction(paper, scale: scale, texts: texts)
    Output.note("noise: \(PrivacyReproduction.noiseLabel)", options)
    let progress = StageProgress(isQuiet: options.quiet)
    defer { progress.finish() }
    progress.begin(paper.rawValue, total: reproduction.partCount, unit: "parts")
    let result = try reproduction.perform(in: directory, threads: options.threadCount) {
      progress.advance(1, detail: $0)
    }
    progress.finish()
    try ReproduceCommand.show(result, directory, options)
    let measured = try RunRecord(directory.path).results?["reproduction"]?.objectValue
    guard options.format == .human, let curvature = measured.flatMap({ CurvatureTable($0) }) else {
      return
    }
    var table = TextTable(CurvatureTable.columns.map { .init($0, .right) })
    for row in curvature.rows { table.append(row) }
    Output.result("\nWhat stands against a private step: \(curvature.name)")
    Output.table(table, options)
  }
}
