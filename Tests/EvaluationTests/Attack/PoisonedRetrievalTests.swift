import Attacks
import Basics
import Corpus
import Models
import Retrieval
import Statistics
import TestSupport
import Testing

@testable import Evaluation

/// Ranks by overlay against a search of the corpus that really holds the poison.
@Suite struct PoisonedRetrievalTests {
  private static let depth = 7

  /// Two documents a question: copies of clean passages, of other poison, and concatenations, so
  /// that scores tie exactly in every combination.
  private static func poison(
    _ queries: [Query], passages: [Passage], seed: UInt64
  ) throws -> [PoisonedDocument] {
    var random = SeededGenerator(seed: seed)
    var documents: [PoisonedDocument] = []
    for query in queries {
      for copy in 1...2 {
        var (title, text) = ("", query.text + " payload \(copy)")
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
          let passage = try #require(passages.randomElement(using: &random))
          (title, text) = (passage.title, passage.text)
        case 1:
          if let other = documents.randomElement(using: &random) {
            (title, text) = (other.title, other.text)
          }
        case 2: text = query.text
        default: break
        }
        documents.append(
          PoisonedDocument(
            id: PoisonedDocument.identifier(
              attack: "test", kind: "pii", query: query.id, copy: copy),
            title: title, text: text, attack: "test", version: 1, seed: seed,
            targetQueryIDs: [query.id], payloadKind: "pii", payloadID: "p",
            parameters: JSONObject()))
      }
    }
    return documents
  }

  /// Every score of every document of the merged corpus, for each query.
  private static func scores(
    _ bench: AttackBench, _ poison: [PoisonedDocument], _ queries: VectorMatrix
  ) throws -> [[CorpusIndex.Hit]] {
    let directory = try TemporaryDirectory()
    let store = try DocumentStore.create(in: directory.path)
    _ = try store.addDocuments(
      (bench.passages + poison.map(\.passage)).map {
        StoredDocument(id: $0.id, title: $0.title, text: $0.text)
      }, from: ImportOrigin(run: "merged", source: "merged"))
    let identity = RetrieverIdentity(
      model: bench.model.name, modelHash: bench.model.identity,
      dimension: bench.model.dimension, similarity: bench.model.similarity.rawValue,
      titleSeparator: ". ", instructionSet: "any")
    let keys = try store.pendingChunks(of: identity)
    let texts = try store.chunks(keys)
    let vectors = try bench.embedder().embed(
      texts.map { .passage(title: $0.title, text: $0.text, separator: ". ") })
    try store.storeEmbeddings(
      of: identity, keys.indices.map { (chunk: keys[$0], vector: vectors.matrix[$0]) })
    let index = try CorpusIndex(
      store: store, identity: identity, similarity: bench.model.similarity, threads: 1)
    let rankings = try index.rank(queries, limit: index.vectors.rows)
    try store.close()
    return rankings
  }

  /// The rank from 1 of the best document of some ids in a ranking with clean ones first on ties.
  private static func rank(
    of wanted: Set<UTF8Key>, keeping injected: Set<UTF8Key>, all poison: Set<UTF8Key>,
    in hits: [CorpusIndex.Hit]
  ) -> Int? {
    let kept = hits.filter { !poison.contains($0.id) || injected.contains($0.id) }
      .sorted { left, right in
        let (l, r) = (poison.contains(left.id), poison.contains(right.id))
        if left.score != right.score { return left.score > right.score }
        return l != r ? r : left.id < right.id
      }
    guard let first = kept.firstIndex(where: { wanted.contains($0.id) }), first < depth
    else { return nil }
    return first + 1
  }

  @Test(arguments: ["tiny-bert", "tiny-bert-cls", "l2", "asymmetric"])
  func ranksEqualASearchOfTheMergedCorpus(variant: String) throws {
    let bench = try AttackBench(variant.hasPrefix("tiny") ? variant : "tiny-bert-cls") {
      if variant == "l2" { $0.similarity = .l2 }
      if variant == "asymmetric" { $0.queryPrompt = "ask " }
    }
    let clean = try bench.clean(depth: Self.depth)
    var (ties, missing, hijacked) = (0, 0, 0)
    for seed in UInt64(1)...6 {
      let documents = try Self.poison(clean.queries, passages: bench.passages, seed: seed)
      let poisoned = try PoisonedRetrieval(
        documents: documents, payloadKind: "pii", clean: clean, embedder: bench.embedder(),
        separator: ". ", depth: Self.depth)
      #expect(poisoned.ranks.count == 12 && documents.count == 24)
      #expect(poisoned.own == (0..<12).map { [2 * $0, 2 * $0 + 1] })
      let rankings = try Self.scores(bench, documents, clean.vectors)
      let all = Set(documents.map { UTF8Key($0.id) })
      for (query, hits) in rankings.enumerated() {
        let own = Set(poisoned.own[query].map { UTF8Key(documents[$0].id) })
        let expected = PoisonedRetrieval.Ranks(
          solo: Self.rank(of: own, keeping: own, all: all, in: hits),
          jointOwn: Self.rank(of: own, keeping: all, all: all, in: hits),
          jointAny: Self.rank(of: all, keeping: all, all: all, in: hits))
        #expect(poisoned.ranks[query] == expected, "\(variant), seed \(seed), query \(query)")
        for number in poisoned.own[query] {
          let hit = hits.first { $0.id == UTF8Key(documents[number].id) }
          #expect(hit?.score == poisoned.ownScores[number])
        }
        ties += zip(hits, hits.dropFirst()).count { $0.score == $1.score }
        missing += expected.jointOwn == nil ? 1 : 0
        hijacked += expected.solo == nil ? 0 : 1
      }
    }
    // The cases that the comparison is for have occurred.
    #expect(ties > 100 && missing > 0 && hijacked > 0, "\(ties) \(missing) \(hijacked)")
  }

  @Test func cleanRankingsAreThoseOfTheIndex() throws {
    let bench = try AttackBench()
    let clean = try bench.clean(depth: 10)
    let index = try bench.index()
    #expect(clean.hits == (try index.rank(clean.vectors, limit: 10)))
    #expect(clean.queries.map(\.id) == (0..<12).map { "q\($0)" })
    #expect(clean.unembeddable == [])
  }

  @Test func aDocumentWithoutATargetIsRefused() throws {
    let bench = try AttackBench()
    let clean = try bench.clean(depth: 3)
    var documents = try Self.poison(clean.queries, passages: bench.passages, seed: 1)
    func poison() throws {
      _ = try PoisonedRetrieval(
        documents: documents, payloadKind: "pii", clean: clean, embedder: bench.embedder(),
        separator: " ", depth: 3)
    }
    documents[4].targetQueryIDs = ["elsewhere"]
    #expect(throws: InputError.self, performing: poison)
    documents[4].targetQueryIDs = ["q2"]
    documents[5].title = ""
    documents[5].text = "\u{200B}"
    let error = #expect(throws: InputError.self, performing: poison)
    #expect(error?.description.contains(documents[5].id) == true)
  }
}

