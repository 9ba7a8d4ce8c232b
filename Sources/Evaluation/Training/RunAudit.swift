public import Basics
public import Models
import Privacy
public import Retrieval
public import SystemPackage
public import Tensors
import Training

/// What the model of a finished training run tells of its training data: membership inference with the
/// held-out examples as those that were not in.
public struct RunAudit {
  /// Examples that are scored on either side.
  private static let most = 2000
  /// Passages that a question's own is compared with.
  private static let references = 100

  /// One way to guess.
  public struct Attack {
    /// `loss`, `reference`, `min-20%`, `margin` or `margin gain`.
    public let name: String
    /// Its figures.
    public let json: JSONObject
  }

  private let run: RunRecord
  private let results: JSONObject
  private let data: FilePath
  private let reference: String
  private let context: ComputeContext

  /// Opens a run.
  ///
  /// - Parameters:
  ///   - run: The run's directory.
  ///   - data: The file that it was trained on.
  ///   - reference: A model that never saw the data; nil: the one that training began with.
  ///   - context: Where it runs.
  /// - Throws: `UsageError` for a run that is not finished or of a kind that cannot be audited;
  ///   `InputError` for another file than the run's.
  public init(
    _ run: FilePath, data: FilePath, reference: String?, in context: ComputeContext
  ) throws {
    let record = try RunRecord(run)
    guard let results = record.results else {
      throw UsageError("'\(run.shown)' is not finished: there is no model to audit")
    }
    let command = record.description["command"]?.stringValue ?? ""
    guard ["train-contrastive", "train-sft"].contains(command) else {
      throw UsageError(
        "'\(run.shown)' is a run of \(command); audited are those of train contrastive and train sft"
      )
    }
    guard try Checksum.sha256(of: data) == record.description.string("data") else {
      throw InputError(
        "it is not the file that the run was trained on", at: Place(file: data.shown))
    }
    self.run = record
    self.results = results
    self.data = data
    self.reference = try reference ?? record.description.string("model")
    self.context = context
  }

  /// ε and δ of the run: infinite and 0 without private training.
  public var guarantee: (epsilon: Double, delta: Double) {
    let account = results["privacy"]?.objectValue
    return (
      account?["epsilonPRV"]?.doubleValue ?? .infinity, account?["delta"]?.doubleValue ?? 0
    )
  }

  /// Guesses.
  ///
  /// - Parameters:
  ///   - embedder: The retriever of a name.
  ///   - generator: The folder of a generator of a name.
  /// - Returns: Each way with its figures.
  /// - Throws: What reading, embedding and scoring throw; `InputError` for too few examples.
  public func attacks(
    embedder: (String) throws -> Embedder, generator: (String) throws -> ModelDirectory
  ) throws -> [Attack] {
    if run.description["command"]?.stringValue == "train-sft" {
      return try generatorAttacks(generator)
    }
    let pairs = try TrainingRecords.pairs(data)
    let (members, others) = try split(pairs.map { ["q" + $0.query, "p" + $0.positive] })
    let references = others.suffix(Self.references).map { pairs[$0].positive }
    func margins(_ name: String, _ numbers: [Int]) throws -> [Double] {
      try SimilarityMargins(embedder: embedder(name), references: references)
        .margins(of: numbers.map { (pairs[$0].query, pairs[$0].positive) })
    }
    let name = "run:\(run.path.string)"
    let (inside, outside) = (try margins(name, members), try margins(name, others))
    return [
      try attack("margin", inside, outside),
      try attack(
        "margin gain", zip(inside, margins(reference, members)).map(-),
        zip(outside, margins(reference, others)).map(-)),
    ]
  }

  private func generatorAttacks(
    _ generator: (String) throws -> ModelDirectory
  ) throws -> [Attack] {
    let records = try TrainingRecords.fineTuning(data)
    let (members, others) = try split(records.map { [$0.question] })
    let base = try generator(reference)
    let files = try GeneratorFiles(directory: base.path)
    let limit = try DecoderWeights(directory: base.path).configuration.maximumTokens
    func sequences(_ numbers: [Int]) throws -> [MaskedTokens] {
      try FineTuningExamples(
        numbers.map { records[$0] }, tokenizer: files.tokenizer, template: files.chatTemplate(),
        maximumTokens: run.description["maximumTokens"]?.intValue ?? min(1024, limit)
      ).sequences
    }
    let (inside, outside) = (try sequences(members), try sequences(others))
    let adapter = run.path.appending(GeneratorRun.adapterFolder)
    let tuned: TransformerDecoder
    if adapter.exists {
      guard try LoRAAdapter.base(of: adapter).fingerprint == base.fingerprint else {
        throw UsageError(
          "the run trained an adapter, which belongs to its own model; '\(base.card.name)' is another"
        )
      }
      let model = try TrainableDecoder(DecoderWeights(directory: base.path))
      _ = try LoRAAdapter(directory: adapter, on: model, isTrainable: false)
      tuned = try TransformerDecoder(model.weights)
    } else {
      tuned = try TransformerDecoder(
        DecoderWeights(directory: run.path.appending(TrainingRun.modelFolder)))
    }
    let (now, then) = (
      (try losses(inside, tuned), try losses(outside, tuned)),
      try { decoder in (try losses(inside, decoder), try losses(outside, decoder)) }(
        TransformerDecoder(DecoderWeights(directory: base.path)))
    )
    func loss(_ tokens: [Double]) -> Double {
      -tokens.reduce(0, +) / Double(tokens.count)
    }
    func both(_ score: ([Double], [Double]) -> Double) -> (members: [Double], others: [Double]) {
      (zip(now.0, then.0).map(score), zip(now.1, then.1).map(score))
    }
    return try [
      ("loss", both { tuned, _ in MembershipScores.loss(loss(tuned)) }),
      (
        "reference",
        both { MembershipScores.reference(loss: loss($0), referenceLoss: loss($1)) }
      ),
      ("min-20%", both { tuned, _ in MembershipScores.leastLikely(tuned) }),
    ].map { try attack($0.0, $0.1.members, $0.1.others) }
  }

  /// Log-probabilities of the learnt tokens of each sequence.
  private func losses(
    _ sequences: [MaskedTokens], _ decoder: TransformerDecoder
  ) throws -> [[Double]] {
    zip(sequences, try decoder.logProbabilities(of: sequences.map(\.ids), in: context)).map {
      sequence, values in
      zip(sequence.isCompletion.dropFirst(), values).compactMap { $0 ? $1 : nil }
    }
  }

  private func attack(_ name: String, _ members: [Double], _ others: [Double]) throws -> Attack {
    let (epsilon, delta) = guarantee
    let leakage = try Leakage(
      .init(members: members, others: others, included: [], excluded: []), epsilon: epsilon,
      delta: delta)
    return Attack(name: name, json: leakage.json)
  }

  /// The split of the run, cut to what is scored.
  private func split(_ keys: [[String]]) throws -> (members: [Int], others: [Int]) {
    let seed =
      try run.description["seed"]?.intValue.map(UInt64.init(_:))
      ?? UInt64(run.description.string("seed")) ?? 1
    let split = ExampleSplit(
      keys, heldOut: try run.description.double("heldOut"), seed: seed)
    return (Array(split.training.prefix(Self.most)), Array(split.heldOut.prefix(Self.most)))
  }
}
