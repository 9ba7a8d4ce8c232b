import Basics
import Corpus
import Defenses
import Models
import Retrieval
import Synchronization

/// The questions that come with a corpus, with their vectors by each retriever.
final class QuestionBank: Sendable {
  /// The most questions that are embedded to find the nearest one.
  private static let maximumQuestions = 2000

  private struct Embedded: Sendable {
    var texts: [String]
    var vectors: VectorMatrix
    var scan: ExactScan
  }

  private let corpus: CorpusBundle?
  private let embedded = Mutex<[String: Embedded]>([:])

  /// The questions of a corpus; `nil` has none.
  init(_ corpus: CorpusBundle?) { self.corpus = corpus }

  /// The names of the query sets.
  var sets: [String] { corpus?.querySets ?? [] }

  /// The number of questions of a set.
  func count(_ set: String) throws -> Int { try corpus?.queryCount(set) ?? 0 }

  /// The questions of a set.
  ///
  /// - Parameter set: Its name.
  /// - Returns: The questions.
  /// - Throws: `UsageError` for an unknown name, or if the index is served without its corpus.
  func queries(_ set: String) throws -> [Query] {
    guard let corpus else {
      throw UsageError("an index that is served by its folder has no query sets; serve the corpus")
    }
    return try corpus.queries(set)
  }

  /// The question that is nearest to a document.
  ///
  /// - Parameters:
  ///   - document: Its vector.
  ///   - retriever: Whose vector.
  /// - Returns: The question and its vector.
  /// - Throws: `UsageError` if there are no questions.
  func nearest(
    to document: EmbeddingRow, by retriever: Retriever
  ) throws -> (text: String, vector: VectorMatrix) {
    let questions = try all(by: retriever)
    let query = try VectorMatrix(vector: document.withValues { Array($0) })
    guard let best = try questions.scan.search(query, k: 1, threads: 1)[0].first else {
      throw UsageError("the corpus has no questions of its own: give 'query'")
    }
    let row = Int(best.id)
    return (questions.texts[row], try VectorMatrix(vector: questions.vectors[row]))
  }

  private func all(by retriever: Retriever) throws -> Embedded {
    // Locked while they are embedded, so that it is done once.
    try embedded.withLock { embedded in
      if let ready = embedded[retriever.name] { return ready }
      let queries = try sets.flatMap { try self.queries($0) }.prefix(Self.maximumQuestions)
      let made = try retriever.embedder.embed(queries.map { .query($0.text) })
      let empty = Set(made.unembeddable)
      let kept = queries.indices.filter { !empty.contains($0) }
      let vectors = try VectorMatrix(
        kept.flatMap { made.matrix[$0] }, rows: kept.count, dimension: made.matrix.dimension)
      let entry = Embedded(
        texts: kept.map { queries[$0].text }, vectors: vectors,
        scan: try ExactScan(
          vectors, similarity: retriever.embedder.model.similarity, threads: 1))
      embedded[retriever.name] = entry
      return entry
    }
  }
}
