public import Attacks
import Basics
import Corpus
import Models
public import Retrieval

/// The same query set after the attack, with one kind of payload: where the poison stands.
///
/// The clean rankings are merged with the poisoned documents' scores; adding documents changes no
/// clean score, so the result is that of searching the poisoned corpus (rag-poisoning.md, 3.4).
public struct PoisonedRetrieval: Sendable {
  /// Which documents stand in the corpus when a question is asked.
  public enum Mode: String, Sendable, CaseIterable {
    /// Only the question's own.
    case solo
    /// Those of all questions at once; they compete with each other.
    case joint
  }

  /// Ranks of poison for one question, from 1; nil beyond the depth that was asked for.
  public struct Ranks: Sendable, Equatable {
    /// Best rank of an own document when only those are injected.
    public var solo: Int?
    /// Best rank of an own document when all are injected.
    public var jointOwn: Int?
    /// Best rank of any poisoned document when all are injected.
    public var jointAny: Int?
  }

  /// The payloads' kind.
  public let payloadKind: String
  /// The documents, in the order of their questions.
  public let documents: [PoisonedDocument]
  /// `[documents, dimension]`, passage side.
  public let vectors: VectorMatrix
  /// Positions of each question's own documents.
  public let own: [[Int]]
  /// Similarity of each document to the question it was made for.
  public let ownScores: [Double]
  /// Ranks for each question.
  public let ranks: [Ranks]

  /// Embeds the documents and merges them into the clean rankings.
  ///
  /// - Parameters:
  ///   - documents: each names exactly one question of `clean` as its target.
  ///   - payloadKind: the payloads' kind.
  ///   - clean: the query set before the attack.
  ///   - embedder: the retriever.
  ///   - separator: what joins title and text.
  ///   - depth: the largest k of interest.
  ///   - advance: called with the number of documents embedded since the last call.
  /// - Throws: `InputError` for a document that cannot be embedded or has no target here.
  public init(
    documents: [PoisonedDocument], payloadKind: String, clean: CleanRetrieval, embedder: Embedder,
    separator: String, depth: Int, advance: @escaping @Sendable (Int) -> Void = { _ in }
  ) throws {
    let embeddings = try embedder.embed(
      documents.map { .passage(title: $0.title, text: $0.text, separator: separator) },
      progress: advance)
    if let empty = embeddings.unembeddable.first {
      throw InputError(
        "a poisoned document has nothing to embed", at: Place(record: documents[empty].id))
    }
    self.payloadKind = payloadKind
    self.documents = documents
    vectors = embeddings.matrix
    let positions = Dictionary(
      uniqueKeysWithValues: clean.queries.enumerated().map { (UTF8Key($1.id), $0) })
    var own = [[Int]](repeating: [], count: clean.queries.count)
    var targets: [Int] = []
    for (number, document) in documents.enumerated() {
      guard let target = document.targetQueryIDs.first,
        let query = positions[UTF8Key(target)]
      else {
        throw InputError("the document's target is not in the set", at: Place(record: document.id))
      }
      own[query].append(number)
      targets.append(query)
    }
    self.own = own
    // Numbered by id, so that ties among poison are told apart by id wherever the list is cut.
    let byID = documents.indices.sorted { UTF8Key(documents[$0].id) < UTF8Key(documents[$1].id) }
    var numbers = [Int64](repeating: 0, count: documents.count)
    for (position, number) in byID.enumerated() { numbers[number] = Int64(position) }
    let scan = try ExactScan(
      vectors, ids: numbers, similarity: embedder.model.similarity, threads: embedder.threads)
    let asked = try VectorMatrix(
      targets.flatMap { clean.vectors[$0] }, rows: targets.count, dimension: vectors.dimension)
    let ownScores = try scan.scores(of: asked, against: Array(documents.indices)).map(Double.init)
    self.ownScores = ownScores
    let best = try scan.search(
      clean.vectors, k: max(1, min(depth, documents.count)), threads: embedder.threads)
    ranks = try clean.queries.indices.map { query in
      let overlay = try clean.overlay(query)
      let ownIDs = Set(own[query].map { UTF8Key(documents[$0].id) })
      let alone = try overlay.top(
        depth,
        injecting: own[query].map {
          RankedDocument(id: UTF8Key(documents[$0].id), score: ownScores[$0])
        })
      let together = try overlay.top(
        depth,
        injecting: best[query].map {
          RankedDocument(id: UTF8Key(documents[byID[Int($0.id)]].id), score: Double($0.score))
        })
      func rank(_ list: [OverlayEntry], where matches: (OverlayEntry) -> Bool) -> Int? {
        list.firstIndex { $0.isInjected && matches($0) }.map { $0 + 1 }
      }
      return Ranks(
        solo: rank(alone) { _ in true }, jointOwn: rank(together) { ownIDs.contains($0.id) },
        jointAny: rank(together) { _ in true })
    }
  }
}
