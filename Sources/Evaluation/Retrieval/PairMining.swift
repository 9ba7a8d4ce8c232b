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
  private let search: () throws -> (index: CorpusIndex, embedder: Embedder)

  /// Prepares the search.
  ///
  /// - Parameters:
  ///   - bundle: The corpus.
  ///   - search: The corpus as the retriever sees it whose mistakes are looked for; not asked for
  ///     where there are to be no negatives.
  public init(
    bundle: CorpusBundle,
    search: @escaping () throws -> (index: CorpusIndex, embedder: Embedder)
  ) {
    self.bundle = bundle
    self.search = search
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
    let others =
      negatives == 0
      ? questions.map { _ in [] }
      : try mistakes(questions, relevant, set: set, count: negatives)
    let texts = try passages(Set(relevant.joined()).union(others.joined()))
    return try questions.indices.flatMap { number -> [Pair] in
      func text(_ id: UTF8Key) throws -> String {
        guard let text = texts[id] else {
          throw InputError(
            "the passage '\(TerminalText.escaped(id.string))' is judged and not in the corpus",
            at: Place(record: questions[number].id))
        }
        return text
      }
      let wrong = try others[number].map(text)
      return try relevant[number].map { answer in
        Pair(query: questions[number].text, positive: try text(answer), negatives: wrong)
      }
    }
  }

  /// The passages that rank highest for questions whose answers are not in this corpus: public text, where
  /// pairs are private.
  ///
  /// - Parameters:
  ///   - questions: Texts.
  ///   - count: Passages for each question; fewer if the corpus has no more.
  /// - Returns: For each question its passages, the best ranked first.
  /// - Throws: What search throws.
  public func nearest(to questions: [String], count: Int) throws -> [[String]] {
    let asked = questions.enumerated().map { Query(id: "\($0)", text: $1) }
    let found = try mistakes(asked, asked.map { _ in [] }, set: "", count: count)
    let texts = try passages(Set(found.joined()))
    return found.map { $0.compactMap { texts[$0] } }
  }

  /// Texts of passages, as far as the corpus has them.
  private func passages(_ needed: Set<UTF8Key>) throws -> [UTF8Key: String] {
    var texts: [UTF8Key: String] = [:]
    try bundle.forEachPassage { passage in
      let id = UTF8Key(passage.id)
      guard needed.contains(id) else { return }
      texts[id] =
        passage.title.isEmpty
        ? passage.text : passage.title + bundle.titleSeparator + passage.text
    }
    return texts
  }

  /// The passages that rank highest for each question among those that are not relevant.
  private func mistakes(
    _ questions: [Query], _ relevant: [[UTF8Key]], set: String, count: Int
  ) throws -> [[UTF8Key]] {
    let (index, embedder) = try search()
    let clean = try CleanRetrieval(
      set: set, queries: questions, index: index, embedder: embedder,
      // So many that those which are relevant can be left out.
      depth: count + (relevant.map(\.count).max() ?? 0))
    let hits = Dictionary(
      zip(clean.queries.map { UTF8Key($0.id) }, clean.hits), uniquingKeysWith: { first, _ in first }
    )
    return zip(questions, relevant).map { question, answers in
      let known = Set(answers)
      return Array(
        (hits[UTF8Key(question.id)] ?? []).lazy.map(\.id).filter { !known.contains($0) }
          .prefix(count))
    }
  }
}
