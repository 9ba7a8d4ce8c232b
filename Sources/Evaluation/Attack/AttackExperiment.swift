public import Attacks
public import Basics
public import Corpus
import Models
public import Retrieval
import Statistics
import Tensors

/// What is measured: every choice that decides the figures.
public struct AttackSettings: Sendable {
  /// Query sets of the corpus.
  public var querySets: [String]
  /// Kinds of payload.
  public var payloadKinds: [String]
  /// The attack.
  public var attack: any Attack
  /// Values of k in success@k, ascending.
  public var ks: [Int]
  /// Solo, joint or both.
  public var modes: [PoisonedRetrieval.Mode]
  /// Questions taken from each set, drawn by the seed; nil takes all.
  public var limit: Int?
  /// Decides the draw and the payloads.
  public var seed: UInt64

  /// Creates settings.
  public init(
    querySets: [String], payloadKinds: [String], attack: any Attack, ks: [Int],
    modes: [PoisonedRetrieval.Mode], limit: Int?, seed: UInt64
  ) {
    self.querySets = querySets
    self.payloadKinds = payloadKinds
    self.attack = attack
    self.ks = ks
    self.modes = modes
    self.limit = limit
    self.seed = seed
  }
}

/// One attack on one corpus through one retriever: poison, rank, count.
public struct AttackExperiment: Sendable {
  /// Progress of the work.
  public enum Step: Sendable {
    /// A set's questions are embedded and ranked.
    case clean(set: String, questions: Int)
    /// A set is attacked with one kind of payload.
    case poison(set: String, kind: String, questions: Int)
  }

  private let bundle: CorpusBundle
  private let index: CorpusIndex
  private let embedder: Embedder
  private let settings: AttackSettings
  private let paraphrases: ParaphraseTable?

  /// Creates the experiment.
  ///
  /// - Parameters:
  ///   - bundle: the corpus.
  ///   - index: the same corpus, embedded.
  ///   - embedder: the retriever.
  ///   - settings: what is measured.
  ///   - paraphrases: the attacker's own wordings of the questions, where the attack uses them.
  public init(
    bundle: CorpusBundle, index: CorpusIndex, embedder: Embedder, settings: AttackSettings,
    paraphrases: ParaphraseTable? = nil
  ) {
    self.bundle = bundle
    self.index = index
    self.embedder = embedder
    self.settings = settings
    self.paraphrases = paraphrases
  }

  /// Passages of a clean ranking that detectors look at, so never fewer are kept.
  public static let listLength = 10

  private var depth: Int { max(settings.ks.max() ?? 1, Self.listLength) }

  /// Embeds and ranks one query set.
  ///
  /// - Parameters:
  ///   - set: the set's name.
  ///   - advance: called with the number of questions done since the last call.
  /// - Returns: the set's questions with their clean rankings.
  /// - Throws: `UsageError` if the corpus has no such set; what embedding and search throw.
  public func clean(
    _ set: String, advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> CleanRetrieval {
    try CleanRetrieval(
      set: set, queries: drawn(bundle.queries(set), set: set), index: index, embedder: embedder,
      depth: depth, advance: advance)
  }

  /// Attacks one query set with one kind of payload.
  ///
  /// - Parameters:
  ///   - clean: the set before the attack.
  ///   - kind: the payloads' kind.
  ///   - wording: 0 for the payload texts that the seed draws; each other number draws others.
  ///   - advance: called with the number of documents embedded since the last call.
  /// - Returns: the documents and their ranks.
  /// - Throws: `UsageError` if there are no such payloads; what embedding and search throw.
  public func poison(
    _ clean: CleanRetrieval, kind: String, wording: Int = 0,
    advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws -> PoisonedRetrieval {
    let best = clean.hits.map { $0.first?.id.string }
    let positions = Dictionary(
      uniqueKeysWithValues: clean.queries.enumerated().map { (UTF8Key($1.id), $0) })
    let store = index.store
    let encoder = embedder.model.encoder(for: .passage)
    let surroundings = AttackSurroundings(
      tokens: TokenMeter(encoder.tokenizer, maximumTokens: encoder.maximumTokens),
      cleanPassage: { query in
        guard let position = positions[UTF8Key(query.id)], let id = best[position],
          let document = try store.document(id)
        else { return nil }
        return Passage(
          id: document.id, title: document.title, text: document.text, metadata: document.metadata)
      }, paraphrases: paraphrases)
    let documents = try settings.attack.poison(
      clean.queries, payloads: bundle.payloads(kind), seed: settings.seed ^ UInt64(wording) << 32,
      surroundings: surroundings)
    return try PoisonedRetrieval(
      documents: documents, payloadKind: kind, clean: clean, embedder: embedder,
      separator: bundle.titleSeparator, depth: depth, advance: advance)
  }

  /// The figures of one attacked set.
  ///
  /// - Parameters:
  ///   - poisoned: the attack.
  ///   - clean: the set before it.
  /// - Returns: success rates for each mode and k, and the geometry.
  /// - Throws: what embedding throws.
  public func measure(_ poisoned: PoisonedRetrieval, clean: CleanRetrieval) throws -> AttackCell {
    AttackCell(
      set: clean.set, payloadKind: poisoned.payloadKind, questions: clean.queries.count,
      unembeddable: clean.unembeddable.count, documents: poisoned.documents.count,
      rates: settings.modes.flatMap { mode in
        settings.ks.map { SuccessRate(of: poisoned.ranks, mode: mode, k: $0) }
      },
      geometry: try Geometry(
        of: poisoned, clean: clean, passages: index.vectors, embedder: embedder,
        k: settings.ks.first ?? 1))
  }

  /// The questions of the limit, in the set's order.
  private func drawn(_ queries: [Query], set: String) -> [Query] {
    guard let limit = settings.limit, limit < queries.count else { return queries }
    var generator = Philox(seed: settings.seed, stream: stream(named: "draw \(set)"))
    return queries.indices.shuffled(using: &generator).prefix(limit).sorted().map { queries[$0] }
  }

  /// A stream of random numbers of its own for each purpose.
  private func stream(named name: String) -> UInt64 {
    UInt64(Checksum.sha256(name).prefix(16), radix: 16) ?? 0
  }
}

/// The figures of one query set under one kind of payload.
public struct AttackCell: Sendable {
  /// The query set.
  public let set: String
  /// The payloads' kind.
  public let payloadKind: String
  /// Questions asked.
  public let questions: Int
  /// Questions left out because nothing in them can be embedded.
  public let unembeddable: Int
  /// Poisoned documents made.
  public let documents: Int
  /// Success for each mode and k.
  public let rates: [SuccessRate]
  /// Where concatenation moved the embeddings.
  public let geometry: Geometry

  /// Everything as JSON; no times in it.
  ///
  /// - Throws: `StatisticsError` if a figure cannot be computed.
  public func json() throws -> JSONObject {
    [
      "set": .string(set), "payload": .string(payloadKind), "questions": JSONValue(questions),
      "unembeddable": JSONValue(unembeddable), "documents": JSONValue(documents),
      "success": .array(try rates.map { .object(try $0.json) }),
      "geometry": .object(try geometry.json()),
    ]
  }
}
