import ArgumentParser
import Basics
import Corpus
import Defenses
import Evaluation
import Retrieval
import SystemPackage

/// `ragbench detect`: how much poison detectors catch, and detectors fitted for use elsewhere.
struct DetectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detect", abstract: "Measures detectors, or fits one and saves it.",
    discussion: """
      Example: ragbench detect --corpus medqa --detector combined,mahalanobis
      Example: ragbench detect fit --corpus medqa --queries exam --output exam.detector
      """,
    subcommands: [Evaluate.self, Fit.self], defaultSubcommand: Evaluate.self)

  struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Attacks a corpus and measures how much of the poison is flagged.",
      discussion: """
        Questions are split: detectors are fitted on 40 %, calibrated on 20 % and tested on the \
        rest, on clean passages only. Poison is judged as --mode puts it into the corpus: joint \
        only if that is the only mode given, else solo.

        Example: ragbench detect --corpus medqa --detector mahalanobis --choose feature=pair
        Example: ragbench detect --corpus medqa --detector combined --after quarantine,demote
        """)

    @OptionGroup var selection: AttackOptions
    @Option(help: "Detectors, between commas (default: all that need no generator).") var detector:
      CommaList?
    @Option(
      help: "A choice for every detector that knows it: NAME=VALUE; for one: DETECTOR.NAME=VALUE.")
    var choose: [String] = []
    @Option(help: "One fit for each query set or one for all: query-set or global.")
    var grouping: String = DetectionProtocol.Grouping.querySet.rawValue
    @Option(
      help: "all: score a document's text to its end; first: only what its own vector stands for.")
    var windows = WindowChoice.all
    @Option(
      help: """
        What is done about flagged passages, between commas: annotate, demote, quarantine; measures \
        what it costs on clean rankings and what it keeps away.
        """)
    var after: CommaList?
    @Option(help: "What the 5 % of --after count: query or pair.")
    var per = DetectionCalibration.Unit.query
    @OptionGroup var runOptions: RunOptions
    @OptionGroup var options: SharedOptions

    func run() throws {
      let bench = try Workbench(options)
      let bundle = try bench.bundle(selection.corpus)
      let settings = try selection.settings(for: bundle, seed: runOptions.seed)
      guard let grouping = DetectionProtocol.Grouping(rawValue: grouping) else {
        throw UsageError(
          "--grouping is '\(TerminalText.excerpt(grouping))', expected query-set or global")
      }
      let detection = DetectionProtocol(
        detectors: try DetectCommand.choices(detector?.items, choose), grouping: grouping,
        windows: windows, mode: settings.modes == [.joint] ? .joint : .solo,
        reach: settings.ks.first ?? 1, seed: settings.seed)
      let response = try after.map { after in
        ResponseProtocol(policies: try after.items.map(DetectCommand.policy), unit: per)
      }
      var description = try selection.description(settings, bundle, bench)
      description["detection"] = detection.json
      description["response"] = response?.json ?? .null
      let run = try runOptions.directory(
        "detect", corpus: bundle.name, description: description, locations: bench.locations,
        options: options)
      let attack = AttackRun(
        run: run, bundle: bundle, settings: settings,
        paraphrases: try selection.paraphraseTable(), measuresSuccess: false, detection: detection,
        response: response)
      try bench.perform(
        attack, retrievers: selection.retriever.items, settings: settings, run: run)
    }
  }

  struct Fit: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fits and calibrates a detector on a corpus's clean passages and saves it.",
      discussion: """
        Two thirds of the questions are learnt from, one third calibrates.

        Example: ragbench detect fit --corpus medqa --output medqa.detector
        """)

    @Option(help: "Corpus whose passages are clean.") var corpus: String
    @Option(help: "Query sets, between commas (default: all of the corpus).")
    var queries: CommaList?
    @Option(help: "The detector.") var detector = "combined"
    @Option(help: "A choice of the detector: NAME=VALUE.") var choose: [String] = []
    @Option(help: "The retriever.") var retriever = "all-MiniLM-L6-v2"
    @Option(help: "File to write.") var output: String
    @Option(
      help: "all: score a document's text to its end; first: only what its own vector stands for.")
    var windows = WindowChoice.all
    @Option(help: "Seed of the split.") var seed: UInt64 = 1
    @Flag(help: "Replace a file that exists.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let choice = try DetectCommand.choices([detector], choose)[0]
      let path = FilePath(output)
      guard force || !path.exists else {
        throw UsageError("'\(path.shown)' exists; add --force to replace it")
      }
      try AtomicFile.checkCreatable(path)
      let bench = try Workbench(options)
      let bundle = try bench.bundle(corpus)
      let embedder = try bench.embedder(retriever)
      let index = try bench.index(bundle, embedder)
      let fitted = try DetectorFitting(
        bundle: bundle, index: index, embedder: embedder, seed: seed
      ).fit(choice, on: queries?.items ?? bundle.querySets, windows: windows)
      try DetectorFile.write(fitted, to: path)
      Output.note("detector \(choice.detector) written to \(path.shown)", options)
    }
  }

  private static func policy(_ name: String) throws -> DetectionPolicy {
    guard let policy = DetectionPolicy(rawValue: name) else {
      let known = DetectionPolicy.allCases.map(\.rawValue)
      throw UsageError(
        "--after is '\(TerminalText.excerpt(name))', expected \(known.joined(separator: ", "))"
          + NearestName.hint(for: name, in: known))
    }
    return policy
  }

  /// Detectors with the choices that each of them knows; a choice that none knows is refused.
  ///
  /// `NAME=VALUE` is for every detector that knows the name, `DETECTOR.NAME=VALUE` for that one.
  static func choices(
    _ names: [String]?, _ assignments: [String]
  ) throws -> [DetectorChoice] {
    let parameters = try DetectorParameters(parsing: assignments)
    let kinds = try (names ?? DetectorRegistry.standardNames).map {
      try DetectorRegistry.kind(named: $0)
    }
    let shared = kinds.flatMap { $0.metadata.parameters.map(\.name) }
    let known = kinds.flatMap { kind in
      kind.metadata.parameters.map { "\(kind.metadata.name).\($0.name)" }
    }
    for name in parameters.values.keys.sorted() where !(shared + known).contains(name) {
      throw UsageError(
        "no detector here has a choice '\(TerminalText.excerpt(name))'"
          + NearestName.hint(for: name, in: shared + known))
    }
    return try kinds.map { kind in
      let names = Set(kind.metadata.parameters.map(\.name))
      var own = parameters.values.filter { names.contains($0.key) }
      own.merge(parameters.nested(kind.metadata.name).values) { $1 }
      let choices = DetectorParameters(own)
      try kind.check(choices)
      return DetectorChoice(kind.metadata.name, choices)
    }
  }
}
