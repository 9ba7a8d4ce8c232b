import Glibc

/// Scores by which somebody who sees a model guesses whether a record was in its training data; higher
/// = rather in.
public enum MembershipScores {
  /// The loss, turned round.
  ///
  /// - SeeAlso: Yeom et al. 2018, "Privacy risk in machine learning".
  public static func loss(_ loss: Double) -> Double { -loss }

  /// How much better the model is than a reference that never saw the record.
  ///
  /// - SeeAlso: Carlini et al. 2021, "Extracting training data from large language models".
  public static func reference(loss: Double, referenceLoss: Double) -> Double {
    referenceLoss - loss
  }

  /// Min-k%: the mean log-probability of the least likely tokens.
  ///
  /// - Parameters:
  ///   - logProbabilities: of a text's tokens, in nats; at least one.
  ///   - share: of the tokens, above 0 and up to 1; at least one token is taken.
  /// - Returns: the mean, 0 or less.
  /// - SeeAlso: Shi et al. 2024, "Detecting pretraining data from large language models".
  public static func leastLikely(_ logProbabilities: [Double], share: Double = 0.2) -> Double {
    precondition(
      !logProbabilities.isEmpty && share > 0 && share <= 1,
      "leastLikely: \(logProbabilities.count) tokens, share \(share)")
    let count = max(1, Int(Double(logProbabilities.count) * share))
    return logProbabilities.sorted().prefix(count).reduce(0, +) / Double(count)
  }

  /// For a retriever: the similarity of a question and its passage above that of other passages.
  ///
  /// - Parameters:
  ///   - own: similarity to the record's passage.
  ///   - others: similarities to passages of other records; at least one.
  /// - Returns: the difference to their mean.
  public static func similarityMargin(own: Double, others: [Double]) -> Double {
    precondition(!others.isEmpty, "similarityMargin: no other passages")
    return own - others.reduce(0, +) / Double(others.count)
  }

  /// Exposure of a canary in bits: `log2 (references) − log2 (rank)`.
  ///
  /// - Parameters:
  ///   - loss: of the canary.
  ///   - references: losses of as good canaries that were never in.
  /// - Returns: the largest for a canary that is likelier than all references; those as likely count
  ///   as likelier.
  /// - SeeAlso: Carlini et al. 2019, "The secret sharer".
  public static func exposure(loss: Double, references: [Double]) -> Double {
    let rank = 1 + references.count { $0 <= loss }
    return log2(Double(references.count + 1)) - log2(Double(rank))
  }
}
