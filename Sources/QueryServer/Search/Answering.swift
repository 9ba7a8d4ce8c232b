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
    let needed = max(request.k, Judge.listLength)
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
    switch policy {
    case .annotate:
      let pool = try passages(candidates, max(k, Judge.listLength))
      answer.hits = Array(try verdicts(on: pool, by: judge).prefix(k))
    case .demote:
      let pool = try verdicts(
        on: try passages(candidates, max(k, Judge.listLength)), by: judge)
      let behind = pool.filter(\.isFlagged).map { passage in
        var moved = passage
        moved.reason = "ranked behind the passages that are not flagged: " + (passage.reason ?? "")
        return moved
      }
      answer.hits = Array((pool.filter { !$0.isFlagged } + behind).prefix(k))
    case .quarantine:
      // One list after another until k are left; what was judged keeps its verdict.
      var wanted = max(k, Judge.listLength)
      while true {
        let pool = try verdicts(on: try passages(candidates, wanted), by: judge)
        let left = pool.filter { !$0.isFlagged }
        if left.count >= k || pool.count < wanted {
          answer.hits = Array(left.prefix(k))
          // Only what stood before the last passage that is returned was in the way.
          let last = pool.lastIndex {
            !$0.isFlagged && $0.candidate.id == answer.hits.last?.candidate.id
          }
          let end = answer.hits.count < k ? pool.count : last.map { $0 + 1 } ?? pool.count
          answer.removed = pool[..<end].enumerated().filter(\.element.isFlagged).map {
            ($0.offset + 1, $0.element)
          }
          break
        }
        wanted += max(k - left.count, Judge.listLength)
      }
    }
    return answer
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
    on passages: [JudgedPassage], by judge: Judge
  ) throws -> [JudgedPassage] {
    var passages = passages
    let query = DetectionQuery(
      id: "query", text: ranker.request.query, vector: EmbeddingRow(ranker.vector, row: 0))
    var lists: [(list: DetectionList, positions: [Int])] = []
    let judgeable = passages.indices.filter { candidate(passages[$0]) != nil }
    // Best first by similarity, whatever the passages are ranked by.
    let head = judgeable.prefix(Judge.listLength)
    let ordered = head.sorted {
      (passages[$0].candidate.similarity ?? 0) > (passages[$1].candidate.similarity ?? 0)
    }
    let context = ordered.compactMap { candidate(passages[$0]) }
    lists.append((try DetectionList(query: query, candidates: context), ordered))
    for position in judgeable.dropFirst(Judge.listLength) {
      guard let own = candidate(passages[position]) else { continue }
      let candidates = context.prefix(Judge.listLength - 1) + [own]
      lists.append(
        (
          try DetectionList(
            query: query, candidates: Array(candidates), subjects: [candidates.count - 1]),
          [position]
        ))
    }
    for (entry, result) in zip(lists, try judge.verdicts(on: lists.map(\.list))) {
      switch result {
      case .success(let verdicts):
        for (position, verdict) in zip(entry.positions, verdicts) {
          passages[position].verdict = verdict
          if verdict.isFlagged { passages[position].reason = judge.reason(verdict) }
        }
      case .failure(let error):
        for position in entry.positions {
          passages[position].reason = "not judged: \(error.description)"
        }
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
