public import Basics
import Corpus
public import Models
import Privacy
public import Retrieval
public import Statistics
public import SystemPackage
public import Tensors
public import Training

/// What the model of a finished training run tells of its training data: membership inference, with the
/// held-out examples as those that were not in, and the canaries of the run, if it has some.
public struct RunAudit {
  /// Records that are scored of each part.
  private static let most = 2000
  /// Passages that a question's own is compared with.
  private static let references = 100

  /// What was trained.
  public enum Kind: String, Sendable {
    /// A retriever.
    case contrastive = "train-contrastive"
    /// A classifier.
    case classifier = "train-classify"
    /// A generator, on examples.
    case fineTuning = "train-sft"
    /// A generator, on the passages of a corpus.
    case pretraining = "train-pretrain"
  }

  /// One way to guess.
  public struct Attack: Sendable {
    /// `loss`, `reference`, `min-20%`, `margin` or `margin gain`.
    public let name: String
    /// Its figures.
    public let json: JSONObject
  }

  /// What was found.
  public struct Report: Sendable {
    /// Each way to guess.
    public let attacks: [Attack]
    /// The share of planted people's numbers that the generator writes; nil: there are none.
    public let extraction: Proportion?
    /// Canaries that were in and out.
    public let canaries: (included: Int, excluded: Int)
  }

  /// What was trained.
  public let kind: Kind
  /// The name of the model that training began with; nil for a new one.
  public let model: String?
  private let run: RunRecord
  private let results: JSONObject
  private let choices: TrainingChoices
  private let context: ComputeContext

  /// Opens a run.
  ///
  /// - Parameters:
  ///   - run: The run's directory.
  ///   - context: Where it runs.
  /// - Throws: `UsageError` for a run that is not finished or not one of training; `InputError` for a
  ///   description that cannot be read.
  public init(_ run: FilePath, in context: ComputeContext) throws {
    let record = try RunRecord(run)
    let command = record.description["command"]?.stringValue ?? ""
    guard let kind = Kind(rawValue: command) else {
      throw UsageError("'\(run.shown)' is a run of \(command): only those of training are audited")
    }
    guard let results = record.results else {
      throw UsageError("'\(run.shown)' is not finished: there is no model to audit")
    }
    self.kind = kind
    self.run = record
    self.results = results
    self.context = context
    model = record.description["model"]?.stringValue
    // What decides which records were in.
    var choices = TrainingChoices()
    choices.heldOut = try record.description.double("heldOut")
    choices.canaries = record.description["canaries"]?.intValue ?? 0
    choices.maximumTokens = record.description["maximumTokens"]?.intValue
    let written = record.description["seed"]
    guard
      let seed = written?.intValue.flatMap({ UInt64(exactly: $0) })
        ?? written?.stringValue.flatMap({ UInt64($0) })
    else {
      throw InputError("'seed' is none", at: Place(file: run.shown))
    }
    choices.seed = seed
    try choices.check()
    self.choices = choices
  }

  /// Refuses other data than the run's.
  ///
  /// - Parameters:
  ///   - checksum: Of the data.
  ///   - name: Theirs, for the message.
  /// - Throws: `InputError`.
  public func check(data checksum: String, name: String) throws {
    guard try utf8Equal(checksum, run.description.string("data")) else {
      throw InputError("it is not what the run was trained on", at: Place(file: name))
    }
  }

  /// ε and δ of the run: infinite and 0 without private training.
  public var guarantee: (epsilon: Double, delta: Double) {
    let account = results["privacy"]?.objectValue
    return (
      account?["epsilonPRV"]?.doubleValue ?? account?["epsilonRDP"]?.doubleValue ?? .infinity,
      account?["delta"]?.doubleValue ?? 0
    )
  }

  /// Guesses about the pairs of a retriever.
  ///
  /// - Parameters:
  ///   - pairs: All of the run.
  ///   - others: Pairs that were not in; nil: those that the run held out.
  ///   - after: The trained retriever.
  ///   - before: One that never saw the pairs.
  /// - Returns: What was found.
  /// - Throws: What embedding throws; `StatisticsError` for too few pairs.
  public func retriever(
    _ pairs: [TextPair], others: [TextPair]? = nil, after: Embedder, before: Embedder
  ) throws -> Report {
    var records = try RunRecords(pairs, choices)
    if let others { records = records.judged(by: others) }
    let count = min(Self.references, records.heldOut.count / 2)
    let references = records.heldOut.suffix(count).map(\.positive)
    records = records.judged(by: records.heldOut.dropLast(count))
    return try report(
      RetrieverScorer(after: after, before: before, references: references), records)
  }

  /// Guesses about the texts of a classifier.
  ///
  /// - Parameters:
  ///   - texts: All of the run.
  ///   - model: The one that training began with, which has the tokenizer.
  /// - Returns: What was found.
  /// - Throws: What reading throws; `InputError` for a class that the run does not have.
  public func classifier(
    _ texts: [LabelledText], of model: ModelDirectory
  ) throws -> Report {
    let reader = try model.embeddingModel(maximumTokens: choices.maximumTokens)
      .encoder(for: .passage)
    let labels = try results.strings("classes")
    guard Set(labels.map { UTF8Key($0) }).count == labels.count, labels.count >= 2 else {
      throw InputError("'classes' are none", at: Place(file: run.path.shown))
    }
    let numbers = Dictionary(
      uniqueKeysWithValues: labels.enumerated().map { (UTF8Key($1), $0) })
    let records = try RunRecords(texts, choices).parts { part in
      try part.map { text in
        guard let label = numbers[UTF8Key(text.label)], let tokens = reader.tokens(of: text.text)
        else {
          throw InputError(
            "the run cannot have learnt '\(TerminalText.excerpt(text.text))'")
        }
        return LabelledTokens(tokens: tokens, label: label)
      }
    }
    let classifier = try SequenceClassifier(
      directory: run.path.appending(TrainingRun.modelFolder), labels: labels, seed: 0)
    return try report(ClassifierScorer(classifier: classifier, context: context), records)
  }

