public import Basics

/// Which documents are relevant to which queries, and how much (qrels).
public struct Judgements: Sendable, Equatable {
  /// The grade of each judged document of each query; grades may be negative.
  public private(set) var grades: [UTF8Key: [UTF8Key: Int]] = [:]

  /// No judgements.
  public init() {}

  /// Adds one judgement.
  ///
  /// - Parameters:
  ///   - query: The query's id.
  ///   - document: The document's id.
  ///   - grade: The relevance; below 1 is not relevant.
  /// - Throws: `InputError` if the pair is judged already, even with the same grade.
  public mutating func add(query: UTF8Key, document: UTF8Key, grade: Int) throws {
    if let earlier = grades[query]?[document] {
      throw InputError(
        "document '\(TerminalText.escaped(document.string))' is judged twice, with \(earlier) and "
          + "\(grade)", at: Place(record: query.string))
    }
    grades[query, default: [:]][document] = grade
  }

  /// The number of judged pairs.
  public var count: Int { grades.values.reduce(0) { $0 + $1.count } }

  /// The queries with at least one judgement, ascending by bytes.
  public var queries: [UTF8Key] { grades.keys.sorted() }

  /// The judgements of the queries for which the closure is true.
  ///
  /// - Parameter isIncluded: Whether a query is kept.
  /// - Returns: Whole queries only.
  public func filter(queries isIncluded: (UTF8Key) -> Bool) -> Judgements {
    var result = Judgements()
    result.grades = grades.filter { isIncluded($0.key) }
    return result
  }

  /// The ids in the judgements that a corpus does not have.
  public struct UnknownIDs: Sendable, Equatable {
    /// Judged queries that are not in the query set, ascending by bytes.
    public let queries: [UTF8Key]
    /// Judged documents of known queries that are not in the corpus, ascending by bytes, each once.
    public let documents: [UTF8Key]
    /// How many judgements name one of these documents.
    public let documentJudgements: Int

    /// Whether every id is known.
    public var isEmpty: Bool { queries.isEmpty && documents.isEmpty }
  }

  /// Compares the ids with those of a corpus.
  ///
  /// Judgements of unknown documents stay in force: they count in the denominator of recall, as in
  /// trec_eval. Report them, because they bound what any retriever can reach.
  ///
  /// - Parameters:
  ///   - knowsQuery: Whether the query set has an id.
  ///   - knowsDocument: Whether the corpus has an id.
  /// - Returns: The unknown ids.
  /// - Throws: What the closures throw.
  public func unknownIDs<Failure: Error>(
    knowsQuery: (UTF8Key) throws(Failure) -> Bool,
    knowsDocument: (UTF8Key) throws(Failure) -> Bool
  ) throws(Failure) -> UnknownIDs {
    var unknownQueries: [UTF8Key] = []
    var occurrences: [UTF8Key: Int] = [:]
    for (query, judged) in grades {
      guard try knowsQuery(query) else {
        unknownQueries.append(query)
        continue
      }
      for document in judged.keys { occurrences[document, default: 0] += 1 }
    }
    var unknownDocuments: [UTF8Key] = []
    var judgements = 0
    for (document, count) in occurrences where !(try knowsDocument(document)) {
      unknownDocuments.append(document)
      judgements += count
    }
    return UnknownIDs(
      queries: unknownQueries.sorted(), documents: unknownDocuments.sorted(),
      documentJudgements: judgements)
  }
}
