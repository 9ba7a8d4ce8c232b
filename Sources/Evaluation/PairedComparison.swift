public import Basics
public import Retrieval
public import Statistics
import Tensors
import Training

/// A system against the mean of others on the same units, such as a retriever before training against
/// the same one trained under several seeds.
public struct PairedComparison: Sendable {
  /// One metric.
  public struct Row: Sendable {
    /// The metric.
    public let metric: String
    /// Its value before.
    public let before: Double
    /// Its value after, the mean over the systems.
    public let after: Double
    /// After minus before, with an interval over units.
    public let difference: Applicable<BootstrapEstimate>
    /// The value of each system.
    public let each: [Double]
  }

  /// One row a metric.
  public let rows: [Row]
  /// What was resampled: judged questions, or texts.
  public let units: Int

  /// Compares rankings: each question counts with its mean over the systems.
  ///
  /// - Parameters:
  ///   - before: One system.
  ///   - after: One or more on the same questions.
  ///   - metrics: Those of the evaluations.
  /// - Throws: `StatisticsError` if there is no question.
  public init(
    of before: RetrievalEvaluation, with after: [RetrievalEvaluation], metrics: [RankingMetric]
  ) throws {
    precondition(!after.isEmpty, "PairedComparison: nothing to compare with")
    units = before.ranking.perQuery.count
    rows = try metrics.map { metric in
      let old = before.ranking.values(of: metric) ?? []
      let new = after.map { $0.ranking.values(of: metric) ?? [] }
      precondition(
        new.allSatisfy { $0.count == old.count }, "PairedComparison: different questions")
      return try Self.row(metric.description, old, new)
    }
  }

  /// Compares one value for each unit, such as a text's loss.
  ///
  /// - Parameters:
  ///   - before: The values of one system.
  ///   - after: Those of one or more others.
  ///   - metric: The values' name.
  /// - Throws: `StatisticsError` if there is no unit.
  init(of before: [Double], with after: [[Double]], metric: String) throws {
    precondition(
      !after.isEmpty && after.allSatisfy { $0.count == before.count },
      "PairedComparison: different units")
    units = before.count
    rows = [try Self.row(metric, before, after)]
  }

  /// A metric that is a mean over units: each unit counts with its mean over the systems.
  private static func row(_ metric: String, _ old: [Double], _ new: [[Double]]) throws -> Row {
    let means = old.indices.map { unit in
      new.reduce(0) { $0 + $1[unit] } / Double(new.count)
    }
    func mean(_ values: [Double]) -> Double {
      values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
    var generator = Philox(seed: RetrievalEvaluation.seed)
    return Row(
      metric: metric, before: mean(old), after: mean(means),
      difference: try Bootstrap.pairedDifference(
        means, old, resamples: RetrievalEvaluation.resamples, using: &generator),
      each: new.map(mean))
  }

  /// Compares guesses of classes, by accuracy and macro-F1; texts are resampled.
  ///
  /// - Parameters:
  ///   - before: The guesses of one system.
  ///   - after: Those of one or more others.
  ///   - labels: The right classes, 0 ..< `classes`.
  ///   - classes: How many there are.
  /// - Throws: `StatisticsError` if there is no text.
  init(of before: [Int], with after: [[Int]], labels: [Int], classes: Int) throws {
    precondition(
      !after.isEmpty && ([before] + after).allSatisfy { $0.count == labels.count },
      "PairedComparison: \(labels.count) labels, \(before.count) guesses")
    units = labels.count
    rows = try [("macro-F1", \ClassScores.macroF1), ("accuracy", \ClassScores.accuracy)].map {
      name, path in
      func value(_ guesses: [Int], _ drawn: [Int]) -> Double {
        ClassScores(
          labels: drawn.map { labels[$0] }, guesses: drawn.map { guesses[$0] }, classes: classes)[
            keyPath: path]
      }
      let all = Array(labels.indices)
      let each = after.map { value($0, all) }
      var generator = Philox(seed: RetrievalEvaluation.seed)
      return Row(
        metric: name, before: value(before, all),
        after: each.reduce(0, +) / Double(each.count),
        difference: try Bootstrap.resampling(
          labels.count, resamples: RetrievalEvaluation.resamples, using: &generator
        ) { drawn in
          after.reduce(0) { $0 + value($1, drawn) } / Double(after.count) - value(before, drawn)
        }, each: each)
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
        return (row.metric, .object(object))
      })
  }
}
