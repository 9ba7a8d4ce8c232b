public import Defenses
import Models
public import Retrieval

/// The vectors of what lies beyond the encoder's limit, for a list of passages.
public struct CandidateWindows: Sendable {
  private let rows: [[EmbeddingRow]]
  private let similarity: Models.Similarity

  /// Cuts and embeds; passages that the encoder sees whole cost no more than their tokens.
  ///
  /// - Parameters:
  ///   - passages: Titles and texts.
  ///   - embedder: The retriever.
  ///   - separator: What joins title and text.
  /// - Throws: What embedding throws.
  public init(
    of passages: [(title: String, text: String)], embedder: Embedder, separator: String
  ) throws {
    let cutter = PassageWindows(embedder.model, separator: separator)
    let inputs = passages.map { cutter.further(title: $0.title, text: $0.text) }
    let embeddings = try embedder.embed(inputs.flatMap(\.self))
    let empty = Set(embeddings.unembeddable)
    var next = 0
    rows = inputs.map { windows in
      defer { next += windows.count }
      return (next..<next + windows.count).filter { !empty.contains($0) }
        .map { EmbeddingRow(embeddings.matrix, row: $0) }
    }
    similarity = embedder.model.similarity
  }

  /// The windows of a passage, scored for a question.
  ///
  /// - Parameters:
  ///   - passage: Its position in the list.
  ///   - query: The question's vector.
  /// - Returns: None for a passage that the encoder sees whole.
  public func windows(
    of passage: Int, for query: EmbeddingRow
  ) -> [DetectionCandidate.Window] {
    rows[passage].map {
      DetectionCandidate.Window(vector: $0, similarity: similarity.score(query, $0))
    }
  }
}

extension Models.Similarity {
  /// The score of a document's vector for a query's; higher is more similar.
  func score(_ query: EmbeddingRow, _ document: EmbeddingRow) -> Double {
    var product = 0.0
    var queryNorm = 0.0
    var documentNorm = 0.0
    query.withValues { query in
      document.withValues { document in
        for (q, d) in zip(query, document) {
          product += Double(q) * Double(d)
          queryNorm += Double(q) * Double(q)
          documentNorm += Double(d) * Double(d)
        }
      }
    }
    switch self {
    case .innerProduct: return product
    case .l2: return -max(0, queryNorm + documentNorm - 2 * product)
    case .cosine:
      let norms = (queryNorm * documentNorm).squareRoot()
      return norms > 0 ? product / norms : 0
    }
  }
}
