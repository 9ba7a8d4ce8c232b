import Basics
import Defenses
import Retrieval

/// Makes the answer to one question of its ranking: filter, verdicts, policy.
struct Answering {
  let ranker: Ranker
  let retriever: Retriever
  let policy: DetectionPolicy
  let statistics: ServerStatistics
  private var reader: PassageReader
  private var detectionTime: Duration = .zero

  init(
    _ ranker: Ranker, retriever: Retriever, policy: DetectionPolicy, statistics: ServerStatistics
  ) {
    self.ranker = ranker
    self.retriever = retriever
    self.policy = policy
    self.statistics = statistics
    reader = PassageReader(
      store: ranker.index.corpus.store, overlay: ranker.request.overlay,
      embedded: ranker.embedded)
  }

  /// Passages that are ranked before it is known how many fall out.
  static func firstDepth(_ request: SearchRequest) -> Int {
    let needed = max(request.k, ListJudge.listLength)
    // Room for what a filter or a detector takes out; more is fetched if that is not enough.
    return min(needed + (request.filter == nil ? 10 : 4 * needed + 50), CorpusSearch.maximumResults)
  }

  /// The answer.
  ///
  /// - Parameter hits: The clean ranking to ``firstDepth(_:)``.
  /// - Returns: At most `k` passages; fewer only if there are no more.
  /// - Throws: `StoreError`, `VectorIndexError`, `OverlayError`, `DetectorError`.
  mutating func answer(_ hits: [CorpusIndex.Hit]) throws -> SearchAnswer {
    let request = ranker.request
    var depth = Self.firstDepth(request)
    var ranking = try ranker.ranking(depth: depth, hits: hits)
    while true {
      let passing = try filtered(ranking.candidates)
      let answer = try judged(passing)
      let isLast = ranking.isComplete || depth >= CorpusSearch.maximumResults
      if isLast || answer.hits.count >= request.k {
        if case .success = retriever.judge {
          statistics.record(.detection, detectionTime)
          statistics.countVerdicts(
            flagged: answer.hits.count(where: \.isFlagged) + answer.removed.count,
            removed: answer.removed.count)
        }
        return answer
      }
      depth = min(depth * 8, CorpusSearch.maximumResults)
      ranking = try ranker.ranking(depth: depth)
    }
  }

  private mutating func filtered(_ candidates: [Candidate]) throws -> [Candidate] {
    guard let filter = ranker.request.filter else { return candidates }
    if !filter.needsNoMetadata { try reader.read(candidates) }
    return candidates.filter {
      filter.accepts(id: $0.id, score: $0.score, metadata: reader.metadata($0))
    }
  }

  private mutating func judged(_ candidates: [Candidate]) throws -> SearchAnswer {
    let k = ranker.request.k
    var answer = SearchAnswer(
      hits: [], removed: [], generation: ranker.index.corpus.state.generation)
    guard case .success(let judge) = retriever.judge else {
      if case .failure(let why) = retriever.judge { answer.withoutVerdicts = why.reason }
      try reader.read(candidates.prefix(k))
      answer.hits = candidates.lazy.compactMap(passage).prefix(k).map { $0 }
      return answer
    }
    // What the answer needs without a detector is not counted as the detector's.
    try reader.read(candidates.prefix(k))
    let start = ContinuousClock.now
    defer { detectionTime += ContinuousClock.now - start }
    // One list after another until k are left; what was judged keeps its verdict.
    var wanted = max(k, ListJudge.listLength)
    while true {
      let pool = try verdicts(on: try passages(candidates, wanted), by: judge)
      let outcome = policy.outcome(of: pool, k: k, isFlagged: \.isFlagged)
      guard policy != .quarantine || outcome.kept.count >= k || pool.count < wanted else {
        wanted += max(k - outcome.kept.count, ListJudge.listLength)
        continue
      }
      answer.hits = outcome.kept.map { policy == .demote ? demoted($0.item) : $0.item }
      if policy == .quarantine { answer.removed = outcome.removed.map { ($0.rank, $0.item) } }
      break
    }
    return answer
  }

  private func demoted(_ passage: JudgedPassage) -> JudgedPassage {
    guard passage.isFlagged else { return passage }
    var moved = passage
    moved.reason = "ranked behind the passages that are not flagged: " + (passage.reason ?? "")
    return moved
  }

  private mutating func passages(_ candidates: [Candidate], _ count: Int) throws -> [JudgedPassage]
  {
    try reader.read(candidates.prefix(count))
    return candidates.prefix(count).compactMap(passage)
  }

  private func passage(_ candidate: Candidate) -> JudgedPassage? {
    reader.provenance(candidate).map { JudgedPassage(candidate: candidate, provenance: $0) }
  }

  /// The first passages as one list, the later ones each in the tenth place.
  private func verdicts(
    on passages: [JudgedPassage], by judge: ListJudge
  ) throws -> [JudgedPassage] {
    var passages = passages
    let query = DetectionQuery(
      id: "query", text: ranker.request.query, vector: EmbeddingRow(ranker.vector, row: 0))
    let judgeable = passages.indices.filter { candidate(passages[$0]) != nil }
    let windows = try retriever.furtherWindows(
      of: judgeable.map { (passages[$0].title, passages[$0].text) }, for: query.vector, by: judge)
    let ranking = zip(judgeable, windows).compactMap { position, windows in
      var candidate = candidate(passages[position])
      candidate?.furtherWindows = windows
      return candidate
    }
    for (position, result) in zip(judgeable, try judge.verdicts(on: ranking, for: query)) {
      switch result {
      case .success(let verdict):
        passages[position].verdict = verdict
        if verdict.isFlagged { passages[position].reason = judge.reason(verdict) }
      case .failure(let error):
        passages[position].reason = "not judged: \(error.description)"
      }
    }
    for position in passages.indices where candidate(passages[position]) == nil {
      passages[position].reason = "not judged: it has no vector"
    }
    return passages
  }

  private func candidate(_ passage: JudgedPassage) -> DetectionCandidate? {
    guard let similarity = passage.candidate.similarity else { return nil }
    let vector: EmbeddingRow
    switch passage.candidate.source {
    case .stored(let chunk):
      guard let row = ranker.index.corpus.row(ofChunk: chunk) else { return nil }
      vector = EmbeddingRow(ranker.index.corpus.vectors, row: row)
    case .injected(let position):
      guard let embedded = ranker.embedded else { return nil }
      vector = EmbeddingRow(embedded.vectors, row: position)
    }
    return DetectionCandidate(
      id: passage.candidate.id.string, title: passage.title, text: passage.text, vector: vector,
      similarity: similarity)
  }
}
