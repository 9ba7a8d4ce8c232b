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

/// Which of two documents with equal scores comes first.
public enum TieOrder: String, Sendable, CaseIterable {
  /// The smaller id by bytes: the order of all our own rankings.
  case ascendingID = "ascending-id"
  /// The larger id by bytes, as trec_eval and pytrec_eval order ties.
  case descendingID = "descending-id"
}

/// The documents a query retrieved, best first, in a total order.
public struct Ranking: Sendable, Equatable {
  /// The query's id, compared by bytes.
  public let query: UTF8Key
  /// The documents by descending score, ties by id; no id twice, every score finite.
  public let documents: [RankedDocument]

  /// Ranks scored documents.
  ///
  /// - Parameters:
  ///   - query: The query's id.
  ///   - scored: Documents in any order; none is allowed.
  ///   - ties: The order of equal scores.
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
    documents = scored.sorted { left, right in
      if left.score != right.score { return left.score > right.score }
      return ties == .ascendingID ? left.id < right.id : right.id < left.id
    }
  }
}
