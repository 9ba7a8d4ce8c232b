import Basics
import Dispatch
import Models
import Retrieval
import Synchronization

/// Answers questions, several at once: they are embedded in one batch and ranked in one scan.
struct SearchEngine: Sendable {
  let shelf: RetrieverShelf
  let overlays: OverlayStore
  let policy: DetectionPolicy
  let statistics: ServerStatistics

  /// Answers questions to one retriever.
  ///
  /// - Parameters:
  ///   - requests: Any number; each answer is what it would be alone.
  ///   - retriever: The retriever.
  /// - Returns: One answer or error each.
  func answers(
    _ requests: [SearchRequest], by retriever: Retriever
  ) -> [Result<SearchAnswer, any Error>] {
    do {
      do {
        return try attempt(requests, by: retriever)
      } catch is ServedIndex.ChangedError {
        return try attempt(requests, by: retriever)
      }
    } catch {
      // What concerns all of them: the store, the encoder.
      return requests.map { _ in .failure(error) }
    }
  }

  private func attempt(
    _ requests: [SearchRequest], by retriever: Retriever
  ) throws -> [Result<SearchAnswer, any Error>] {
    let index = try retriever.watch.current()
    let clock = ContinuousClock()
    var vectors: [[Float]?] = []
    let embedding = try clock.measure {
      vectors = try embed(requests.map(\.query), by: retriever.embedder)
    }
    statistics.record(.embedding, embedding)
    statistics.countBatch(of: requests.count)
    let known = vectors.indices.filter { vectors[$0] != nil }
    var hits: [Int: [CorpusIndex.Hit]] = [:]
    if !known.isEmpty {
      let ranking = try clock.measure {
        let matrix = try VectorMatrix(
          known.flatMap { vectors[$0] ?? [] }, rows: known.count,
          dimension: retriever.embedder.model.dimension)
        let depth = known.map { Answering.firstDepth(requests[$0]) }.max() ?? 1
        for (position, ranked) in zip(known, try index.rank(matrix, limit: depth)) {
          hits[position] = ranked
        }
      }
      statistics.record(.ranking, ranking)
    }
    let answers = Mutex<[Result<SearchAnswer, any Error>?]>(
      Array(repeating: nil, count: requests.count))
    let (shared, rankings) = (vectors, hits)
    forEach(requests.indices, threads: retriever.embedder.threads) { position in
      let result = Result {
        try finish(
          requests[position], vector: shared[position], hits: rankings[position], index: index,
          retriever: retriever)
      }
      answers.withLock { $0[position] = result }
    }
    return answers.withLock { $0.compactMap { $0 } }
  }

  private func finish(
    _ request: SearchRequest, vector: [Float]?, hits: [CorpusIndex.Hit]?, index: ServedIndex,
    retriever: Retriever
  ) throws -> SearchAnswer {
    guard let vector, let hits else {
      throw UsageError("query: there is nothing in it that can be embedded")
    }
    func answer(_ index: ServedIndex, _ hits: [CorpusIndex.Hit]) throws -> SearchAnswer {
      let ranker = Ranker(
        request: request, vector: try VectorMatrix(vector: vector), index: index,
        embedded: try request.overlay?.embedded(
          by: retriever.embedder, separator: retriever.titleSeparator),
        threads: retriever.embedder.threads)
      var answering = Answering(
        ranker, retriever: retriever, policy: policy, statistics: statistics)
      // The scan went as deep as the deepest of the batch.
      return try answering.answer(Array(hits.prefix(Answering.firstDepth(request))))
    }
    do {
      return try answer(index, hits)
    } catch is ServedIndex.ChangedError {
      // The store changed between vectors and words; once more at its present content.
      let index = try retriever.watch.current()
      let vector = try VectorMatrix(vector: vector)
      return try answer(
        index, try index.rank(vector, limit: Answering.firstDepth(request))[0])
    }
  }

  private func embed(_ texts: [String], by embedder: Embedder) throws -> [[Float]?] {
    // Alone, a question has all threads.
    if texts.count == 1 { return [embedder.embed(query: texts[0])] }
    let embeddings = try embedder.embed(texts.map { .query($0) })
    let empty = Set(embeddings.unembeddable)
    return texts.indices.map { empty.contains($0) ? nil : embeddings.matrix[$0] }
  }

  private func forEach(
    _ positions: Range<Int>, threads: Int, _ body: @Sendable (Int) -> Void
  ) {
    if positions.count == 1 || threads == 1 {
      for position in positions { body(position) }
    } else {
      DispatchQueue.concurrentPerform(iterations: positions.count, execute: body)
    }
  }
}