  /// Guesses about the examples of a generator, and what it gives away of planted people.
  ///
  /// - Parameters:
  ///   - examples: All of the run.
  ///   - others: Examples that were not in; nil: those that the run held out.
  ///   - reference: A model with the same vocabulary that never saw the examples; an adapter's own model.
  /// - Returns: What was found.
  /// - Throws: What reading throws; `UsageError` for the adapter of another model or another vocabulary.
  public func generator(
    _ examples: [FineTuningRecord], others: [FineTuningRecord]? = nil, reference: ModelDirectory
  ) throws -> Report {
    var records = RunRecords(examples, choices)
    if let others { records = records.judged(by: others) }
    let files = try GeneratorFiles(directory: reference.path)
    let before = try TransformerDecoder(directory: reference.path)
    let limit = choices.maximumTokens ?? min(1024, before.configuration.maximumTokens)
    let sequences = try records.parts { part in
      part.isEmpty
        ? []
        : try FineTuningExamples(
          part, tokenizer: files.tokenizer, template: files.chatTemplate(), maximumTokens: limit
        ).sequences
    }
    let adapter = run.path.appending(GeneratorRun.adapterFolder)
    guard adapter.exists else {
      let own = try GeneratorFiles(directory: run.path.appending(TrainingRun.modelFolder))
      try requireSameTokens(records.heldOut.map(\.question), own.tokenizer, files.tokenizer)
      return try generator(
        sequences, after: trainedDecoder(), before: before, tokenizer: own.tokenizer,
        maximumTokens: limit)
    }
    guard try LoRAAdapter.base(of: adapter).fingerprint == reference.fingerprint else {
      throw UsageError(
        "the run trained an adapter, which belongs to its own model; '\(reference.card.name)' is"
          + " another")
    }
    return try generator(
      sequences, after: TransformerDecoder(directory: reference.path, adapter: adapter),
      before: before, tokenizer: files.tokenizer, maximumTokens: limit)
  }

  /// Guesses about the texts that a generator was pre-trained on: their beginnings, as long as a block.
  ///
  /// - Parameters:
  ///   - texts: All of the run.
  ///   - reference: A model with the same vocabulary that never saw the texts; nil: there is none.
  /// - Returns: What was found.
  /// - Throws: What reading throws; `UsageError` for another vocabulary.
  public func generator(pretrainedOn texts: [String], reference: ModelDirectory?) throws -> Report {
    let files = try GeneratorFiles(directory: run.path.appending(TrainingRun.modelFolder))
    let size = try run.description.int("context")
    let records = RunRecords(texts, choices)
    if let reference {
      try requireSameTokens(
        records.heldOut, files.tokenizer, GeneratorFiles(directory: reference.path).tokenizer)
    }
    let sequences = records.parts { part in
      part.compactMap { PretrainingText.beginning(of: $0, files.tokenizer, size: size) }
    }
    return try generator(
      sequences, after: trainedDecoder(),
      before: try reference.map { try TransformerDecoder(directory: $0.path) },
      tokenizer: files.tokenizer, maximumTokens: size)
  }

  /// Refuses a reference that reads texts otherwise than the trained model: their likelihoods cannot be
  /// compared.
  private func requireSameTokens(
    _ texts: [String], _ own: any Tokenizer, _ other: any Tokenizer
  ) throws {
    for text in texts.prefix(100) where own.encode(text).ids != other.encode(text).ids {
      throw UsageError("the reference has another vocabulary than the trained model")
    }
  }

  private func trainedDecoder() throws -> TransformerDecoder {
    try TransformerDecoder(directory: run.path.appending(TrainingRun.modelFolder))
  }

  private func generator(
    _ records: RunRecords<MaskedTokens>, after: TransformerDecoder, before: TransformerDecoder?,
    tokenizer: any Tokenizer, maximumTokens: Int
  ) throws -> Report {
    let people = PlantedPeople(choices, tokenizer: tokenizer, maximumTokens: maximumTokens)
    return try report(
      GeneratorScorer(after: after, before: before, context: context),
      records.with(
        included: people.numbers(included: true), excluded: people.numbers(included: false)),
      extraction: people.coverage(by: after, in: context))
  }

  /// Scores every part, cut to what is scored, and guesses.
  private func report<Scorer: MembershipScorer>(
    _ scorer: Scorer, _ records: RunRecords<Scorer.Record>, extraction: Proportion? = nil
  ) throws -> Report {
    let (epsilon, delta) = guarantee
    let members = try scorer.scores(of: Array(records.members.prefix(Self.most)))
    let others = try scorer.scores(of: Array(records.heldOut.prefix(Self.most)))
    let included = try scorer.scores(of: records.included)
    let excluded = try scorer.scores(of: records.excluded)
    return Report(
      attacks: try members.indices.map { number in
        Attack(
          name: members[number].attack,
          json: try Leakage(
            .init(
              members: members[number].scores, others: others[number].scores,
              included: included[number].scores, excluded: excluded[number].scores),
            epsilon: epsilon, delta: delta
          ).json)
      },
      extraction: extraction, canaries: (records.included.count, records.excluded.count))
  }
}

extension RunAudit.Report {
  /// The figures of one way to guess, and what was extracted.
  ///
  /// - Throws: `StatisticsError`.
  func json(of attack: String) throws -> JSONObject {
    var object = attacks.first { $0.name == attack }?.json ?? [:]
    if let extraction { object["extraction"] = .object(try extraction.json()) }
    return object
  }
}
