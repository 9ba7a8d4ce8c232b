public import Basics
public import Corpus
import Models
public import Retrieval

/// Training pairs of a corpus: each judged question with a passage that answers it, and with passages
/// that a retriever ranks high though they do not.
///
/// - SeeAlso: Xiong et al. 2021, "Approximate nearest neighbor negative contrastive learning" (ANCE).
public struct PairMining {
  /// A question with its passages.
  public struct Pair: Sendable, Equatable {
    /// The question's text.
    public var query: String
    /// A relevant passage, title and text joined as the corpus says.
    public var positive: String
    /// Passages that are not judged relevant, the best ranked first.
    public var negatives: [String]

    /// The pair as a line that `train contrastive` reads.
    public var json: JSONObject {
      [
        "query": .string(query), "positive": .string(positive),
        "negatives": .array(negatives.map { .string($0) }),
      ]
    }
  }

  private let bundle: CorpusBundle
  private let index: CorpusIndex
  private let embedder: Embedder

  /// Prepares the search.
  ///
  /// - Parameters:
  ///   - bundle: The corpus.
  ///   - index: The corpus as the retriever sees it.
  ///   - embedder: The retriever whose mistakes are looked for.
  public init(bundle: CorpusBundle, index: CorpusIndex, embedder: Embedder) {
    self.bundle = bundle
    self.index = index
    self.embedder = embedder
  }

  /// One pair for each question and relevant passage, in the order of the questions, then of the ids.
  ///
  /// - Parameters:
  ///   - set: A query set with judgements.
  ///   - negatives: Passages for each question, 0 to 1,000; fewer if the corpus has no more.
  /// - Returns: The pairs.
  /// - Throws: `UsageError` if the set has no judgements; `InputError` for a relevant passage that the
  ///   corpus does not have; what search throws.
  public func pairs(of set: String, negatives: Int) throws -> [Pair] {
    let questions = try bundle.queries(set)
    guard
      let judgements = try JudgementSource.judgements(of: set, queries: questions, in: bundle)
    else {
      throw UsageError("the query set '\(TerminalText.excerpt(set))' has no judgements")
    }
    let relevant = questions.map { question in
      (judgements.grades[UTF8Key(question.id)] ?? [:]).filter { $0.value >= 1 }.keys.sorted()
    }
    let most = relevant.map(\.count).max() ?? 0
    let clean = try CleanRetrieval(
      set: set, queries: questions, index: index, embedder: embedder,
      // So many that those which are relevant can be left out.
      depth: max(1, negatives + most))
    let hits = Dictionary(
      zip(clean.queries.map { UTF8Key($0.id) }, clean.hits), uniquingKeysWith: { first, _ in first }
    )
    return try zip(questions, relevant).flatMap { question, answers -> [Pair] in
      let known = Set(answers)
      let others = try (hits[UTF8Key(question.id)] ?? []).lazy.filter { !known.contains($0.id) }
        .prefix(negatives).map { try text(of: $0.id, for: question) }
      return try answers.map { answer in
        Pair(
          query: question.text, positive: try text(of: answer, for: question),
          negatives: Array(others))
      }
    }
  }

  private func text(of id: UTF8Key, for question: Query) throws -> String {
    guard let document = try index.store.document(id.string) else {
      throw InputError(
        "the passage '\(TerminalText.escaped(id.string))' is judged and not in the corpus",
        at: Place(record: question.id))
    }
    return document.title.isEmpty
      ? document.text : document.title + bundle.titleSeparator + document.text
  }
}
