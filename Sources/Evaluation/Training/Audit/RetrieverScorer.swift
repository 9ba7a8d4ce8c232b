import Defenses
import Models
import Privacy
import Retrieval
import Training

/// How much more similar a retriever holds questions to their passages than to others, and how much of
/// that it learnt.
struct RetrieverScorer: MembershipScorer {
  static let margin = "margin"
  static let gain = "margin gain"

  /// The trained retriever.
  let after: Embedder
  /// One that never saw the pairs.
  let before: Embedder
  /// Passages that no pair owns.
  let references: [String]

  func scores(of records: [TextPair]) throws -> [(attack: String, scores: [Double])] {
    let now = try margins(of: records, by: after)
    let then = try margins(of: records, by: before)
    return [(Self.margin, now), (Self.gain, zip(now, then).map(-))]
  }

  private func margins(of pairs: [TextPair], by embedder: Embedder) throws -> [Double] {
    func matrix(_ texts: [String]) throws -> VectorMatrix {
      try embedder.embed(texts.map { .passage(title: "", text: $0, separator: "") }).matrix
    }
    let questions = try embedder.embed(pairs.map { .query($0.query) }).matrix
    let (passages, others) = (try matrix(pairs.map(\.positive)), try matrix(references))
    let similarity = embedder.model.similarity
    return pairs.indices.map { number in
      let question = EmbeddingRow(questions, row: number)
      return MembershipScores.similarityMargin(
        own: similarity.score(question, EmbeddingRow(passages, row: number)),
        others: (0..<others.rows).map { similarity.score(question, EmbeddingRow(others, row: $0)) })
    }
  }
}
