import Models
import Privacy
import Tensors
import Training

/// How sure a classifier is of texts' classes.
struct ClassifierScorer: MembershipScorer {
  let classifier: SequenceClassifier
  let context: ComputeContext

  func scores(of records: [LabelledTokens]) throws -> [(attack: String, scores: [Double])] {
    let found = inParts(records) { part in
      context.logProbabilities(
        classifier.scores(of: part.map(\.tokens), on: Tape(in: context, mode: .forwardOnly)).value,
        of: part.map { Int32($0.label) })
    }
    return [("loss", found.map { MembershipScores.loss(-$0) })]
  }
}
