import ArgumentParser
import Basics
import Corpus
import Evaluation
import Models
import Retrieval
import SystemPackage
import Tensors

/// `ragbench reproduce`: a paper's claims as small experiments.
struct ReproduceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reproduce", abstract: "Measures a paper's claims: paper, ours, verdict.",
    discussion: """
      Without a paper, lists those that can be reproduced. A claim that does not hold is a result: \
      the exit status is 0.

      Example: ragbench reproduce rag-poisoning
      Example: ragbench reproduce rag-poisoning --corpus textbooks --questions 100
      Example: ragbench reproduce disk --output runs/disk
      """,
    subcommands: [
      List.self, RagPoisoningCommand.self, DiSKCommand.self, ContinualPretrainingCommand.self,
      CoreCommand.self,
    ], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the papers that can be reproduced.",
      discussion: "Example: ragbench reproduce list")

    @Argument(help: .hidden) var paper: String?
    @OptionGroup var options: SharedOptions

    func run() throws {
      if let paper {
        let names = ["rag-poisoning"] + PrivacyReproduction.Paper.allCases.map(\.rawValue)
        throw UsageError(
          "unknown paper '\(TerminalText.excerpt(paper))'" + NearestName.hint(for: paper, in: names)
            + " (there are: \(names.joined(separator: ", ")))")
      }
      var table = TextTable([.init("name"), .init("paper"), .init("about")])
      table.append([
        "rag-poisoning", RagPoisoning.paper, "universal poisoning, and the detector against it",
      ])
      for paper in PrivacyReproduction.Paper.allCases {
        table.append([paper.rawValue, paper.reference, paper.about])
      }
      Output.table(table, options)
    }
  }

  struct RagPoisoningCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rag-poisoning",
      abstract: "Universal poisoning of retrieval, and the detector that knows the distribution.",
      discussion: """
        The grid of the checks: every query set attacked word for word, by paraphrase, and by an \
        attacker who sees the detector; detectors fitted here, elsewhere, and on poisoned anchors. \
        What is finished is kept: the same command with the same --output goes on.

        Example: ragbench reproduce rag-poisoning
        Example: ragbench reproduce rag-poisoning --retriever all-MiniLM-L6-v2 --output runs/r
        """)

    /// The paper's own encoders, and WordLlama in all three ways of comparing: its vectors have
    /// lengths.
    private static let wanted = [
      "contriever", "medcpt", "specter", "wordllama@inner-product", "wordllama@cosine",
      "wordllama@l2",
    ]
    private static let medical = ["mmlu", "medqa", "medmcqa", "pubmedqa", "bioasq"]
    private static let payloads = ["pii", "diag", "msmarco", "nq", "hotpotqa"]

    @Option(help: "Corpus (default: textbooks if it is installed, else the bundled sample).")
    var corpus: String?
    @Option(
      help: """
        Retrievers, separated by commas (default: all-MiniLM-L6-v2, and of the paper's encoders \
        and WordLlama what is installed).
        """)
    var retriever: CommaList?
    @Option(help: "Questions drawn from each set; 0 takes all.") var questions = 200
    @OptionGroup var place: RunOptions
    @OptionGroup var options: SharedOptions

    mutating func validate() throws {
      guard questions >= 0 else {
        throw ValidationError("--questions is \(questions), expected 0 or more")
      }
    }

    func run() throws {
      let bench = try Workbench(options)
      let library = ModelLibrary(bench.locations)
      let names =
        retriever?.items
        ?? [defaultRetriever]
        + Self.wanted.filter { library.contains(String($0.split(separator: "@")[0])) }
      guard Set(names.map { UTF8Key($0) }).count == names.count else {
        throw UsageError("--retriever names a retriever twice")
      }
      let models = try names.map { try bench.modelDirectory($0).fingerprint }
      let corpora = try CorpusLibrary(bench.locations).names()
      let name = corpus ?? (corpora.contains("textbooks") ? "textbooks" : "medqa")
      let bundle = try bench.quietBundle(name)
      // The paper's where they are installed, else what the corpus has.
      let sets = Self.medical.filter { bundle.querySets.contains($0) }
      let payloads =
        Self.payloads.allSatisfy(bundle.payloadKinds.contains)
        ? Self.payloads : bundle.payloadKinds
      let plan = RagPoisoning.plan(
        corpora: [name], retrievers: names, querySets: sets.isEmpty ? bundle.querySets : sets,
        payloads: payloads, questions: questions == 0 ? nil : questions, seed: place.seed)
      try perform(plan, models, bench)
    }

    private func perform(_ plan: SweepPlan, _ models: [String], _ bench: Workbench) throws {
      let surroundings = bench.sweepSurroundings(plan)
      let bundles = try SweepRun.bundles(of: plan, surroundings)
      for (_, bundle) in bundles { bench.introduce(bundle) }
      let directory = try place.directory(
        "reproduce", corpus: plan.corpora[0],
        description: SweepRun.description(plan, bundles, models: models, shard: nil),
        locations: bench.locations,
        options: options)
      let sweep = SweepRun(
        run: directory, plan: plan, selection: try SweepSelection(), bundles: bundles,
        surroundings: surroundings)
      var results = try SweepCommand.perform(sweep, options)
      let isRepeated = try Repetition(of: plan, bundles, bench.plainSurroundings(plan)).equals(
        results, at: directory.path.appending("repetition"))
      let reproduction = RagPoisoning(plan, results: results).reproduction(
        isDeterministic: isRepeated)
      results["reproduction"] = .object(reproduction.json)
      try sweep.finish(results)
      try ReproduceCommand.show(reproduction, directory, options)
    }
  }

  /// Claims, figures, verdicts.
  static func show(
    _ reproduction: Reproduction, _ directory: RunDirectory, _ options: SharedOptions
  ) throws {
    if options.format != .human {
      return try Output.results([.object(reproduction.json)], options.format)
    }
    for section in reproduction.sections {
      Output.result(options.style.bold(section.title))
      Output.table(section.table, options)
      Output.result("")
    }
    Output.note("run directory: \(directory.path.shown)", options)
  }
}
