import Models
import Privacy
import Tensors

/// How likely a generator holds token sequences, by itself and beside a reference.
struct GeneratorScorer: MembershipScorer {
  static let reference = "reference"

  /// The trained generator.
  let after: TransformerDecoder
  /// One that never saw the sequences, with the same vocabulary; nil: there is none.
  let before: TransformerDecoder?
  let context: ComputeContext

  func scores(of records: [MaskedTokens]) throws -> [(attack: String, scores: [Double])] {
    let now = try logProbabilities(of: records, by: after)
    var found = [("loss", now.map { MembershipScores.loss(Self.loss($0)) })]
    if let before {
      let then = try logProbabilities(of: records, by: before)
      found.append(
        (
          Self.reference,
          zip(now, then).map {
            MembershipScores.reference(loss: Self.loss($0), referenceLoss: Self.loss($1))
          }
        ))
    }
    return found + [("min-20%", now.map { MembershipScores.leastLikely($0) })]
  }

  /// The mean loss of the learnt tokens, in nats.
  private static func loss(_ logProbabilities: [Double]) -> Double {
    -logProbabilities.reduce(0, +) / Double(logProbabilities.count)
  }

  /// Those of the learnt tokens.
  private func logProbabilities(
    of records: [MaskedTokens], by decoder: TransformerDecoder
  ) throws -> [[Double]] {
    zip(records, try decoder.logProbabilities(of: records.map(\.ids), in: context)).map {
      record, values in
      zip(record.isCompletion.dropFirst(), values).compactMap { $0 ? $1 : nil }
    }
  }
}

extension GeneratorScorer {
  /// The mean loss of each sequence's learnt tokens, in nats.
  static func losses(
    of records: [MaskedTokens], by decoder: TransformerDecoder, in context: ComputeContext
  ) throws -> [Double] {
    let scorer = GeneratorScorer(after: decoder, before: nil, context: context)
    return try scorer.logProbabilities(of: records, by: decoder).map(loss)
  }
}
