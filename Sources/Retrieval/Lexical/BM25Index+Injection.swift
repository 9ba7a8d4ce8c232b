import Basics

/// A document that is not in the store, for scoring.
public struct InjectedText: Sendable, Equatable {
  /// Its id, of no document in the store.
  public var id: String
  /// Its title, empty if it has none.
  public var title: String
  /// Its text.
  public var text: String

  /// A document.
  public init(id: String, title: String = "", text: String) {
    self.id = id
    self.title = title
    self.text = text
  }
}

extension BM25Index {
  /// Scores documents that are not in the store with the statistics of those that are.
  ///
  /// This is what `Overlay` merges with a cached clean ranking, because it leaves every clean score
  /// as it was: number of units, document frequencies and mean length are the clean collection's,
  /// as in an engine that refreshes its statistics only when it rebuilds. A term that the
  /// collection lacks has document frequency 0. `rank(_:adding:limit:)` is the exact answer of an
  /// engine that counts the injected documents in.
  ///
  /// - Parameters:
  ///   - documents: The documents; each is one unit, whatever its length.
  ///   - query: The question.
  /// - Returns: A score for each, in their order; 0 without a common term.
  /// - Throws: `StoreError`.
  public func scores(of documents: [InjectedText], for query: String) throws -> [Double] {
    let terms = try weightedTerms(query, statistics)
    return try documents.map { document in
      Self.score(try AnalyzedText(document, analyzer), terms, statistics)
    }
  }

  /// Ranks the store with documents added, as if all had been indexed together.
  ///
  /// The added documents change the number of units, document frequencies and mean length, so clean
  /// scores change too; every unit is scored afresh.
  ///
  /// - Parameters:
  ///   - query: The question.
  ///   - documents: The documents; each is one unit. None gives the clean ranking.
  ///   - limit: The most documents, from 1.
  /// - Returns: By descending score; on exact ties clean documents first, then by id.
  /// - Throws: `StoreError`; `OverlayError` for an id that is given twice or is a clean document's.
  public func rank(
    _ query: String, adding documents: [InjectedText], limit: Int
  ) throws -> [OverlayEntry] {
    try Self.check(limit)
    let added = try documents.map { try AnalyzedText($0, analyzer) }
    var frequencies: [UTF8Key: Int] = [:]
    for document in added {
      for term in document.counts.keys { frequencies[term, default: 0] += 1 }
    }
    var statistics = self.statistics
    statistics.units += added.count
    statistics.tokens += added.reduce(0) { $0 + $1.length }
    let norms = units.lengths.map { statistics.norm(length: Int($0)) }
    let terms = try weightedTerms(query, statistics, addedFrequencies: frequencies)
    // All documents that match are at hand, so the overlay below is exact for any limit.
    let clean = bestDocuments(
      try accumulate(terms, norms: norms), limit: max(limit, 1) + documents.count)
    let injected = zip(documents, added).map { document, analyzed in
      RankedDocument(
        id: UTF8Key(document.id), score: Self.score(analyzed, terms, statistics))
    }.filter { $0.score > 0 }
    return try Overlay(clean: clean, isComplete: clean.count < limit + documents.count)
      .top(limit, injecting: injected)
  }

  private static func score(
    _ document: AnalyzedText, _ terms: [WeightedTerm], _ statistics: BM25Statistics
  ) -> Double {
    let norm = statistics.norm(length: document.length)
    // The same operations in the same order as for stored units, so the bits agree.
    return terms.reduce(0) { score, term in
      guard let count = document.counts[UTF8Key(term.term)] else { return score }
      return score + term.weight * BM25Statistics.saturation(count: count, norm: norm)
    }
  }
}

/// The terms of a text with their counts.
private struct AnalyzedText {
  var counts: [UTF8Key: UInt32] = [:]
  var length = 0

  init(_ document: InjectedText, _ analyzer: LexicalAnalyzer) throws {
    for entry in try analyzer.terms(of: document.title + " " + document.text) {
      counts[UTF8Key(entry.term)] = UInt32(clamping: entry.count)
      length += entry.count
    }
  }
}
