import Defenses
import Models
import Privacy
import Retrieval

/// How much more similar a retriever holds questions to their passages than to others.
struct SimilarityMargins {
  let embedder: Embedder
  /// Passages that no record owns.
  let references: [String]

  /// The margin of each pair.
  ///
  /// - Throws: What embedding throws.
  func margins(of pairs: [(query: String, positive: String)]) throws -> [Double] {
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
