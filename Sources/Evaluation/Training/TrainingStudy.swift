public import Basics
import Corpus
public import Models
import Retrieval
public import SystemPackage
public import Tensors

/// A training experiment in a run directory. Each training is a run of its own below `runs/`, so what
/// is finished is never done again.
public struct TrainingStudy {
  /// What is told to the user.
  public enum Step: Sendable {
    /// A training of a candidate under a seed begins, or was done before.
    case training(setting: String, candidate: String, seed: UInt64)
    /// How it goes on.
    case progress(TrainingRun.Progress)
    /// A test begins.
    case test(String)
  }

  let run: RunDirectory
  let plan: TrainingStudyPlan
  let source: ModelDirectory
  let surroundings: Surroundings
  let folder: FilePath
  let context: ComputeContext
  let report: (Step) -> Void

  /// An experiment.
  ///
  /// - Parameters:
  ///   - run: Where it is kept; its description holds the plan and the model's fingerprint.
  ///   - plan: The experiment.
  ///   - source: The model of the plan.
  ///   - surroundings: Where corpora, retrievers and indexes come from.
  ///   - folder: Where the files lie that the plan names.
  ///   - context: Where it is computed.
  ///   - report: Told what is going on.
  public init(
    run: RunDirectory, plan: TrainingStudyPlan, source: ModelDirectory,
    surroundings: Surroundings, folder: FilePath, context: ComputeContext,
    report: @escaping (Step) -> Void
  ) {
    self.run = run
    self.plan = plan
    self.source = source
    self.surroundings = surroundings
    self.folder = folder
    self.context = context
    self.report = report
  }

  /// Trains and measures what is not done yet.
  ///
  /// - Returns: The content of `results.json`: for each setting the candidates with their values on the
  ///   held-out share, the chosen one, and before, after and difference of each metric on the test
  ///   data.
  /// - Throws: What reading, training, searching and writing throw.
  public func perform() throws -> JSONObject {
    let subject: any TrainingSubject =
      switch plan.subject {
      case .retriever(let pairs): try RetrieverSubject(pairs, study: self)
      case .classifier(let texts): try ClassifierSubject(texts, study: self)
      case .generator(let notes): try GeneratorSubject(notes, study: self)
      }
    var trained:
      [(chosen: TrainingStudyPlan.Candidate, candidates: [JSONValue], runs: [FilePath])] =
        []
    for setting in plan.settings {
      let (chosen, candidates) = try choose(setting, subject)
      let runs = try plan.seeds.map { try train(setting, chosen, seed: $0, subject).path }
      trained.append((chosen, candidates, runs))
    }
    let comparisons = try subject.comparisons(of: trained.map(\.runs))
    let settings = try zip(plan.settings, zip(trained, comparisons)).map { setting, found in
      let (entry, comparison) = found
      let measured = try zip(plan.seeds, entry.runs).map { seed, path in
        try self.figures(subject, path, setting.name, seed: seed)
      }
      return JSONValue.object([
        "name": .string(setting.name), "candidates": .array(entry.candidates),
        "chosen": .string(entry.chosen.name), "metrics": .object(comparison.json),
        "units": JSONValue(comparison.units), "figures": .array(measured.map { .object($0) }),
      ])
    }
    let untrained = try run.recorded("figures", ["setting": "before"]) {
      try subject.figures(of: nil)
    }
    return [
      "study": .string(plan.name), "title": .string(plan.title), "model": .string(plan.model),
      "seeds": plan.json["seeds"] ?? .null, "data": .object(subject.data),
      "before": .string(subject.before), "settings": .array(settings),
      "figures": .object(untrained),
    ]
  }

  /// What else is told of a trained model, with the account of private training.
  private func figures(
    _ subject: any TrainingSubject, _ path: FilePath, _ setting: String, seed: UInt64
  ) throws -> JSONObject {
    try run.recorded(
      "figures", ["setting": .string(setting), "seed": .string("\(seed)")]
    ) {
      var figures = try subject.figures(of: path)
      if let account = try RunRecord(path).results?["privacy"] { figures["privacy"] = account }
      return figures
    }
  }

