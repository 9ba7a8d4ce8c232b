import Basics
import Synchronization

/// A chunk that shares a term with a question.
public struct LexicalHit: Sendable, Equatable {
  /// The key of the chunk.
  public let chunk: Int64
  /// The id of its document.
  public let documentID: String
  /// Its BM25 score, above 0.
  public let score: Double
}

/// BM25 over the chunks of a store, title and text taken as one field.
///
/// Postings are read from the store when a term is first asked for and kept up to a limit, so
/// opening takes the time of reading the lengths. Scores are summed term by term in the order of
/// the terms' bytes, so they are the same at every call; ties go to the smaller document id, then
/// to the earlier chunk.
public final class BM25Index: Sendable {
  /// The content it was made of.
  public let state: StoreState
  /// The constants of the score.
  public let parameters: BM25Parameters

  let analyzer: LexicalAnalyzer
  let units: LexicalUnits
  let statistics: BM25Statistics
  let norms: [Double]
  private let source: Source
  private let cache = Mutex(PostingsCache())

  private enum Source {
    case store(DocumentStore)
    case memory([UTF8Key: Postings])
  }

  /// Opens the index of a store.
  ///
  /// Stored postings are used if they are of the present content; otherwise postings are made in
  /// memory, and nothing is stored (see `DocumentStore.updatePostings`).
  ///
  /// - Parameters:
  ///   - store: The store; it must stay open while the index is used.
  ///   - parameters: The constants of the score.
  /// - Throws: `StoreError`; `.request` for constants out of range.
  public convenience init(
    _ store: DocumentStore, parameters: BM25Parameters = BM25Parameters()
  ) throws {
    let analyzer = try LexicalAnalyzer()
    if let (units, state) = try store.storedUnits() {
      try self.init(
        units: units, state: state, source: .store(store), analyzer: analyzer,
        parameters: parameters)
      return
    }
    let packed = try PostingsBuilder.build(from: store, analyzer: analyzer)
    var postings: [UTF8Key: Postings] = [:]
    postings.reserveCapacity(packed.terms.count)
    for (term, frequency, bytes) in packed.terms {
      postings[UTF8Key(term)] = bytes.withUnsafeBytes {
        Postings.unpack($0, frequency: frequency, unitCount: packed.units.count)
      }
    }
    try self.init(
      units: packed.units, state: packed.state, source: .memory(postings), analyzer: analyzer,
      parameters: parameters)
  }

  private init(
    units: LexicalUnits, state: StoreState, source: Source, analyzer: LexicalAnalyzer,
    parameters: BM25Parameters
  ) throws {
    guard parameters.k1 >= 0, parameters.k1.isFinite, (0...1).contains(parameters.b) else {
      throw StoreError.request(
        "BM25 takes k1 of 0 or more and b from 0 to 1, found \(parameters.k1) and \(parameters.b)")
    }
    self.state = state
    self.parameters = parameters
    self.analyzer = analyzer
    self.units = units
    self.source = source
    let statistics = BM25Statistics(
      parameters: parameters, units: units.count,
      tokens: units.lengths.reduce(0) { $0 + Int($1) })
    self.statistics = statistics
    norms = units.lengths.map { statistics.norm(length: Int($0)) }
  }

  /// The chunks that score highest.
  ///
  /// - Parameters:
  ///   - query: Any text; a repeated word counts as often as it stands there.
  ///   - limit: The most hits, from 1.
  /// - Returns: By descending score; chunks without a common term are not among them.
  /// - Throws: `StoreError`.
  public func search(_ query: String, limit: Int) throws -> [LexicalHit] {
    try Self.check(limit)
    let scores = try accumulate(try weightedTerms(query, statistics), norms: norms)
    var best = BestUnits(limit: limit)
    for (unit, score) in scores.enumerated() where score > 0 { best.offer(unit, score) }
    return best.sorted().map { unit, score in
      LexicalHit(
        chunk: units.chunks[unit], documentID: units.id(ofDocument: Int(units.documents[unit])),
        score: score)
    }
  }

  /// The documents that score highest; a document has the score of its best chunk.
  ///
  /// - Parameters:
  ///   - query: Any text.
  ///   - limit: The most documents, from 1.
  /// - Returns: By descending score, then by id.
  /// - Throws: `StoreError`.
  public func rank(_ query: String, limit: Int) throws -> [RankedDocument] {
    try Self.check(limit)
    let scores = try accumulate(try weightedTerms(query, statistics), norms: norms)
    return bestDocuments(scores, limit: limit)
  }

  // MARK: - Parts shared with the injection of documents

