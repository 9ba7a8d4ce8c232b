import Basics
import CFaiss

extension FaissIndex {
  /// The best vectors for each query; see ``EmbeddingIndex/search(_:k:effort:)``.
  public func search(
    _ queries: VectorMatrix, k: Int, effort: SearchEffort
  ) throws -> [[Neighbor]] {
    try SearchLimits.check(k: k, queries: queries.rows)
    let parameter = try effort.parameter(for: kind)
    let prepared = try VectorCheck.prepared(
      queries, dimension: dimension, similarity: similarity, what: "query",
      name: { "query row \($0)" })
    // FAISS keeps the parameter in the index, so only searches that agree on it share the lock.
    let answer = try lock.read {
      try checkUsable()
      return state.parameter == parameter?.value
        ? try rank(prepared, k: k, candidates: parameter?.value) : nil
    }
    if let answer { return answer }
    return try change("search") {
      if let parameter {
        try FaissLibrary.check(
          rbf_set_parameter(handle, parameter.name, Int64(parameter.value)),
          "set \(parameter.name)")
        state.parameter = parameter.value
      }
      return try rank(prepared, k: k, candidates: parameter?.value)
    }
  }

  /// Searches under the lock.
  ///
  /// - Parameters:
  ///   - queries: Checked.
  ///   - k: Checked.
  ///   - candidates: `efSearch` of a graph: those are ranked anyway, so all are asked for.
  /// - Returns: One ranking for each query.
  /// - Throws: `VectorIndexError`.
  private func rank(_ queries: VectorMatrix, k: Int, candidates: Int?) throws -> [[Neighbor]] {
    guard rbf_is_trained(handle) != 0 else {
      throw VectorIndexError.notTrained(kind: kind.description)
    }
    let total = state.ids.count
    guard total > 0 else { return Array(repeating: [], count: queries.rows) }
    // One more than asked shows whether the last place is shared.
    let width = min(total, kind.isGraph ? max(k, candidates ?? k) : k + 1)
    let step = max(1, (1 << 20) / width)
    return try queries.withValues { values in
      var rankings: [[Neighbor]] = []
      rankings.reserveCapacity(queries.rows)
      var row = 0
      while row < queries.rows {
        let rows = min(step, queries.rows - row)
        let slice = UnsafeBufferPointer(
          rebasing: values[row * dimension..<(row + rows) * dimension])
        rankings += try rank(slice, rows: rows, k: k, width: width, total: total)
        row += rows
      }
      return rankings
    }
  }

  /// Ranks by score, then id. Where vectors share the score of the last place, FAISS keeps any of
  /// them, so such a query is asked again more widely until the whole tie is seen.
  private func rank(
    _ queries: UnsafeBufferPointer<Float>, rows: Int, k: Int, width: Int, total: Int
  ) throws -> [[Neighbor]] {
    guard let first = queries.baseAddress else { return [] }
    var ids = [Int64](repeating: 0, count: rows * width)
    var scores = [Float](repeating: 0, count: rows * width)
    var found = [Int64](repeating: 0, count: rows)
    try FaissLibrary.check(
      rbf_search(handle, Int64(rows), first, Int64(width), &ids, &scores, &found), "search")
    return try (0..<rows).map { row in
      let count = Int(found[row])
      var ranking = (0..<count).map {
        Neighbor(id: ids[row * width + $0], score: scores[row * width + $0])
      }
      ranking.sort { $0.ranksBefore($1) }
      let isCut = count == width && width < total && count > k
      if isCut, !kind.isGraph, ranking[k - 1].score == ranking[count - 1].score {
        let query = UnsafeBufferPointer(
          rebasing: queries[row * dimension..<(row + 1) * dimension])
        return try rank(query, rows: 1, k: k, width: min(total, 8 * width), total: total)[0]
      }
      return Array(ranking.prefix(k))
    }
  }
}
