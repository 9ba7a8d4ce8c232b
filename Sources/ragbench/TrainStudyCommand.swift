import ArgumentParser
import Basics
import Corpus
import Evaluation
import Models
import Reports
import SystemPackage
import Tensors

extension TrainCommand {
  /// `ragbench train study`: a training experiment from one file.
  struct Study: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Runs a training experiment: settings, seeds, before and after.",
      discussion: """
        The experiment is a TOML file: a model, data, settings with choices left open, seeds. What is \
        left open is chosen on a share of the training data; then each seed is trained, and the \
        models are held against the one before on test data that took no part in either. What is \
        finished is kept: after an interruption the same command with the same --output goes on.

        Example: ragbench train study Experiments/training-scifact.toml --output runs/scifact
        Example: ragbench train study Experiments/training-ohsumed.toml --data DIR
        Example: ragbench train study Experiments/training-notes.toml --data DIR
        """)

    @Argument(help: "The experiment, a TOML file.") var file: String
    @Option(help: "Folder of the files that it names (default: its own).") var data: String?
    @Option(help: "Run directory (default: $RAGBENCH_HOME/runs/study-NAME-TIME).")
    var output: String?
    @Flag(help: "Redo a run that is finished or was made with other arguments.") var force = false
    @OptionGroup var options: SharedOptions

    func run() throws {
      let plan = try TrainingStudyPlan(contentsOf: FilePath(file))
      let bench = try Workbench(options)
      let source =
        if case .generator = plan.subject {
          try bench.generatorDirectory(plan.model)
        } else {
          try bench.modelDirectory(plan.model)
        }
      let folder = data.map { FilePath($0) } ?? FilePath(file).removingLastComponent()
      let checksum =
        switch plan.subject {
        case .retriever(let pairs): try bench.quietBundle(pairs.corpus).checksum
        case .classifier(let texts): try Checksum.sha256(of: folder.appending(texts.file))
        case .generator(let notes): try Checksum.sha256(of: folder.appending(notes.file))
        }
      let path =
        output.map { FilePath($0) }
        ?? RunDirectory.defaultPath(command: "study", corpus: plan.name, in: bench.locations)
      let directory = try RunDirectory(
        path,
        description: [
          "command": .string("train-study"), "plan": .object(plan.json),
          "data": .string(checksum),
          "modelFiles": .string(source.fingerprint), "version": .string(Ragbench.version),
          "instructionSet": .string(ComputeContext.instructionSet),
        ], force: force)
      for warning in directory.warnings { Output.error("ragbench: warning: \(warning)") }
      let progress = TrainingProgress(options)
      defer { progress.finish() }
      let clock = ContinuousClock()
      let start = clock.now
      let study = TrainingStudy(
        run: directory, plan: plan, source: source,
        surroundings: Surroundings(
          bundle: { try bench.quietBundle($0) }, embedder: { try bench.embedder($0) },
          index: { try bench.index($0, $1) }),
        folder: folder,
        context: ComputeContext(threads: options.threadCount)
      ) { step in
        switch step {
        case .training(let setting, let candidate, let seed):
          progress.finish()
          Output.note("\(setting), \(candidate), seed \(seed)", options)
        case .progress(let report): progress.show(report)
        case .test(let system):
          progress.finish()
          Output.note("testing \(TerminalText.excerpt(system))", options)
        }
      }
      let results = try study.perform()
      progress.finish()
      try directory.finish(
        results: results, timings: ["seconds": .number((clock.now - start) / .seconds(1))])
      try show(results, directory.path)
    }

    private func show(_ results: JSONObject, _ path: FilePath) throws {
      if options.format != .human { return try Output.results([.object(results)], options.format) }
      var table = TextTable([
        .init("setting"), .init("metric"), .init("before", .right), .init("after", .right),
        .init("difference", .right), .init("95 % interval", .right), .init("p", .right),
      ])
      for setting in try results.objects("settings") {
        for (metric, value) in try setting.object("metrics").members {
          let row = try value.requiredObject(at: Place())
          let difference = try row.optionalObject("difference")
          func number(_ object: JSONObject?, _ key: String) -> String {
            object?[key]?.doubleValue.map { Format.decimals($0, 4) } ?? "n/a"
          }
          table.append([
            try setting.string("name"), metric, number(row, "before"), number(row, "after"),
            number(difference, "value"),
            "\(number(difference, "lower")) to \(number(difference, "upper"))",
            number(difference, "p"),
          ])
        }
      }
      Output.result(options.style.bold(TerminalText.excerpt(try results.string("title"))))
      Output.table(table, options)
      let figures = TrainingFigures(results)
      if !figures.rows.isEmpty {
        var table = TextTable(
          [.init("setting")] + figures.columns.map { .init($0, .right) })
        for row in figures.rows { table.append([row.setting] + row.values) }
        Output.result("")
        Output.table(table, options)
        if let warning = figures.warning { Output.result(warning) }
      }
      Output.note("run directory: \(path.shown)", options)
    }
  }
}
