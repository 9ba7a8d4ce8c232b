import Basics
import Corpus
import Models
import Privacy
import Retrieval
import SystemPackage
import Tensors
import Training

/// A retriever that is trained on a corpus's pairs.
struct RetrieverSubject: TrainingSubject {
  /// Questions, and the passages that are ranked for them.
  private enum Test {
    case querySet(String, CorpusBundle)
    case pairs([TextPair])
  }

  private let plan: TrainingStudyPlan.Pairs
  private let study: TrainingStudy
  /// Pairs whose membership is guessed at, on either side.
  private static let scored = 1000
  /// Passages that a question's own is compared with.
  private static let references = 100
  private static let coin: UInt64 = 0x636F_696E

  private let pairs: [TextPair]
  /// Questions with passages that do not belong to them; they occur nowhere else.
  private var canaries: [TextPair]
  private let test: Test
  /// Pairs whose question the test has too.
  private let leftOut: Int
  let checksum: String

  init(_ plan: TrainingStudyPlan.Pairs, study: TrainingStudy) throws {
    self.plan = plan
    self.study = study
    let bundle = try study.surroundings.bundle(plan.corpus)
    var pairs = try PairMining(bundle: bundle) {
      let embedder = try study.surroundings.embedder(study.plan.model)
      return (try study.surroundings.index(bundle, embedder), embedder)
    }.pairs(of: plan.queries, negatives: plan.negatives)
      .map { TextPair(query: $0.query, positive: $0.positive, negatives: $0.negatives) }
    let seed = study.plan.seeds.first ?? 1
    var random = Philox(seed: seed, stream: 0x6472_6177)
    let wanted = plan.limit.map { min($0, pairs.count) } ?? pairs.count
    guard plan.canaries == 0 || wanted + plan.canaries <= pairs.count else {
      throw UsageError(
        "'limit' with 'canaries' asks for \(wanted + plan.canaries) pairs, there are \(pairs.count)"
      )
    }
    if wanted + plan.canaries < pairs.count || plan.canaries > 0 {
      let order = pairs.indices.shuffled(using: &random)
      let spare = order[wanted..<wanted + plan.canaries].map { pairs[$0] }
      pairs = order.prefix(wanted).sorted().map { pairs[$0] }
      // Each spare question gets the passage of the next: nobody's answer.
      canaries = spare.indices.map { number in
        TextPair(
          query: spare[number].query, positive: spare[(number + 1) % spare.count].positive,
          negatives: spare[number].negatives)
      }
    } else {
      canaries = []
    }
    if let (corpus, count) = plan.publicNegatives {
      var texts: [String] = []
      try study.surroundings.bundle(corpus).forEachPassage { texts.append($0.text) }
      func added(_ pair: TextPair) -> TextPair {
        TextPair(
          query: pair.query, positive: pair.positive,
          negatives: pair.negatives
            + (0..<count).map { _ in texts[Int.random(in: texts.indices, using: &random)] })
      }
      pairs = pairs.map(added)
      canaries = canaries.map(added)
    }
    switch plan.test {
    case .querySet(let set):
      // Questions of both sets would be learnt by heart and then tested.
      let asked = Set(try bundle.queries(set).map { UTF8Key($0.text) })
      let count = pairs.count
      pairs.removeAll { asked.contains(UTF8Key($0.query)) }
      leftOut = count - pairs.count
      test = .querySet(set, bundle)
    case .share(let share):
      let split = ExampleSplit(
        pairs.map { ["q" + $0.query, "p" + $0.positive] }, heldOut: share, seed: seed)
      leftOut = 0
      test = .pairs(split.heldOut.map { pairs[$0] })
      pairs = split.training.map { pairs[$0] }
    }
    self.pairs = pairs
    checksum = Checksum.sha256(
      pairs.map { ([$0.query, $0.positive] + $0.negatives).joined(separator: "\u{1F}") }
        .joined(separator: "\u{1E}"))
  }

  var command: String { "train-contrastive" }
  var before: String { study.plan.model }

  var data: JSONObject {
    var object: JSONObject = [
      "corpus": .string(plan.corpus), "queries": .string(plan.queries),
      "pairs": JSONValue(pairs.count), "leftOut": JSONValue(leftOut),
      "negatives": JSONValue(plan.negatives),
      "publicNegatives": JSONValue(plan.publicNegatives?.count ?? 0),
      "canaries": JSONValue(canaries.count),
      "checksum": .string(checksum),
    ]
    switch test {
    case .querySet(let set, let bundle):
      object["test"] = .string("\(set), ranked over \(Format.count(bundle.passageCount)) passages")
    case .pairs(let held):
      object["test"] = .string("\(Format.count(held.count)) pairs, ranked among themselves")
    }
    return object
  }

  func train(_ run: TrainingRun, seed: UInt64) throws -> JSONObject {
    try run.trainContrastively(pairs + included(seed).map { canaries[$0] }, loss: ContrastiveLoss())
  }

  /// The canaries that a fair coin puts in.
  private func included(_ seed: UInt64) -> [Int] {
    canaries.indices.filter {
      Philox.uniform(seed: seed, stream: Self.coin, index: UInt64($0)) < 0.5
    }
  }

