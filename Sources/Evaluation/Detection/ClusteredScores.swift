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

  /// Areas of one resample.
  private struct Areas {
    var underROC: Double
    var averagePrecision: Double
  }

  /// The areas with queries counted as often as they were drawn, in one pass: sorting each resample
  /// would take a hundred times as long.
  private func areas(weights: [Int]) -> Areas? {
    var positivesAbove = 0
    var negativesAbove = 0
    var doubledConcordant = 0
    var precisionSum = 0.0
    var index = 0
    while index < entries.count {
      let score = entries[index].score
      var positives = 0
      var negatives = 0
      while index < entries.count, entries[index].score == score {
        let entry = entries[index]
        if entry.isPositive {
          positives += weights[entry.query]
        } else {
          negatives += weights[entry.query]
        }
        index += 1
      }
      doubledConcordant += negatives * (2 * positivesAbove + positives)
      positivesAbove += positives
      negativesAbove += negatives
      if positives > 0 {
        precisionSum +=
          Double(positives) * Double(positivesAbove) / Double(positivesAbove + negativesAbove)
      }
    }
    guard positivesAbove > 0, negativesAbove > 0 else { return nil }
    return Areas(
      underROC: Double(doubledConcordant) / 2 / Double(positivesAbove) / Double(negativesAbove),
      averagePrecision: precisionSum / Double(positivesAbove))
  }

  /// The area under the ROC curve and average precision, each with an interval over queries.
  ///
  /// Both come from the same resamples.
  ///
  /// - Parameters:
  ///   - resamples: Their number, at least 1,000.
  ///   - generator: Draws the queries.
  /// - Returns: Both areas, or why there are none.
  /// - Throws: `StatisticsError` for too few resamples.
  func areas(
    resamples: Int, using generator: inout some RandomNumberGenerator
  ) throws -> (
    underROC: Applicable<BootstrapEstimate>, averagePrecision: Applicable<BootstrapEstimate>
  ) {
    if scores.positives.isEmpty {
      return (.notApplicable("no poisoned documents"), .notApplicable("no poisoned documents"))
    }
    if scores.negatives.isEmpty {
      return (.notApplicable("no clean documents"), .notApplicable("no clean documents"))
    }
    var weights = [Int](repeating: 0, count: queryCount)
    var drawn: [Areas?] = []
    var again = generator
    let underROC = try Bootstrap.resampling(
      queryCount, resamples: resamples, using: &generator
    ) { units in
      for index in weights.indices { weights[index] = 0 }
      for unit in units { weights[unit] += 1 }
      drawn.append(areas(weights: weights))
      return drawn[drawn.count - 1]?.underROC
    }
    var next = drawn.startIndex
    let averagePrecision = try Bootstrap.resampling(
      queryCount, resamples: resamples, using: &again
    ) { _ in
      defer { next += 1 }
      return drawn[next]?.averagePrecision
    }
    return (underROC, averagePrecision)
  }
}
