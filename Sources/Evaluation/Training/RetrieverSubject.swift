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
  private let pairs: [TextPair]
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
    if let limit = plan.limit, limit < pairs.count {
      let starts = stride(from: 0, to: pairs.count, by: plan.neighbours)
      let drawn = starts.shuffled(using: &random).flatMap { start in
        start..<min(pairs.count, start + plan.neighbours)
      }
      pairs = drawn.prefix(limit).sorted().map { pairs[$0] }
    }
    if let (corpus, count) = plan.publicNegatives {
      let bundle = try study.surroundings.bundle(corpus)
      let found = try PairMining(bundle: bundle) {
        let embedder = try study.surroundings.embedder(study.plan.model)
        return (try study.surroundings.index(bundle, embedder), embedder)
      }.nearest(to: pairs.map(\.query), count: count)
      pairs = zip(pairs, found).map { pair, passages in
        TextPair(
          query: pair.query, positive: pair.positive, negatives: pair.negatives + passages)
      }
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

  var command: String { RunAudit.Kind.contrastive.rawValue }
  var before: String { study.plan.model }

  var data: JSONObject {
    var object: JSONObject = [
      "corpus": .string(plan.corpus), "queries": .string(plan.queries),
      "pairs": JSONValue(pairs.count), "leftOut": JSONValue(leftOut),
      "negatives": JSONValue(plan.negatives),
      "publicNegatives": JSONValue(plan.publicNegatives?.count ?? 0),
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

  func train(_ setup: TrainingSetup) throws -> JSONObject {
    try setup.encoder(study.source).trainContrastively(pairs, loss: ContrastiveLoss())
  }

  /// success@k of the universal attack, and what the model tells of its pairs.
  func figures(of run: FilePath?) throws -> JSONObject {
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
    guard let run, case .pairs(let test) = test else { return figures }
    figures["leakage"] = .object(
      try RunAudit(run, in: study.context).retriever(
        pairs, others: test, after: study.surroundings.embedder(name),
        before: study.surroundings.embedder(study.plan.model)
      ).json(of: RetrieverScorer.gain))
    return figures
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
