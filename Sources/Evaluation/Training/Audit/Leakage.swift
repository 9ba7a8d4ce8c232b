import Basics
import Privacy
import Statistics
import Tensors

/// What a trained model tells of what it was trained on.
///
/// - SeeAlso: dp-core specification, section 10.
struct Leakage {
  /// Scores of records, higher = rather in.
  struct Scores {
    /// Of records that were trained on.
    var members: [Double]
    /// Of records of the same kind that were not.
    var others: [Double]
    /// Of canaries that the coin put in.
    var included: [Double]
    /// Of canaries that the coin left out.
    var excluded: [Double]
  }

  /// How well the scores tell members from others.
  let membership: MembershipInference
  /// The largest ε that the canaries refute with 95 % confidence; nil without canaries.
  let epsilonBound: Double?
  /// Mean exposure of the canaries that were in among those that were not, in bits; nil without canaries.
  let exposure: Double?

  /// Measures.
  ///
  /// - Parameters:
  ///   - scores: One model's.
  ///   - epsilon: What the run claims; infinite: nothing.
  ///   - delta: Likewise.
  /// - Throws: `StatisticsError`.
  init(_ scores: Scores, epsilon: Double, delta: Double) throws {
    var random = Philox(seed: 1, stream: 0x6C65_616B)
    membership = try MembershipInference(
      members: scores.members, others: scores.others, epsilon: epsilon, delta: delta,
      using: &random)
    guard !scores.included.isEmpty, !scores.excluded.isEmpty else {
      (epsilonBound, exposure) = (nil, nil)
      return
    }
    epsilonBound = try OneRunAudit.lowerBound(
      included: scores.included, excluded: scores.excluded, delta: delta)
    exposure =
      scores.included.reduce(0) { sum, score in
        sum + MembershipScores.exposure(loss: -score, references: scores.excluded.map { -$0 })
      } / Double(scores.included.count)
  }

  /// The figures.
  var json: JSONObject {
    func estimate(_ value: Applicable<BootstrapEstimate>) -> JSONValue {
      guard let value = value.value else { return .null }
      return [
        "value": .number(value.value), "lower": .number(value.interval.lower),
        "upper": .number(value.interval.upper),
      ]
    }
    return [
      "auc": estimate(membership.area),
      "balancedAccuracy": membership.balancedAccuracy.value.map { .number($0) } ?? .null,
      "rates": .array(
        membership.rates.map {
          [
            "falsePositiveRate": .number($0.falsePositiveRate),
            "truePositiveRate": estimate($0.truePositiveRate),
            "ceiling": .number($0.ceiling),
          ]
        }),
      "epsilonLowerBound": epsilonBound.map { .number($0) } ?? .null,
      "exposure": exposure.map { .number($0) } ?? .null,
    ]
  }
}
