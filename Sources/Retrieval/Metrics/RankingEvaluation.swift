public import Basics
public import Statistics

/// Ranking metrics of a run against judgements, query by query.
///
/// Every judged query counts: one without results has the value 0 (as `trec_eval -c`), so a system
/// gains nothing by staying silent. Queries without judgements do not count and are named.
public struct RankingEvaluation: Sendable, Equatable {
  /// The values of one query.
  public struct QueryValues: Sendable, Equatable {
    /// The query's id.
    public let query: UTF8Key
    /// One value a metric, in the order of `metrics`, each from 0 to 1.
    public let values: [Double]
  }

  /// The metrics, in the order given.
  public let metrics: [RankingMetric]
  /// The values of every judged query, ascending by id.
  public let perQuery: [QueryValues]
  /// Judged queries that the run does not answer; their values are 0.
  public let queriesWithoutResults: [UTF8Key]
  /// Judged queries without a relevant document; their values are 0 whatever the run says.
  public let queriesWithoutRelevant: [UTF8Key]
  /// Queries of the run without judgements; they are left out.
  public let queriesWithoutJudgements: [UTF8Key]

  /// Evaluates a run.
  ///
  /// - Parameters:
  ///   - rankings: One ranking a query, in any order.
  ///   - judgements: What is relevant.
  ///   - metrics: What to compute, at least one to be useful.
  ///   - relevanceThreshold: The smallest grade that is relevant, at least 1. Gains of nDCG do not
  ///     depend on it.
  /// - Throws: `InputError` for a query with two rankings; `UsageError` for a threshold below 1.
  public init(
    rankings: [Ranking], judgements: Judgements, metrics: [RankingMetric],
    relevanceThreshold: Int = 1
  ) throws {
    guard relevanceThreshold >= 1 else {
      throw UsageError("the relevance threshold is \(relevanceThreshold), expected at least 1")
    }
    var byQuery: [UTF8Key: Ranking] = [:]
    for ranking in rankings {
      guard byQuery.updateValue(ranking, forKey: ranking.query) == nil else {
        throw InputError("the query has two rankings", at: Place(record: ranking.query.string))
      }
    }
    var perQuery: [QueryValues] = []
    var withoutResults: [UTF8Key] = []
    var withoutRelevant: [UTF8Key] = []
    for query in judgements.queries {
      let ranking = byQuery.removeValue(forKey: query)
      let judged = JudgedRanking(
        ranking, grades: judgements.grades[query] ?? [:], threshold: relevanceThreshold)
      if judged.gradeAtRank.isEmpty { withoutResults.append(query) }
      if judged.relevantCount == 0 { withoutRelevant.append(query) }
      perQuery.append(
        QueryValues(query: query, values: metrics.map { $0.value(for: judged) }))
    }
    self.metrics = metrics
    self.perQuery = perQuery
    queriesWithoutResults = withoutResults
    queriesWithoutRelevant = withoutRelevant
    queriesWithoutJudgements = byQuery.keys.sorted()
  }

  /// The values of one metric, in the order of `perQuery`; `nil` if it was not computed.
  public func values(of metric: RankingMetric) -> [Double]? {
    metrics.firstIndex(of: metric).map { index in perQuery.map { $0.values[index] } }
  }

  /// The mean of one metric over all judged queries; not applicable without any.
  public func mean(of metric: RankingMetric) -> Applicable<Double> {
    guard let values = values(of: metric) else {
      return .notApplicable("\(metric) was not computed")
    }
    if values.isEmpty { return .notApplicable("no judged queries") }
    return .value(values.compensatedSum() / Double(values.count))
  }
}
