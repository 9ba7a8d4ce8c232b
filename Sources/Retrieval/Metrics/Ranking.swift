public import Basics

/// A document with the score a query gave it.
public struct RankedDocument: Sendable, Equatable {
  /// The document's id, compared by bytes.
  public let id: UTF8Key
  /// The score, higher = better.
  public let score: Double

  /// A document with its score.
  public init(id: UTF8Key, score: Double) {
    self.id = id
    self.score = score
  }
}

/// How equal scores are told apart, and which scores count as equal.
public enum TieOrder: String, Sendable, CaseIterable {
  /// The smaller id by bytes comes first: the order of all our own rankings.
  case ascendingID = "ascending-id"
  /// As trec_eval and pytrec_eval do: scores are narrowed to 32 bits first, then the larger id by
  /// bytes comes first. For comparing figures with theirs.
  case trecEval = "trec-eval"

  /// Whether one document stands before another.
  func precedes(_ left: RankedDocument, _ right: RankedDocument) -> Bool {
    switch self {
    case .ascendingID:
      left.score != right.score ? left.score > right.score : left.id < right.id
    case .trecEval:
      Float(left.score) != Float(right.score)
        ? left.score > right.score : right.id < left.id
    }
  }
}

/// The documents a query retrieved, best first, in a total order.
public struct Ranking: Sendable, Equatable {
  /// The query's id, compared by bytes.
  public let query: UTF8Key
  /// The documents by descending score, ties in the order asked for; no id twice, every score finite.
  public let documents: [RankedDocument]

  /// Ranks scored documents.
  ///
  /// - Parameters:
  ///   - query: The query's id.
  ///   - scored: Documents in any order; none is allowed.
  ///   - ties: How equal scores are told apart.
  /// - Throws: `InputError` with the query's id for a score that is not finite or a document that
  ///   occurs twice.
  public init(
    query: UTF8Key, scored: [RankedDocument], ties: TieOrder = .ascendingID
  ) throws {
    var seen = Set<UTF8Key>(minimumCapacity: scored.count)
    for document in scored {
      guard document.score.isFinite else {
        throw InputError(
          "the score of document '\(TerminalText.escaped(document.id.string))' is "
            + "\(document.score), expected a finite number", at: Place(record: query.string))
      }
      guard seen.insert(document.id).inserted else {
        throw InputError(
          "document '\(TerminalText.escaped(document.id.string))' occurs twice in the ranking",
          at: Place(record: query.string))
      }
    }
    self.query = query
    documents = scored.sorted(by: ties.precedes)
  }
}
