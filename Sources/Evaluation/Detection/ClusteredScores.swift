import Statistics

/// Scores of clean and poisoned documents with the query each belongs to.
///
/// The documents of one query are not independent, so sampling errors come from drawing queries.
struct ClusteredScores: Sendable {
  private struct Entry {
    var score: Double
    var query: Int
    var isPositive: Bool
  }

  /// Descending by score.
  private var entries: [Entry] = []
  private var queryCount = 0

  let scores: BinaryScores

  /// Scores of queries.
  ///
  /// - Parameters:
  ///   - negatives: The scores of each query's clean documents.
  ///   - positives: The scores of each query's poisoned documents, in the same order of queries.
  /// - Throws: `StatisticsError.nonFinite`.
  init(negatives: [[Double]], positives: [[Double]]) throws {
    precondition(
      negatives.count == positives.count,
      "ClusteredScores: \(negatives.count) and \(positives.count) queries")
    scores = try BinaryScores(
      negatives: negatives.flatMap(\.self), positives: positives.flatMap(\.self))
    queryCount = negatives.count
    for (query, values) in negatives.enumerated() {
      entries += values.map { Entry(score: $0, query: query, isPositive: false) }
    }
    for (query, values) in positives.enumerated() {
      entries += values.map { Entry(score: $0, query: query, isPositive: true) }
    }
    entries.sort { $0.score > $1.score }
  }

  /// The area under the ROC curve and average precision, each with an interval over queries.
  ///
  /// The resamples of a block are counted in one pass over the sorted scores, each query as often as
  /// it was drawn: sorting each resample would take a hundred times as long.
  ///
  /// - Parameter resamples: Draws of the queries.
  /// - Returns: Both areas, or why there are none.
  /// - Throws: `StatisticsError`.
  func areas(
    over resamples: Resamples
  ) throws -> (
    underROC: Applicable<BootstrapEstimate>, averagePrecision: Applicable<BootstrapEstimate>
  ) {
    if scores.positives.isEmpty {
      return (.notApplicable("no poisoned documents"), .notApplicable("no poisoned documents"))
    }
    if scores.negatives.isEmpty {
      return (.notApplicable("no clean documents"), .notApplicable("no clean documents"))
    }
    precondition(
      resamples.units == queryCount,
      "areas: \(queryCount) queries, resamples of \(resamples.units)")
    let values = resamples.values(statistics: 2) { areas(weights: $0) }
    return (
      try Bootstrap.estimate(values[0].data, resampled: values[0].resampled),
      try Bootstrap.estimate(values[1].data, resampled: values[1].resampled)
    )
  }

  /// Both areas where query q counts `weights[q]` times; NaN where a class is missing. The counts
  /// and twice the concordant pairs are integers far below 2⁵³, so these sums are exact.
  private func areas(weights: UnsafeBufferPointer<SIMD16<Double>>) -> [SIMD16<Double>] {
    var positivesAbove = SIMD16<Double>.zero
    var negativesAbove = SIMD16<Double>.zero
    var doubledConcordant = SIMD16<Double>.zero
    var precisionSum = SIMD16<Double>.zero
    entries.withUnsafeBufferPointer { entries in
      var index = 0
      while index < entries.count {
        let score = entries[index].score
        var positives = SIMD16<Double>.zero
        var negatives = SIMD16<Double>.zero
        var hasPositives = false
        while index < entries.count, entries[index].score == score {
          let entry = entries[index]
          if entry.isPositive {
            positives += weights[entry.query]
            hasPositives = true
          } else {
            negatives += weights[entry.query]
          }
          index += 1
        }
        doubledConcordant += negatives * (2 * positivesAbove + positives)
        positivesAbove += positives
        negativesAbove += negatives
        if hasPositives {
          let precision = positives * positivesAbove / (positivesAbove + negativesAbove)
          // Nothing drawn so far: 0 of 0.
          precisionSum += precision.replacing(with: 0, where: positives .== 0)
        }
      }
    }
    let isMissing = (positivesAbove .== 0) .| (negativesAbove .== 0)
    return [doubledConcordant / 2 / positivesAbove / negativesAbove, precisionSum / positivesAbove]
      .map { $0.replacing(with: .nan, where: isMissing) }
  }
}
