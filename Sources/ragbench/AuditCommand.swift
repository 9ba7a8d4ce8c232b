import ArgumentParser
import Basics
import Corpus
import Evaluation
import Models
import Privacy
import Statistics
import SystemPackage
import Tensors
import Training

/// `ragbench audit`: what a privacy guarantee says, and whether it holds.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Computes privacy guarantees, and what a trained model tells of its data.",
    discussion: """
      Example: ragbench audit epsilon --sigma 1 --rate 0.01 --steps 1000 --delta 1e-5
      Example: ragbench audit run:runs/tuned --data answers.jsonl
      """,
    subcommands: [Run.self, Epsilon.self], defaultSubcommand: Run.self)

  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Guesses which examples a finished training run was trained on.",
      discussion: """
        The examples that the run held out stand for those that were not in. Guessed is by loss, loss \
        against a reference model and least likely tokens (Min-20%) for a generator, by loss for a \
        classifier, by the similarity margin of question and passage for a retriever. AUC 0.5 is \
        guessing blindly. Beside the true positive rates stands what the run's ε allows at most: \
        e^ε · rate + δ.

        A run with --canaries is told more of: how exposed they are (at most log2 of those left out, plus \
        one), the ε that guesses about them refute with 95 % confidence, each way by itself, and the \
        share of made-up people's numbers that a generator writes when it is given the text before them.

        Example: ragbench audit run:runs/tuned --data answers.jsonl
        Example: ragbench audit run:runs/notes --data medquad --reference run:runs/public
        """)

    @Argument(help: "The run: run:DIR.") var target: String
    @Option(help: "The file that it was trained on; after train pretrain, the corpus.")
    var data: String
    @Option(help: "A model that never saw the data (default: the one that training began with).")
    var reference: String?
    @OptionGroup var options: SharedOptions

    func run() throws {
      guard target.utf8.starts(with: "run:".utf8) else {
        throw UsageError("'\(TerminalText.excerpt(target))': expected run:DIR")
      }
      let bench = try Workbench(options)
      let audit = try RunAudit(
        FilePath(String(target.dropFirst(4))), in: ComputeContext(threads: options.threadCount))
      let report = try report(audit, bench)
      if options.format != .human {
        let objects = try report.attacks.map { attack -> JSONValue in
          var object = attack.json
          object["attack"] = .string(attack.name)
          if let extraction = report.extraction {
            object["extraction"] = .object(try extraction.json())
          }
          return .object(object)
        }
        return try Output.results(objects, options.format)
      }
      try show(report, audit.guarantee)
    }

    private func report(_ audit: RunAudit, _ bench: Workbench) throws -> RunAudit.Report {
      /// The reference: named, or the model that training began with, if that can be found by its name.
      func known<Model>(_ load: (String) throws -> Model) throws -> Model {
        guard let name = reference ?? audit.model else {
          throw UsageError("the run began with a new model; --reference names one to compare with")
        }
        do { return try load(name) } catch let error as UsageError where reference == nil {
          throw UsageError("\(error.message); the run began with it: --reference says where it is")
        }
      }
      if audit.kind == .pretraining {
        let bundle = try bench.quietBundle(data)
        try audit.check(data: bundle.passagesChecksum, name: data)
        var texts: [String] = []
        try bundle.forEachPassage { texts.append($0.text) }
        return try audit.generator(
          pretrainedOn: texts,
          reference: audit.model == nil && self.reference == nil
            ? nil : known(bench.generatorDirectory))
      }
      let file = FilePath(data)
      try audit.check(data: try Checksum.sha256(of: file), name: file.shown)
      switch audit.kind {
      case .contrastive:
        return try audit.retriever(
          TrainingRecords.pairs(file), after: bench.embedder(target),
          before: known { try bench.embedder($0) })
      case .classifier:
        return try audit.classifier(
          TrainingRecords.labelledTexts(file), of: known(bench.modelDirectory))
      case .fineTuning, .pretraining:
        return try audit.generator(
          TrainingRecords.fineTuning(file), reference: known(bench.generatorDirectory))
      }
    }

    private func show(
      _ report: RunAudit.Report, _ guarantee: (epsilon: Double, delta: Double)
    ) throws {
      func number(_ value: JSONValue?) -> String {
        value?.doubleValue.map { Format.decimals($0, 3) } ?? "n/a"
      }
      let (included, excluded) = report.canaries
      let hasCanaries = included > 0 && excluded > 0
      var table = TextTable(
        [
          .init("attack"), .init("AUC", .right), .init("95 % interval", .right),
          .init("balanced accuracy", .right), .init("TPR at 0.1 %", .right),
          .init("ceiling", .right), .init("TPR at 1 %", .right), .init("ceiling", .right),
        ]
          + (hasCanaries
            ? [.init("exposure, bits", .right), .init("audited epsilon", .right)] : []))
      for attack in report.attacks {
        let area = attack.json["auc"]?.objectValue
        let rates = try attack.json.objects("rates").flatMap {
          [number($0["truePositiveRate"]?.objectValue?["value"]), number($0["ceiling"])]
        }
        table.append(
          [
            attack.name, number(area?["value"]),
            "\(number(area?["lower"])) to \(number(area?["upper"]))",
            number(attack.json["balancedAccuracy"]),
          ] + rates
            + (hasCanaries
              ? [number(attack.json["exposure"]), number(attack.json["epsilonLowerBound"])] : []))
      }
      Output.table(table, options)
      if included + excluded > 0 {
        Output.result("canaries: \(included) in, \(excluded) out")
      }
      if let extraction = report.extraction {
        Output.result(
          "extraction coverage: \(extraction.shown) of \(extraction.trials) numbers of planted people"
        )
      }
      Output.result(
        guarantee.epsilon.isFinite
          ? "epsilon \(Format.decimals(guarantee.epsilon, 4)) at delta \(guarantee.delta)"
          : "the run makes no private claim: the ceiling is 1")
    }
  }

  struct Epsilon: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The ε of DP-SGD, or the noise or steps that keep an ε.",
      discussion: """
        Each step takes every record with the same probability, independently (Poisson sampling), \
        and adds normal noise of standard deviation sigma × clipping length. Data sets are \
        neighbours if they differ by one record that is there or not. Without --sigma the smallest \
        noise that keeps --epsilon is found, without --steps the most steps, up to 1,000,000.

        PRV gives bounds of the exact ε, PLD checks it by another computation, RDP is a looser \
        bound, GDP an approximation that bounds nothing.

        Example: ragbench audit epsilon --sigma 1.1 --rate 0.01 --steps 1000 --delta 1e-5
        Example: ragbench audit epsilon --epsilon 8 --rate 0.01 --steps 1000 --delta 1e-5
        Example: ragbench audit epsilon --epsilon 3 --sigma 1.1 --rate 0.01 --delta 1e-5
        """)

    @Option(help: "Noise multiplier: standard deviation of the noise over the clipping length.")
    var sigma: Double?
    @Option(help: "Probability with which a step takes a record.") var rate: Double
    @Option(help: "Number of steps.") var steps: Int?
    @Option(help: "δ, the probability with which ε may fail; below 1 / records.") var delta: Double
    @Option(help: "The ε to keep: what is left out of --sigma and --steps is found.")
    var epsilon: Double?
    @Option(help: "Number of records, against which δ is checked.") var records: Int?
    @OptionGroup var options: SharedOptions

    func run() throws {
      if let records {
        guard records > 0 else { throw UsageError("--records is \(records), expected at least 1") }
        try PrivacyLedger.check(delta: delta, records: records)
      }
      let budget = try epsilon.map { try Calibration.Budget(epsilon: $0, delta: delta) }
      let phase = try phase(budget)
      if let budget { try Calibration(budget: budget).check(phase) }
      try Output.facts(facts(phase), options)
    }

    /// What is given, with what is left out found.
    private func phase(_ budget: Calibration.Budget?) throws -> SampledGaussian {
      let given = try SampledGaussian(
        noiseMultiplier: sigma ?? 1, rate: rate, steps: steps ?? 1)
      if sigma != nil, steps != nil { return given }
      guard let budget else {
        throw UsageError(
          "--sigma and --steps are both needed, or --epsilon with one of them: the other is found")
      }
      let calibration = Calibration(budget: budget)
      if let steps {
        return try SampledGaussian(
          noiseMultiplier: calibration.noiseMultiplier(rate: rate, steps: steps), rate: rate,
          steps: steps)
      }
      guard let sigma else {
        throw UsageError("--epsilon needs --sigma or --steps beside it")
      }
      let steps = try calibration.steps(noiseMultiplier: sigma, rate: rate)
      guard steps > 0 else {
        throw UsageError(
          "not one step at --sigma \(sigma) and --rate \(rate) keeps an ε of \(budget.epsilon)")
      }
      return try SampledGaussian(noiseMultiplier: sigma, rate: rate, steps: steps)
    }

    private func facts(_ phase: SampledGaussian) throws -> [(String, JSONValue)] {
      let phases = [phase]
      var facts: [(String, JSONValue)] = [
        ("sigma", .number(phase.noiseMultiplier)), ("rate", .number(phase.rate)),
        ("steps", JSONValue(phase.steps)), ("delta", .number(delta)),
        ("adjacency", .string(Adjacency.addOrRemoveOne.rawValue)), ("sampling", "poisson"),
      ]
      if let epsilon { facts.append(("epsilonTarget", .number(epsilon))) }
      let bounds = try ifComputable {
        try PRVAccountant(for: epsilon).bounds(of: phases, delta: delta)
      }
      facts += [
        ("epsilonPRV", json(bounds?.upper)), ("epsilonPRVEstimate", json(bounds?.estimate)),
        ("epsilonPRVLower", json(bounds?.lower)),
        (
          "epsilonPLD",
          json(try ifComputable { try PLDAccountant().epsilon(of: phases, delta: delta) })
        ),
        ("epsilonRDP", json(try RenyiAccountant().epsilon(of: phases, delta: delta))),
        (
          "epsilonGDPApproximation",
          json(try GaussianApproximation.epsilon(of: phases, delta: delta))
        ),
      ]
      return facts
    }

    private func ifComputable<Value>(_ compute: () throws -> Value) throws -> Value? {
      do { return try compute() } catch PrivacyError.notComputable { return nil }
    }

    private func json(_ epsilon: Double?) -> JSONValue {
      guard let epsilon else { return "not computable" }
      return epsilon.isFinite ? .number(epsilon) : "infinite"
    }
  }
}
