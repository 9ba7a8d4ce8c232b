import ArgumentParser
import Basics
import Corpus
import Evaluation
import Retrieval
import SystemPackage
import Tensors

/// `ragbench sweep`: a grid of experiments from one file, whole or in parts.
struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep", abstract: "Runs a grid of experiments, or joins its parts.",
    discussion: """
      Example: ragbench sweep Experiments/bundled.toml
      Example: ragbench sweep merge part-1 part-2 --output whole
      """,
    subcommands: [Run.self, Merge.self], defaultSubcommand: Run.self)

  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Runs a grid of experiments.",
      discussion: """
        The grid is a TOML file: corpora, retrievers, query sets, attacks, payload kinds, seeds and \
        detectors, each combined with each. What is finished is kept: after an interruption the \
        same command with the same --output goes on.

        Example: ragbench sweep run Experiments/bundled.toml --output runs/bundled
        Example: ragbench sweep run Experiments/grid225.toml --dry-run
        Example: ragbench sweep run Experiments/grid225.toml --only corpus=textbooks \
        --shard 1/4 --output part-1
        """)

    @Argument(help: "The grid, a TOML file.") var file: String
    @Option(
      help: "AXIS=NAME,…: only these of an axis (corpus, retriever, set, attack, seed, payload).")
    var only: [String] = []
    @Option(help: "AXIS=NAME,…: all but these of an axis.") var except: [String] = []
    @Option(help: "I/N: only part I of N; 'sweep merge' joins them.") var shard: String?
    @Flag(help: "Print what would be done, with an estimate; do nothing.") var dryRun = false
    @Option(help: "Run directory (default: $RAGBENCH_HOME/runs/sweep-NAME-TIME).")
    var output: String?
    @Flag(help: "Redo a run that is finished or was made with other arguments.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let selection = try SweepSelection(
        only: only, except: except, shard: shard.map { try .init(parsing: $0) })
      let plan = try selection.applied(to: SweepPlan(contentsOf: FilePath(file)))
      let bench = try Workbench(options)
      let surroundings = bench.sweepSurroundings(plan)
      let bundles = try SweepRun.bundles(of: plan, surroundings)
      for (_, bundle) in bundles { bench.introduce(bundle) }
      if dryRun {
        let estimate = try SweepEstimate(
          plan, selection, bundles, surroundings, indexes: bench.locations.indexes)
        return try show(estimate)
      }
      // Retrievers that are missing are found before hours of work, not after.
      for name in plan.retrievers { _ = try bench.modelDirectory(name) }
      var description = SweepRun.description(plan, bundles, shard: selection.shard)
      description["command"] = .string("sweep")
      description["version"] = .string(Ragbench.version)
      description["instructionSet"] = .string(ComputeContext.instructionSet)
      let path =
        output.map { FilePath($0) }
        ?? RunDirectory.defaultPath(command: "sweep", corpus: plan.name, in: bench.locations)
      let directory = try RunDirectory(path, description: description, force: force)
      for warning in directory.warnings { Output.error("ragbench: warning: \(warning)") }
      let sweep = SweepRun(
        run: directory, plan: plan, selection: selection, bundles: bundles,
        surroundings: surroundings)
      let results = try SweepCommand.perform(sweep, options)
      try sweep.finish(results)
      try SweepCommand.show(results, path, options)
    }

    private func show(_ estimate: SweepEstimate) throws {
      if options.format != .human {
        return try Output.results([.object(estimate.json)], options.format)
      }
      Output.table(estimate.table, options)
      Output.result(estimate.summary)
    }
  }

  struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Joins the parts of a grid that were run with --shard.",
      discussion: """
        The results are those of the undivided run, byte for byte.

        Example: ragbench sweep merge part-1 part-2 part-3 --output whole
        """)

    @Argument(help: "Run directories of all parts.") var parts: [String]
    @Option(help: "Run directory to write.") var output: String
    @Flag(help: "Redo a run that is finished or was made with other arguments.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let path = FilePath(output)
      let results = try SweepMerge(parts.map { FilePath($0) }).write(to: path, force: force)
      try SweepCommand.show(results, path, options)
    }
  }

  /// Runs a grid with progress for the whole and for the present unit.
  static func perform(_ sweep: SweepRun, _ options: SharedOptions) throws -> JSONObject {
    let progress = StageProgress(isQuiet: options.quiet)
    defer { progress.finish() }
    var label = ""
    return try sweep.perform(
      begin: { step in
        switch step {
        case .unit(let number, let count, let unit):
          label = "\(number)/\(count) \(unit.corpus) \(unit.retriever) \(unit.querySet)"
          progress.finish()
          Output.note(label, options)
        case .stage(let name, let total):
          progress.begin("\(label): \(name)", total: total, unit: "texts")
        }
      }, advance: { progress.advance($0) })
  }

  private static func show(_ results: JSONObject, _ path: FilePath, _ options: SharedOptions) throws
  {
    if options.format != .human { return try Output.results([.object(results)], options.format) }
    for section in SweepTables(results).sections {
      Output.result(options.style.bold(section.title))
      Output.table(section.table, options)
      Output.result(section.note + "\n")
    }
    Output.note("run directory: \(path.shown)", options)
  }
}
