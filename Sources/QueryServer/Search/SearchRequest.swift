import Basics

/// A question as the search tool hands it on.
struct SearchRequest: Sendable {
  var query: String
  /// Passages wanted.
  var k: Int
  var filter: SearchFilter?
  /// Fused with BM25 by reciprocal ranks.
  var isHybrid = false
  /// Documents that are seen beside those of the store.
  var overlay: InjectedSet?
}

/// What a search found.
struct SearchAnswer: Sendable {
  /// The passages, best first.
  var hits: [JudgedPassage]
  /// Passages that were taken out of the ranking, best first, with the ranks they had.
  var removed: [(rank: Int, passage: JudgedPassage)]
  /// The content that was searched.
  var generation: Int
  /// Why there are no verdicts, `nil` if there are.
  var withoutVerdicts: String?
}