@Suite struct SuccessRateTests {
  private static let ranks: [PoisonedRetrieval.Ranks] = [
    .init(solo: 1, jointOwn: 1, jointAny: 1), .init(solo: 1, jointOwn: 3, jointAny: 1),
    .init(solo: 2, jointOwn: nil, jointAny: 2), .init(solo: 5, jointOwn: 5, jointAny: 5),
    .init(solo: nil, jointOwn: nil, jointAny: 4), .init(solo: nil, jointOwn: nil, jointAny: nil),
  ]

  @Test(arguments: [
    (1, 2, 1, 2), (2, 3, 1, 3), (3, 3, 2, 3), (4, 3, 2, 4), (5, 4, 3, 5), (100, 4, 3, 5),
  ])
  func counts(k: Int, solo: Int, own: Int, any: Int) throws {
    let alone = SuccessRate(of: Self.ranks, mode: .solo, k: k)
    #expect(alone.own.successes == solo && alone.own.trials == 6 && alone.any == alone.own)
    let joint = SuccessRate(of: Self.ranks, mode: .joint, k: k)
    #expect(joint.own.successes == own && joint.any.successes == any && joint.any.trials == 6)
    let json = try joint.json
    #expect(json["mode"] == .string("joint") && json["k"]?.intValue == k)
    #expect(json["own"]?.objectValue?["rate"]?.doubleValue == Double(own) / 6)
  }

  @Test func withoutQuestionsThereIsNoRate() throws {
    let none = try SuccessRate(of: [], mode: .solo, k: 2).json["own"]?.objectValue
    #expect(none?["trials"]?.intValue == 0)
    #expect(none?["rate"] == nil && none?["notApplicable"]?.stringValue != nil)
  }

  /// 60 of 64: Wilson's 95 % interval by its formula with z = 1.959964 (Wilson 1927).
  @Test func theIntervalIsWilsons() throws {
    let ranks = (0..<64).map { PoisonedRetrieval.Ranks(solo: $0 < 60 ? 1 : nil) }
    let own = try SuccessRate(of: ranks, mode: .solo, k: 1).json["own"]?.objectValue
    let bounds = try #require(own?["wilson95"]?.arrayValue).compactMap(\.doubleValue)
    expectClose(bounds, wilson(60, 64), absolute: 1e-9)
  }

  private func wilson(_ successes: Double, _ n: Double) -> [Double] {
    let z = 1.959963984540054
    let p = successes / n
    let centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return [centre - half, centre + half]
  }
}
