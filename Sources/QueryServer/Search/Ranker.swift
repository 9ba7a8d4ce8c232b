import Basics
import Retrieval

/// The ranking of one question, to any depth: dense, fused with BM25 if asked for, with injected
/// documents merged in exactly.
struct Ranker {
  /// Documents of each ranking that take part in a fusion, at least.
  private static let fusionDepth = 1000

  let request: SearchRequest
  let vector: VectorMatrix
  let index: ServedIndex
  let embedded: InjectedSet.Embedded?
  let threads: Int

  /// A ranking.
  struct Ranking {
    var candidates: [Candidate]
    /// Whether there is nothing behind them.
    var isComplete: Bool
  }

  /// The best candidates.
  ///
  /// - Parameters:
  ///   - depth: How many, 1 to 10,000.
  ///   - known: The clean ranking to this depth, if it is known already.
  /// - Returns: The ranking.
  /// - Throws: `VectorIndexError`, `StoreError`, `OverlayError`.
  func ranking(depth: Int, hits known: [CorpusIndex.Hit]? = nil) throws -> Ranking {
    let limit = min(depth, CorpusSearch.maximumResults)
    let room =
      request.isHybrid ? min(max(limit, Self.fusionDepth), CorpusSearch.maximumResults) : limit
    let hits =
      try
      (known.flatMap { request.isHybrid ? nil : $0 }
      ?? index.rank(vector, limit: room)[0])
    let dense = try merged(hits, depth: room)
    guard request.isHybrid else { return dense }
    return try fused(dense, hits: hits, limit: limit, room: room)
  }

  private func merged(_ hits: [CorpusIndex.Hit], depth: Int) throws -> Ranking {
    let isComplete = hits.count < depth
    guard let embedded else {
      return Ranking(
        candidates: hits.map {
          Candidate(
            id: $0.id, source: .stored(index.corpus.chunks[$0.row]), score: $0.score,
            similarity: $0.score)
        }, isComplete: isComplete)
    }
    let injected = try embedded.rank(vector, limit: depth, threads: threads)
    let rows = Dictionary(uniqueKeysWithValues: hits.map { ($0.id, $0.row) })
    let positions = Dictionary(
      uniqueKeysWithValues: injected.map { (embedded.documents[$0.position].id, $0.position) })
    let overlay = try Overlay(
      clean: hits.map { RankedDocument(id: $0.id, score: $0.score) }, isComplete: isComplete)
    let entries = try overlay.top(
      depth,
      injecting: injected.map {
        RankedDocument(id: embedded.documents[$0.position].id, score: $0.score)
      })
    return Ranking(
      candidates: entries.map { entry in
        Candidate(
          id: entry.id,
          source: entry.isInjected
            ? .injected(positions[entry.id] ?? 0)
            : .stored(index.corpus.chunks[rows[entry.id] ?? 0]), score: entry.score,
          similarity: entry.score)
      }, isComplete: isComplete && entries.count < depth)
  }

  private func fused(
    _ dense: Ranking, hits: [CorpusIndex.Hit], limit: Int, room: Int
  ) throws -> Ranking {
    let lexical = try index.lexical()
    let words = try lexical.search(request.query, limit: room)
    // A document with several chunks stands at its best one, as in the other ranking.
    var chunks: [UTF8Key: Int64] = [:]
    var ranking: [RankedDocument] = []
    for hit in words where chunks[UTF8Key(hit.documentID)] == nil {
      chunks[UTF8Key(hit.documentID)] = hit.chunk
      ranking.append(RankedDocument(id: UTF8Key(hit.documentID), score: hit.score))
    }
    if let embedded {
      let scores = try lexical.scores(
        of: embedded.documents.map {
          InjectedText(id: $0.id.string, title: $0.title, text: $0.text)
        }, for: request.query)
      let injected = zip(embedded.documents, scores).filter { $0.1 > 0 }.map {
        RankedDocument(id: $0.0.id, score: $0.1)
      }
      // BM25 ranks ties by id and chunk; by document that is score, then id.
      ranking = try Overlay(clean: ranking, isComplete: true).top(
        room, injecting: injected
      ).map { RankedDocument(id: $0.id, score: $0.score) }
    }
    var known = Dictionary(uniqueKeysWithValues: dense.candidates.map { ($0.id, $0) })
    let injectedPositions = Dictionary(
      uniqueKeysWithValues: (embedded?.documents ?? []).enumerated().map { ($1.id, $0) })
    let fused = try ReciprocalRankFusion().fuse(
      [dense.candidates.map { RankedDocument(id: $0.id, score: $0.score) }, ranking], limit: limit)
    // Those found by their words alone get their similarity, so that they can be judged.
    var missing: [(id: UTF8Key, row: Int)] = []
    for document in fused where known[document.id] == nil {
      let position = injectedPositions[document.id]
      let chunk = chunks[document.id]
      known[document.id] = Candidate(
        id: document.id, source: position.map { .injected($0) } ?? .stored(chunk ?? 0),
        score: document.score, similarity: nil)
      if position == nil, let row = chunk.flatMap({ index.corpus.row(ofChunk: $0) }) {
        missing.append((document.id, row))
      }
    }
    let similarities = try index.corpus.similarities(of: vector, to: missing.map(\.row))
    for (entry, similarity) in zip(missing, similarities) {
      known[entry.id]?.similarity = similarity
    }
    return Ranking(
      candidates: fused.compactMap { document in
        guard var candidate = known[document.id] else { return nil }
        candidate.score = document.score
        return candidate
      },
      // The two rankings hold at most so many different documents.
      isComplete: fused.count < limit)
  }
}
