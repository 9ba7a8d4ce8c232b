import Glibc
import Models
import Privacy
import Tensors
import Training

/// How sure a classifier is of texts' classes.
struct ClassifierScorer: MembershipScorer {
  /// Texts of one pass.
  private static let passSize = 64

  let classifier: SequenceClassifier
  let context: ComputeContext

  func scores(of records: [LabelledTokens]) throws -> [(attack: String, scores: [Double])] {
    var losses: [Double] = []
    for start in stride(from: 0, to: records.count, by: Self.passSize) {
      let part = records[start..<min(records.count, start + Self.passSize)]
      let scores = classifier.scores(
        of: part.map(\.tokens), on: Tape(in: context, mode: .forwardOnly)
      ).value
      for (row, record) in part.enumerated() {
        let values = scores.values[row * scores.columns..<(row + 1) * scores.columns].map(
          Double.init)
        let most = values.max() ?? 0
        let sum = values.reduce(0) { $0 + exp($1 - most) }
        losses.append(most + log(sum) - values[record.label])
      }
    }
    return [("loss", losses.map(MembershipScores.loss))]
  }
}