  static func check(_ limit: Int) throws {
    guard limit >= 1 else { throw StoreError.request("the limit is \(limit), expected 1 or more") }
  }

  /// A query's terms that occur, with their postings and what each is worth.
  func weightedTerms(
    _ query: String, _ statistics: BM25Statistics, addedFrequencies: [UTF8Key: Int] = [:]
  ) throws -> [WeightedTerm] {
    try analyzer.terms(of: query).compactMap { entry in
      let postings = try self.postings(of: entry.term)
      let frequency = postings.units.count + (addedFrequencies[UTF8Key(entry.term)] ?? 0)
      let weight = Double(entry.count) * statistics.inverseDocumentFrequency(frequency)
      return WeightedTerm(term: entry.term, weight: weight, postings: postings)
    }
  }

  /// The score of every unit.
  func accumulate(_ terms: [WeightedTerm], norms: [Double]) throws -> [Double] {
    var scores = [Double](repeating: 0, count: units.count)
    scores.withUnsafeMutableBufferPointer { scores in
      norms.withUnsafeBufferPointer { norms in
        for term in terms {
          term.postings.units.withUnsafeBufferPointer { units in
            term.postings.counts.withUnsafeBufferPointer { counts in
              for position in 0..<units.count {
                let unit = Int(units[position])
                scores[unit] +=
                  term.weight
                  * BM25Statistics.saturation(count: counts[position], norm: norms[unit])
              }
            }
          }
        }
      }
    }
    return scores
  }

  func bestDocuments(_ scores: [Double], limit: Int) -> [RankedDocument] {
    var best = BestUnits(limit: limit)
    var unit = 0
    // The units of a document lie side by side.
    while unit < scores.count {
      let document = units.documents[unit]
      var score = 0.0
      while unit < scores.count, units.documents[unit] == document {
        score = max(score, scores[unit])
        unit += 1
      }
      if score > 0 { best.offer(Int(document), score) }
    }
    return best.sorted().map { document, score in
      RankedDocument(id: UTF8Key(units.id(ofDocument: document)), score: score)
    }
  }

  /// The postings of a term, from memory if it was asked for before.
  private func postings(of term: String) throws -> Postings {
    switch source {
    case .memory(let postings): return postings[UTF8Key(term)] ?? Postings()
    case .store(let store):
      let key = UTF8Key(term)
      if let cached = cache.withLock({ $0.postings[key] }) { return cached }
      let postings = try store.storedPostings(of: term, at: state, unitCount: units.count)
      cache.withLock { $0.insert(postings, for: key) }
      return postings
    }
  }
}

/// A term of a query with what an occurrence is worth.
struct WeightedTerm {
  var term: String
  /// Occurrences in the query times the inverse document frequency.
  var weight: Double
  var postings: Postings
}

/// Postings that were used, up to a limit of memory.
private struct PostingsCache {
  /// 512 MiB at 8 bytes an entry.
  static let limit = 64 << 20

  var postings: [UTF8Key: Postings] = [:]
  var entries = 0

  mutating func insert(_ new: Postings, for key: UTF8Key) {
    // Rarely reached; starting afresh costs a few reads and needs no book-keeping of ages.
    if entries + new.units.count > Self.limit {
      postings = [:]
      entries = 0
    }
    if postings.updateValue(new, forKey: key) == nil { entries += new.units.count }
  }
}

/// The best of the units offered in ascending order, kept in a heap whose root is the worst.
struct BestUnits {
  private let limit: Int
  private var heap: [(unit: Int, score: Double)] = []

  init(limit: Int) { self.limit = limit }

  /// Offers a unit; among equal scores the one offered first stays.
  mutating func offer(_ unit: Int, _ score: Double) {
    if heap.count < limit {
      heap.append((unit, score))
      var child = heap.count - 1
      while child > 0, isWorse(heap[child], heap[(child - 1) / 2]) {
        heap.swapAt(child, (child - 1) / 2)
        child = (child - 1) / 2
      }
    } else if score > heap[0].score {
      heap[0] = (unit, score)
      var parent = 0
      while true {
        var worst = parent
        for child in [2 * parent + 1, 2 * parent + 2]
        where child < heap.count && isWorse(heap[child], heap[worst]) { worst = child }
        if worst == parent { break }
        heap.swapAt(parent, worst)
        parent = worst
      }
    }
  }

  /// By descending score, then ascending unit.
  func sorted() -> [(unit: Int, score: Double)] { heap.sorted { isWorse($1, $0) } }

  private func isWorse(_ left: (unit: Int, score: Double), _ right: (unit: Int, score: Double))
    -> Bool
  {
    left.score < right.score || (left.score == right.score && left.unit > right.unit)
  }
}
