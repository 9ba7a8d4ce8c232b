import ArgumentParser
import Basics
import Evaluation
import Models
import SystemPackage
import Training

extension TrainCommand {
  /// `ragbench train sft`: supervised fine-tuning of a generator.
  struct SFT: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "sft", abstract: "Fine-tunes a generator on prompts and completions.",
      discussion: """
        Each line of the file is one JSON object in a format of TRL: {"text": …}, {"prompt": …, \
        "completion": …}, {"messages": [ … ]}, or prompt and completion as lists of messages. Learnt \
        are completions and what the assistant says. A LoRA adapter is trained, which peft loads too, \
        unless --full asks for all weights. A share of the examples is held out: loss and perplexity \
        are measured on them, and the best epoch is kept.

        Example: ragbench train sft answers.jsonl --output runs/tuned
        Example: ragbench generate --adapter runs/tuned/adapter "Who is at risk of gout?"
        """)

    @Argument(help: "The examples, JSON Lines, plain or gzip.") var file: String
    @Option(help: "The generator to begin with: a name, a folder, or run:DIR.")
    var model = "SmolLM2-135M-Instruct"
    @Flag(help: "Train all weights, not an adapter.") var full = false
    @Option(help: "Rank of the adapter.") var loraRank = 8
    @Option(help: "The adapter's update is multiplied by ALPHA / RANK.") var loraAlpha = 16.0
    @Option(help: "Layers that are adapted, by the ends of their names; all-linear: all.")
    var loraTargets = CommaList(items: ["q_proj", "v_proj"])
    @Flag(help: "Multiply the update by ALPHA / √RANK (rsLoRA).") var rslora = false
    @Option(help: "Parameters that stay as they are, by the beginnings of their names.")
    var freeze: CommaList?
    @Flag(help: "Pack sequences, best fit first: a step takes so many groups, not sequences.")
    var packing = false
    @Flag(help: "Learn prompts too.") var learnPrompts = false
    @OptionGroup var training: TrainOptions
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var options: SharedOptions

    mutating func validate() throws {
      guard (1...65_536).contains(loraRank) else {
        throw ValidationError("--lora-rank is \(loraRank), expected 1 to 65536")
      }
      guard loraAlpha > 0, Float(loraAlpha).isFinite else {
        throw ValidationError("--lora-alpha is \(loraAlpha), expected a number above 0")
      }
      if full {
        guard loraRank == 8, loraAlpha == 16, loraTargets.items == ["q_proj", "v_proj"], !rslora
        else {
          throw ValidationError("--full trains all weights: there is no adapter to choose")
        }
      } else if freeze != nil {
        throw ValidationError(
          "--freeze goes with --full: beside an adapter all weights stay as they are")
      }
    }

    func run() throws {
      let bench = try Workbench(options)
      let source = try bench.generatorDirectory(model)
      let lora: LoRAConfiguration? =
        full
        ? nil
        : LoRAConfiguration(
          rank: loraRank, alpha: loraAlpha,
          targets: loraTargets.items == ["all-linear"]
            ? .allLinear : .suffixes(loraTargets.items),
          isRankStabilized: rslora, baseModel: source.card.name)
      let path = FilePath(file)
      let records = try TrainingRecords.fineTuning(path)
      let description: JSONObject = [
        "data": .string(try Checksum.sha256(of: path)), "model": .string(source.card.name),
        "modelFiles": .string(source.fingerprint), "full": .bool(full),
        "lora": full ? .null : .object(loraDescription),
        "freeze": freeze.map { .array($0.items.map { .string($0) }) } ?? .null,
        "packing": .bool(packing), "learnPrompts": .bool(learnPrompts),
      ]
      var defaults = TrainingChoices()
      defaults.learningRate = full ? 2e-5 : 2e-4
      defaults.batchSize = 4
      try training.perform(
        "train-sft", name: path.stem ?? "data", defaults: defaults, description: description,
        run: runOptions, options: options
      ) { setup in
        try setup.generator().fineTune(
          source, on: records, lora: lora, frozen: freeze?.items ?? [], packs: packing,
          learnsPrompts: learnPrompts)
      }
    }

    private var loraDescription: JSONObject {
      [
        "rank": JSONValue(loraRank), "alpha": .number(loraAlpha),
        "targets": .array(loraTargets.items.map { .string($0) }), "rankStabilized": .bool(rslora),
      ]
    }
  }
}