  /// The candidate with the best value on the held-out share of the training data under the first
  /// seed, the first of equal ones.
  private func choose(
    _ setting: TrainingStudyPlan.Setting, _ subject: any TrainingSubject
  ) throws -> (TrainingStudyPlan.Candidate, [JSONValue]) {
    guard setting.candidates.count > 1, let seed = plan.seeds.first else {
      return (setting.candidates[0], [])
    }
    var best: (candidate: TrainingStudyPlan.Candidate, value: Double)?
    var values: [JSONValue] = []
    for candidate in setting.candidates {
      let results = try train(setting, candidate, seed: seed, subject).results
      let value = try results.objects("evaluations").compactMap { $0["value"]?.doubleValue }.max()
      guard let value else { throw InputError("a training of '\(setting.name)' has no evaluation") }
      values.append(.object(["name": .string(candidate.name), "value": .number(value)]))
      if best.map({ value > $0.value }) ?? true { best = (candidate, value) }
    }
    return (best?.candidate ?? setting.candidates[0], values)
  }

  private func train(
    _ setting: TrainingStudyPlan.Setting, _ candidate: TrainingStudyPlan.Candidate, seed: UInt64,
    _ subject: any TrainingSubject
  ) throws -> (path: FilePath, results: JSONObject) {
    report(.training(setting: setting.name, candidate: candidate.name, seed: seed))
    let path = run.path.appending("runs").appending(setting.folder)
      .appending(TrainingStudyPlan.fileName(candidate.name)).appending("seed-\(seed)")
    var choices = candidate.choices
    choices.seed = seed
    var description = choices.description
    description["command"] = .string(subject.command)
    description["seed"] = Int64(exactly: seed).map { .integer($0) } ?? .string("\(seed)")
    description["data"] = .string(subject.checksum)
    description["model"] = .string(source.card.name)
    description["modelFiles"] = .string(source.fingerprint)
    for key in ["version", "instructionSet"] { description[key] = run.description[key] }
    var isOther = false
    if path.appending(RunDirectory.descriptionName).exists {
      let record = try RunRecord(path)
      if record.description == description, let results = record.results { return (path, results) }
      isOther = record.description != description
    }
    let clock = ContinuousClock()
    let start = clock.now
    var opened: RunDirectory?
    let setup = try TrainingSetup(
      choices: choices, context: context, command: subject.command, description: description,
      report: { report(.progress($0)) },
      open: {
        // A run of another plan that was thrown away with --force is no use; this one goes on.
        let directory = try RunDirectory(path, description: description, force: isOther)
        opened = directory
        return directory
      })
    let results = try subject.train(setup)
    if let opened {
      try TrainingRun.finish(opened, results: results, seconds: (clock.now - start) / .seconds(1))
    }
    return (path, results)
  }
}

/// What an experiment trains and tests.
protocol TrainingSubject {
  /// The command that a single training belongs to.
  var command: String { get }
  /// Checksum of the training data.
  var checksum: String { get }
  /// Sizes and checksums of the data.
  var data: JSONObject { get }
  /// What the comparison begins with.
  var before: String { get }
  /// Trains once.
  func train(_ setup: TrainingSetup) throws -> JSONObject
  /// Holds the models of finished runs against what was before, on the test data: one comparison for
  /// each setting's runs.
  func comparisons(of runs: [[FilePath]]) throws -> [PairedComparison]
  /// What is told of one model beside its comparison, such as what it leaks; nil: of the one before
  /// training.
  func figures(of run: FilePath?) throws -> JSONObject
}

extension TrainingSubject {
  /// Nothing more is told.
  func figures(of run: FilePath?) throws -> JSONObject {
    [:]
  }
}