  /// success@k of the universal attack, and what the model tells of its pairs.
  func figures(of run: FilePath?, seed: UInt64, choices: TrainingChoices) throws -> JSONObject {
    let name = run.map { "run:\($0.string)" } ?? study.plan.model
    var figures = JSONObject()
    if let target = study.plan.attack {
      let shares = try AttackProbe(
        target: target, surroundings: study.surroundings, seed: study.plan.seeds.first ?? 1
      ).success(against: name)
      figures["attack"] = .array(
        try zip(target.ks, shares).map { k, share in
          var object = try share.json()
          object["k"] = JSONValue(k)
          return .object(object)
        })
    }
    guard run != nil, case .pairs(let test) = test, !canaries.isEmpty else { return figures }
    let scores = try scores(of: name, test, seed: seed, heldOut: choices.heldOut)
    let account = try run.flatMap { try RunRecord($0).results?["privacy"]?.objectValue }
    figures["leakage"] = .object(
      try Leakage(
        scores, epsilon: account?["epsilonPRV"]?.doubleValue ?? .infinity,
        delta: account?["delta"]?.doubleValue ?? 0
      ).json)
    return figures
  }

  /// How much more similar training has made each pair than it made its question to other passages: the
  /// model before is the reference.
  private func scores(
    of retriever: String, _ test: [TextPair], seed: UInt64, heldOut: Double
  ) throws -> Leakage.Scores {
    let included = included(seed)
    let all = pairs + included.map { canaries[$0] }
    // As the training split them: what it held out was not learnt.
    let learnt = Set(
      ExampleSplit(all.map { ["q" + $0.query, "p" + $0.positive] }, heldOut: heldOut, seed: seed)
        .training)
    let members = pairs.indices.filter { learnt.contains($0) }.prefix(Self.scored).map { pairs[$0] }
    let inside = included.indices.filter { learnt.contains(pairs.count + $0) }
      .map { canaries[included[$0]] }
    let left = Set(included)
    let outside = canaries.indices.filter { !left.contains($0) }.map { canaries[$0] }
    let references = test.suffix(Self.references).map(\.positive)
    let (after, before) = (
      try study.surroundings.embedder(retriever),
      try study.surroundings.embedder(study.plan.model)
    )
    func gains(_ pairs: [TextPair]) throws -> [Double] {
      let texts = pairs.map { (query: $0.query, positive: $0.positive) }
      return try zip(
        SimilarityMargins(embedder: after, references: references).margins(of: texts),
        SimilarityMargins(embedder: before, references: references).margins(of: texts)
      ).map(-)
    }
    return Leakage.Scores(
      members: try gains(members), others: try gains(Array(test.prefix(Self.scored))),
      included: try gains(inside), excluded: try gains(outside))
  }

  func comparisons(of runs: [[FilePath]]) throws -> [PairedComparison] {
    let before = try evaluation(of: study.plan.model)
    return try runs.map { runs in
      try PairedComparison(
        of: before, with: runs.map { try evaluation(of: "run:\($0.string)") },
        metrics: plan.metrics)
    }
  }

  private func evaluation(of retriever: String) throws -> RetrievalEvaluation {
    study.report(.test(retriever))
    let embedder = try study.surroundings.embedder(retriever)
    switch test {
    case .querySet(let set, let bundle): return try ranked(set, bundle, embedder)
    case .pairs(let pairs): return try ranked(pairs, embedder)
    }
  }

  private func ranked(
    _ set: String, _ bundle: CorpusBundle, _ embedder: Embedder
  ) throws -> RetrievalEvaluation {
    let questions = try bundle.queries(set)
    guard
      let judgements = try JudgementSource.judgements(of: set, queries: questions, in: bundle)
    else { throw UsageError("the query set '\(TerminalText.excerpt(set))' has no judgements") }
    let index = try study.surroundings.index(bundle, embedder)
    defer { try? index.store.close() }
    let judged = questions.filter { judgements.grades[UTF8Key($0.id)] != nil }
    let clean = try CleanRetrieval(
      set: set, queries: judged, index: index, embedder: embedder, depth: 1000)
    return try RetrievalEvaluation(
      rankings: clean.rankings(), judgements: judgements,
      queries: Set(questions.map { UTF8Key($0.id) }),
      knowsDocument: { try index.store.document($0.string) != nil }, metrics: plan.metrics)
  }

  /// Ranks the passages of the pairs for each of their questions; equal texts are one question or one
  /// passage.
  private func ranked(_ pairs: [TextPair], _ embedder: Embedder) throws -> RetrievalEvaluation {
    var judgements = Judgements()
    var numbers: (query: [UTF8Key: Int], passage: [UTF8Key: Int]) = ([:], [:])
    var texts: (query: [String], passage: [String]) = ([], [])
    func number(_ text: String, _ known: inout [UTF8Key: Int], _ all: inout [String]) -> Int {
      if let number = known[UTF8Key(text)] { return number }
      known[UTF8Key(text)] = all.count
      all.append(text)
      return all.count - 1
    }
    for pair in pairs {
      let query = number(pair.query, &numbers.query, &texts.query)
      let passage = number(pair.positive, &numbers.passage, &texts.passage)
      let (asked, right) = (UTF8Key("q\(query)"), UTF8Key("p\(passage)"))
      if judgements.grades[asked]?[right] == nil {
        try judgements.add(query: asked, document: right, grade: 1)
      }
    }
    let asked = try embedder.embed(texts.query.map { .query($0) })
    let passages = try embedder.embed(
      texts.passage.map { .passage(title: "", text: $0, separator: "") })
    let scan = try ExactScan(
      passages.matrix, similarity: embedder.model.similarity, threads: embedder.threads)
    let found = try scan.search(
      asked.matrix, k: min(1000, texts.passage.count), threads: embedder.threads)
    let rankings = try found.enumerated().map { query, neighbors in
      try Ranking(
        query: UTF8Key("q\(query)"),
        scored: neighbors.map {
          RankedDocument(id: UTF8Key("p\($0.id)"), score: Double($0.score))
        })
    }
    return try RetrievalEvaluation(
      rankings: rankings, judgements: judgements, queries: Set(rankings.map(\.query)),
      knowsDocument: { _ in true }, metrics: plan.metrics)
  }
}
