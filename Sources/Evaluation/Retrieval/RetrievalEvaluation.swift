public import Basics
public import Corpus
public import Retrieval
public import Statistics
import Tensors

/// How well a system ranks the relevant passages of a query set, with the uncertainty of the means.
public struct RetrievalEvaluation: Sendable {
  /// One metric.
  public struct Mean: Sendable {
    /// The metric.
    public let metric: RankingMetric
    /// Its mean over all judged queries, with a percentile interval over queries.
    public let estimate: Applicable<BootstrapEstimate>
  }

  /// Seed of the resamples.
  public static let seed: UInt64 = 1
  /// Resamples of the queries.
  public static let resamples = 2000

  /// One value a metric, in the order given.
  public let means: [Mean]
  /// The values query by query.
  public let ranking: RankingEvaluation
  /// Judged queries and documents that the set and the corpus do not have.
  public let unknown: Judgements.UnknownIDs

  /// Evaluates rankings.
  ///
  /// Judgements of queries that the set does not have are left out, because no ranking of it can
  /// answer them; judgements of unknown passages stay in force.
  ///
  /// - Parameters:
  ///   - rankings: One ranking a query.
  ///   - judgements: What is relevant.
  ///   - queries: The ids of the query set.
  ///   - knowsDocument: Whether the corpus has a passage.
  ///   - metrics: What to compute.
  /// - Throws: `InputError` for a query with two rankings, and what `knowsDocument` throws.
  public init(
    rankings: [Ranking], judgements: Judgements, queries: Set<UTF8Key>,
    knowsDocument: (UTF8Key) throws -> Bool, metrics: [RankingMetric]
  ) throws {
    unknown = try judgements.unknownIDs(
      knowsQuery: { queries.contains($0) }, knowsDocument: knowsDocument)
    let evaluation = try RankingEvaluation(
      rankings: rankings, judgements: judgements.filter { queries.contains($0) },
      metrics: metrics)
    ranking = evaluation
    means = try metrics.map { metric in
      // The same resamples for every metric: their intervals are of the same queries.
      var generator = Philox(seed: Self.seed)
      return Mean(
        metric: metric,
        estimate: try Bootstrap.mean(
          of: evaluation.values(of: metric) ?? [], resamples: Self.resamples, using: &generator))
    }
  }
}

/// Where the judgements of a query set come from.
public enum JudgementSource {
  /// The judgements of a bundle's query set: its judgement file, else the gold passages its queries
  /// name, each of grade 1.
  ///
  /// - Parameters:
  ///   - set: The set's name.
  ///   - queries: Its queries.
  ///   - bundle: The corpus.
  /// - Returns: The judgements, `nil` if the set has none.
  /// - Throws: `RejectedLines` or `InputError` for a damaged file.
  public static func judgements(
    of set: String, queries: [Query], in bundle: CorpusBundle
  ) throws -> Judgements? {
    if let path = bundle.qrelsPath(set) { return try TRECFile.readJudgements(path).value }
    var judgements = Judgements()
    for query in queries {
      var seen = Set<UTF8Key>()
      for passage in query.goldPassages where seen.insert(UTF8Key(passage)).inserted {
        try judgements.add(query: UTF8Key(query.id), document: UTF8Key(passage), grade: 1)
      }
    }
    return judgements.count > 0 ? judgements : nil
  }

  /// The set of a bundle that is evaluated unless told otherwise: the first with judgements.
  ///
  /// - Parameter bundle: The corpus.
  /// - Returns: The set's name.
  /// - Throws: `UsageError` if there is none; `InputError` for a damaged file.
  public static func defaultSet(of bundle: CorpusBundle) throws -> String {
    if let set = bundle.querySets.first(where: { bundle.qrelsPath($0) != nil }) { return set }
    for set in bundle.querySets
    where try judgements(of: set, queries: bundle.queries(set), in: bundle) != nil {
      return set
    }
    guard let first = bundle.querySets.first else {
      throw UsageError("the corpus '\(bundle.name)' has no queries")
    }
    return first
  }
}
