import ArgumentParser
import Basics
import Models
import SystemPackage
import Tensors

/// `ragbench generate`: what a generator writes.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Lets a generator answer a prompt.",
    discussion: """
      The prompt is a message to the assistant, in the model's chat template; --raw writes on from \
      the text as it is. The text appears as it is written. Temperature 0 takes the most probable \
      token each time; anything else draws, repeatably under --seed.

      Example: ragbench generate "What is gout?"
      Example: ragbench generate --raw "The heart is" --max-tokens 40 --temperature 0.8 --top-p 0.95
      Example: ragbench generate --adapter runs/tuned/adapter "Who is at risk of gout?"
      """)

  @Argument(help: "The prompt.") var prompt: String
  @OptionGroup var generator: GeneratorOptions
  @Option(help: "What the model is told before (default: what its template has).")
  var system: String?
  @Flag(help: "Write on from the text as it is, without the chat template.") var raw = false
  @Option(help: "Most tokens that are written.") var maxTokens = 256
  @Option(help: "0: the most probable token; else how freely tokens are drawn.")
  var temperature = 0.0
  @Option(help: "Draw among so many most probable tokens only.") var topK: Int?
  @Option(help: "Draw among the most probable tokens that reach this probability.") var topP = 1.0
  @Option(help: "Seed of the draws.") var seed: UInt64 = 1
  @Option(help: "A text that ends the answer; may be repeated.") var stop: [String] = []
  @OptionGroup var options: SharedOptions

  func run() throws {
    let sampling = try Sampling(temperature: temperature, topK: topK, topP: topP)
    guard !raw || system == nil else { throw UsageError("--system does not go with --raw") }
    let loaded = try generator.load(Workbench(options))
    let tokens = try promptTokens(loaded.files)
    let isHuman = options.format == .human
    let outputs = try Generator(decoder: try loaded.decoder(), text: loaded.text).write(
      from: [tokens],
      .init(maximumTokens: maxTokens, sampling: sampling, seed: seed, stopStrings: stop),
      in: ComputeContext(threads: options.threadCount)
    ) { _, piece in
      guard isHuman else { return }
      Output.piece(Self.shown(piece))
    }
    guard let output = outputs.first else { return }
    if isHuman { return Output.piece("\n") }
    try Output.results(
      [
        .object([
          "prompt": .string(prompt), "text": .string(output.text),
          "promptTokens": JSONValue(tokens.count), "tokens": JSONValue(output.tokens.count),
          "ending": .string(output.ending.rawValue),
          "logProbability": .number(output.logProbabilities.reduce(0, +)),
        ])
      ], options.format)
  }

  /// Text safe for a terminal, its lines kept.
  private static func shown(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { TerminalText.escaped(String($0)) }.joined(separator: "\n")
  }

  private func promptTokens(_ files: GeneratorFiles) throws -> [Int32] {
    if raw { return files.tokenizer.encode(prompt).ids }
    guard let template = try files.chatTemplate() else {
      throw UsageError("the model has no chat template; --raw writes on from the text as it is")
    }
    let messages = (system.map { [ChatMessage(.system, $0)] } ?? []) + [ChatMessage(.user, prompt)]
    return template.tokens(of: messages, addsGenerationPrompt: true).ids
  }
}

/// Which generator, and what is put on it.
struct GeneratorOptions: ParsableArguments {
  @Option(help: "Generator: an installed model, the path of a folder, or run:DIR.")
  var model = "SmolLM2-135M-Instruct"
  @Option(help: "Folder of a LoRA adapter of that model.") var adapter: String?

  /// A generator with its adapter.
  struct Loaded {
    let directory: ModelDirectory
    let files: GeneratorFiles
    let text: TokenDecoder
    let adapter: FilePath?

    /// The weights, packed for inference.
    func decoder() throws -> TransformerDecoder {
      try TransformerDecoder(directory: directory.path, adapter: adapter)
    }
  }

  func load(_ bench: Workbench) throws -> Loaded {
    let directory = try bench.generatorDirectory(model)
    let files = try GeneratorFiles(directory: directory.path)
    guard let text = files.tokenizer.decoder else {
      throw InputError(
        "the tokenizer cannot turn tokens into text", at: Place(file: directory.path.shown))
    }
    let adapter = adapter.map { FilePath($0) }
    if let adapter { try check(adapter, of: directory, bench) }
    return Loaded(directory: directory, files: files, text: text, adapter: adapter)
  }

  /// Refuses an adapter that was trained here on another model, and tells of one whose own name for its
  /// model is another.
  private func check(
    _ adapter: FilePath, of directory: ModelDirectory, _ bench: Workbench
  ) throws {
    let base = try LoRAAdapter.base(of: adapter)
    let name = TerminalText.excerpt(base.name ?? "another model")
    if let fingerprint = base.fingerprint {
      guard fingerprint == directory.fingerprint else {
        throw InputError(
          "the adapter was trained on '\(name)', and '\(directory.card.name)' has other files",
          at: Place(file: adapter.shown))
      }
    } else if let named = base.name, FilePath(named).lastComponent?.string != directory.card.name {
      Output.note(
        "the adapter names '\(name)' as its model, and is used with '\(directory.card.name)'",
        bench.options)
    }
  }
}

extension Workbench {
  /// The folder of a generator.
  func generatorDirectory(_ name: String) throws -> ModelDirectory {
    try ModelLibrary(locations).generator(name, catalogue: ModelCatalogue.shipped(locations))
  }
}
