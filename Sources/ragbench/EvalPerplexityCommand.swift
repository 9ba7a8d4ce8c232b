import ArgumentParser
import Basics
import Corpus
import Glibc
import Models
import Statistics
import SystemPackage
import Tensors

extension EvalCommand {
  /// `ragbench eval perplexity`: how well a generator foretells texts.
  struct PerplexityOfTexts: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "perplexity", abstract: "Measures how well a generator foretells texts.",
      discussion: """
        The texts are the passages of a corpus, or the field "text" of a JSON Lines file. Every token \
        but each text's first is predicted from those before it; texts longer than the model's context \
        are cut, and counted. The perplexity is that of all tokens together, with a 95 % bootstrap \
        interval over texts. With --format jsonl each text has a line.

        Example: ragbench eval perplexity --corpus medqa --limit 100
        Example: ragbench eval perplexity texts.jsonl --model run:runs/small --format jsonl
        """)

    @Argument(help: "Texts, JSON Lines, plain or gzip.") var file: String?
    @Option(help: "A corpus, whose passages are the texts.") var corpus: String?
    @Option(help: "The first so many texts (default: all).") var limit: Int?
    @OptionGroup var generator: GeneratorOptions
    @OptionGroup var options: SharedOptions

    private struct Text {
      var id: String
      var text: String
    }

    mutating func validate() throws {
      guard (file == nil) != (corpus == nil) else {
        throw ValidationError("expected a file or --corpus, and not both")
      }
      if let limit, limit < 1 {
        throw ValidationError("--limit is \(limit), expected 1 or more")
      }
    }

    func run() throws {
      let bench = try Workbench(options)
      let loaded = try generator.load(bench)
      let texts = try texts(bench)
      let decoder = try loaded.decoder()
      let context = ComputeContext(threads: options.threadCount)
      let scorer = TextPerplexity(decoder, tokenizer: loaded.files.tokenizer)
      let progress = StageProgress(isQuiet: options.quiet)
      defer { progress.finish() }
      progress.begin("perplexity", total: texts.count, unit: "texts")
      var values: [(text: Text, value: Perplexity)] = []
      var lines: [JSONValue] = []
      var (unscored, cut) = (0, 0)
      for text in texts {
        let scored = try scorer.measure(text.text, in: context)
        if scored.isCut { cut += 1 }
        lines.append(
          .object([
            "id": .string(text.id), "tokens": JSONValue(scored.value?.tokens ?? 0),
            "perplexity": scored.value.map { .number($0.value) } ?? .null,
            "cut": .bool(scored.isCut),
          ]))
        if let value = scored.value { values.append((text, value)) } else { unscored += 1 }
        progress.advance(1)
      }
      progress.finish()
      guard !values.isEmpty else { throw InputError("no text has two tokens or more") }
      if options.format == .jsonl { return try Output.results(lines, .jsonl) }
      var random = Philox(seed: 1)
      let estimate = try Bootstrap.clustered(values.map(\.value), using: &random) { drawn in
        exp(
          drawn.reduce(0) { $0 + $1.negativeLogLikelihood }
            / Double(drawn.reduce(0) { $0 + $1.tokens }))
      }.value
      let interval = values.count > 1 ? estimate?.interval : nil
      try Output.facts(
        [
          ("model", .string(loaded.directory.card.name)),
          ("texts", JSONValue(values.count)), ("cut", JSONValue(cut)),
          ("withoutTwoTokens", JSONValue(unscored)),
          ("tokens", JSONValue(values.reduce(0) { $0 + $1.value.tokens })),
          ("perplexity", estimate.map { .number($0.value) } ?? .null),
          // One text says nothing of others.
          ("lower", interval.map { .number($0.lower) } ?? .null),
          ("upper", interval.map { .number($0.upper) } ?? .null),
        ], options)
    }

    private func texts(_ bench: Workbench) throws -> [Text] {
      var texts: [Text] = []
      let most = limit ?? .max
      if let corpus {
        let bundle = try bench.quietBundle(corpus)
        try bundle.forEachPassage { passage in
          if texts.count < most { texts.append(Text(id: passage.id, text: passage.text)) }
        }
        return texts
      }
      var lines = try LineReader(FilePath(file ?? "-"))
      while texts.count < most, let line = try lines.next() {
        if line.isBlank { continue }
        let place = Place(file: lines.name, line: line.number, byteOffset: line.byteOffset)
        let object = try JSONParser.parse(line, file: lines.name).requiredObject(at: place)
        let id = object["id"] ?? object["_id"]
        texts.append(
          Text(
            id: id?.stringValue ?? id?.intValue.map(String.init) ?? "\(line.number)",
            text: try object.string("text", at: place)))
      }
      return texts
    }
  }
}
