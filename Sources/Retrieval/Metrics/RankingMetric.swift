import Basics
import Glibc

/// A measure of how well one ranking puts relevant documents first, as trec_eval defines it.
///
/// A document is relevant if its grade reaches the threshold of the evaluation (1 unless stated).
/// Unjudged documents are not relevant. A query without relevant documents has the value 0.
public enum RankingMetric: Hashable, Sendable {
  /// Discounted cumulative gain over that of the ideal ranking; gain = grade (negative: 0),
  /// discount log₂(rank + 1).
  case ndcg(at: Int)
  /// Relevant documents in the first k over all relevant documents.
  case recall(at: Int)
  /// Relevant documents in the first k over k, also where fewer were retrieved.
  case precision(at: Int)
  /// 1 if a relevant document is in the first k, else 0.
  case success(at: Int)
  /// 1 / rank of the first relevant document, 0 if there is none in the first k (all, if `nil`).
  case reciprocalRank(at: Int?)
  /// Mean over all relevant documents of the precision at their ranks, 0 for those that are not in
  /// the first k (all, if `nil`).
  case averagePrecision(at: Int?)

  /// The largest cut-off.
  public static let maximumCutoff = 10_000

  /// A metric from its name, for example `nDCG@10`, `recall@100`, `MRR`, in any case.
  ///
  /// - Parameter name: One of nDCG, Recall (R), P (Precision), success, each with `@k`; or MRR or
  ///   MAP, with or without.
  /// - Throws: `UsageError` with the valid names or the range of k.
  public init(_ name: String) throws {
    let parts = name.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
    let kind = String(parts.first.map(Substring.init) ?? "").lowercased()
    var cutoff: Int?
    if parts.count > 1 {
      guard parts.count == 2, let value = Int(Substring(parts[1])),
        (1...Self.maximumCutoff).contains(value)
      else {
        throw UsageError(
          "metric '\(TerminalText.escaped(name))': k must be 1 to \(Self.maximumCutoff)")
      }
      cutoff = value
    }
    switch (kind, cutoff) {
    case ("ndcg", let k?): self = .ndcg(at: k)
    case ("recall", let k?), ("r", let k?): self = .recall(at: k)
    case ("precision", let k?), ("p", let k?): self = .precision(at: k)
    case ("success", let k?): self = .success(at: k)
    case ("mrr", _): self = .reciprocalRank(at: cutoff)
    case ("map", _): self = .averagePrecision(at: cutoff)
    default:
      throw UsageError(
        "unknown metric '\(TerminalText.escaped(name))': expected nDCG@k, Recall@k, P@k, "
          + "success@k, MRR[@k] or MAP[@k]")
    }
  }

  /// The value for one query.
  func value(for judged: JudgedRanking) -> Double {
    switch self {
    case .ndcg(let k): judged.normalisedGain(at: k)
    case .recall(let k):
      judged.relevantCount == 0 ? 0 : Double(judged.hits(at: k)) / Double(judged.relevantCount)
    case .precision(let k): Double(judged.hits(at: k)) / Double(k)
    case .success(let k): judged.hits(at: k) > 0 ? 1 : 0
    case .reciprocalRank(let k): judged.reciprocalRank(at: k ?? .max)
    case .averagePrecision(let k): judged.averagePrecision(at: k ?? .max)
    }
  }
}

extension RankingMetric: CustomStringConvertible {
  /// The name, for example `nDCG@10`; `init(_:)` reads it back.
  public var description: String {
    switch self {
    case .ndcg(let k): "nDCG@\(k)"
    case .recall(let k): "Recall@\(k)"
    case .precision(let k): "P@\(k)"
    case .success(let k): "success@\(k)"
    case .reciprocalRank(let k): k.map { "MRR@\($0)" } ?? "MRR"
    case .averagePrecision(let k): k.map { "MAP@\($0)" } ?? "MAP"
    }
  }
}

/// A ranking reduced to the grades of its documents.
struct JudgedRanking {
  /// The grade at each rank, 0 for unjudged documents.
  let gradeAtRank: [Int]
  /// The positive grades of all judged documents, descending.
  let idealGrades: [Int]
  /// How many judged documents are relevant, retrieved or not.
  let relevantCount: Int
  /// The smallest relevant grade.
  let threshold: Int

  init(_ ranking: Ranking?, grades: [UTF8Key: Int], threshold: Int) {
    gradeAtRank = ranking?.documents.map { grades[$0.id] ?? 0 } ?? []
    idealGrades = grades.values.filter { $0 > 0 }.sorted(by: >)
    relevantCount = grades.values.count { $0 >= threshold }
    self.threshold = threshold
  }

  func hits(at k: Int) -> Int { gradeAtRank.prefix(k).count { $0 >= threshold } }

  func normalisedGain(at k: Int) -> Double {
    let ideal = Self.discountedGain(idealGrades.prefix(k))
    return ideal == 0 ? 0 : Self.discountedGain(gradeAtRank.prefix(k)) / ideal
  }

  private static func discountedGain(_ grades: ArraySlice<Int>) -> Double {
    grades.enumerated().reduce(0) { sum, entry in
      entry.element > 0 ? sum + Double(entry.element) / log2(Double(entry.offset + 2)) : sum
    }
  }

  func reciprocalRank(at k: Int) -> Double {
    gradeAtRank.prefix(k).firstIndex { $0 >= threshold }.map { 1 / Double($0 + 1) } ?? 0
  }

  func averagePrecision(at k: Int) -> Double {
    guard relevantCount > 0 else { return 0 }
    var found = 0
    var sum = 0.0
    for (index, grade) in gradeAtRank.prefix(k).enumerated() where grade >= threshold {
      found += 1
      sum += Double(found) / Double(index + 1)
    }
    return sum / Double(relevantCount)
  }
}
