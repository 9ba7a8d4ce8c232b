public import Basics
public import Retrieval
public import Statistics
import Tensors

/// A system against the mean of others on the same questions, such as a retriever before training
/// against the same one trained under several seeds.
public struct RetrievalComparison: Sendable {
  /// One metric.
  public struct Row: Sendable {
    /// The metric.
    public let metric: RankingMetric
    /// Its mean before.
    public let before: Double
    /// Its mean after, over systems and questions.
    public let after: Double
    /// After minus before, with an interval over questions: each question counts with the mean over
    /// the systems.
    public let difference: Applicable<BootstrapEstimate>
    /// The mean of each system.
    public let each: [Double]
  }

  /// One row a metric.
  public let rows: [Row]
  /// Judged questions.
  public let queries: Int

  /// Compares.
  ///
  /// - Parameters:
  ///   - before: One system.
  ///   - after: One or more on the same questions.
  ///   - metrics: Those of the evaluations.
  /// - Throws: `StatisticsError` if there is no question.
  public init(
    of before: RetrievalEvaluation, with after: [RetrievalEvaluation], metrics: [RankingMetric]
  ) throws {
    precondition(!after.isEmpty, "RetrievalComparison: nothing to compare with")
    queries = before.ranking.perQuery.count
    rows = try metrics.map { metric in
      let old = before.ranking.values(of: metric) ?? []
      let new = after.map { $0.ranking.values(of: metric) ?? [] }
      precondition(
        new.allSatisfy { $0.count == old.count }, "RetrievalComparison: different questions")
      let means = old.indices.map { query in
        new.reduce(0) { $0 + $1[query] } / Double(new.count)
      }
      func mean(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
      }
      var generator = Philox(seed: RetrievalEvaluation.seed)
      return Row(
        metric: metric, before: mean(old), after: mean(means),
        difference: try Bootstrap.pairedDifference(
          means, old, resamples: RetrievalEvaluation.resamples,
          using: &generator), each: new.map(mean))
    }
  }

  /// The rows as JSON, by metric.
  public var json: JSONObject {
    JSONObject(
      rows.map { row -> (String, JSONValue) in
        var object: JSONObject = [
          "before": .number(row.before), "after": .number(row.after),
          "each": .array(row.each.map { .number($0) }),
        ]
        if let difference = row.difference.value {
          object["difference"] = .object([
            "value": .number(difference.value), "lower": .number(difference.interval.lower),
            "upper": .number(difference.interval.upper), "p": .number(difference.pValueOfZero),
          ])
        }
        return (row.metric.description, .object(object))
      })
  }
}
