public import Basics

/// Why a clean ranking cannot answer for the corpus with documents injected or removed.
public enum OverlayError: ReportableError, Equatable {
  /// The ranking is not in the total order, or holds a document twice or a score that is no number.
  case clean(reason: String)
  /// An injected document is one of the clean ones, is given twice, or has a score that is no
  /// number.
  case injected(id: String, reason: String)
  /// The clean ranking is too short for the answer to be exact.
  case tooShort(available: Int, removed: Int, needed: Int)
  /// A number out of its range.
  case limit(Int)

  /// 64 for a request, 65 for data.
  public var exitStatus: ExitStatus {
    switch self {
    case .clean, .injected: .badData
    case .tooShort, .limit: .usage
    }
  }

  /// One sentence with the values.
  public var description: String {
    switch self {
    case .clean(let reason): "the clean ranking \(reason)"
    case .injected(let id, let reason):
      "injected document '\(TerminalText.excerpt(id))' \(reason)"
    case .tooShort(let available, let removed, let needed):
      "the clean ranking holds \(available) documents, \(removed) of them removed; \(needed) are "
        + "needed for an exact answer, keep a longer one"
    case .limit(let k): "k is \(k), expected 1 or more"
    }
  }
}

/// A document in a ranking with injected ones.
public struct OverlayEntry: Sendable, Equatable {
  /// The document's id.
  public let id: UTF8Key
  /// Its score.
  public let score: Double
  /// Whether it was injected.
  public let isInjected: Bool

  /// An entry.
  public init(id: UTF8Key, score: Double, isInjected: Bool) {
    self.id = id
    self.score = score
    self.isInjected = isInjected
  }

  /// Score from high to low; on exact ties clean before injected; then id by bytes.
  func ranksBefore(_ other: OverlayEntry) -> Bool {
    if score != other.score { return score > other.score }
    if isInjected != other.isInjected { return other.isInjected }
    return id < other.id
  }
}

/// Injected documents merged exactly into a clean ranking, without touching any index.
///
/// Adding a document never changes a clean score (of dense retrieval, or of BM25 with the clean
/// collection's statistics), so the best K of a clean ranking of at least K documents and the
/// injected scores give the same answer as indexing everything again. Dropping the overlay is the
/// rollback. Injecting one document (solo) or all of a set (joint) is the caller's choice.
public struct Overlay: Sendable {
  private let clean: [OverlayEntry]
  private let cleanIDs: Set<UTF8Key>
  private let isComplete: Bool

  /// An overlay over a clean ranking.
  ///
  /// - Parameters:
  ///   - clean: The best documents of the clean corpus for one query, by descending score, then id.
  ///   - isComplete: Whether every document that can be retrieved is among them, so that no answer
  ///     asks for more.
  /// - Throws: `OverlayError.clean` if it is not in that order.
  public init(clean: [RankedDocument], isComplete: Bool = false) throws {
    self.clean = clean.map { OverlayEntry(id: $0.id, score: $0.score, isInjected: false) }
    self.isComplete = isComplete
    cleanIDs = Set(clean.map(\.id))
    guard cleanIDs.count == clean.count else {
      throw OverlayError.clean(reason: "holds a document twice")
    }
    for (position, entry) in self.clean.enumerated() {
      guard entry.score.isFinite else {
        throw OverlayError.clean(reason: "has the score \(entry.score) at rank \(position + 1)")
      }
      guard position == 0 || self.clean[position - 1].ranksBefore(entry) else {
        throw OverlayError.clean(
          reason: "is out of order at rank \(position + 1): score descending, then id ascending")
      }
    }
  }

  /// The best documents with others injected and some removed.
  ///
  /// - Parameters:
  ///   - k: How many, from 1; fewer come back only if the whole corpus has no more.
  ///   - injected: Injected documents with their scores, in any order.
  ///   - removed: Ids of clean documents that are taken out; others have no effect.
  /// - Returns: By descending score; on exact ties clean ones first, which is the conservative
  ///   choice for an attacker's success; then by id.
  /// - Throws: `OverlayError.tooShort` if fewer than `k` clean documents are left and there are
  ///   more that the ranking does not name: it must hold `k` and one more for each removed.
  public func top(
    _ k: Int, injecting injected: [RankedDocument], removing removed: Set<UTF8Key> = []
  ) throws -> [OverlayEntry] {
    guard k >= 1 else { throw OverlayError.limit(k) }
    let injected = try sorted(injected)
    let left = removed.isEmpty ? clean : clean.filter { !removed.contains($0.id) }
    guard isComplete || left.count >= k else {
      throw OverlayError.tooShort(
        available: clean.count, removed: clean.count - left.count,
        needed: k + clean.count - left.count)
    }
    var merged: [OverlayEntry] = []
    merged.reserveCapacity(min(k, left.count + injected.count))
    var (next, other) = (0, 0)
    while merged.count < k, next < left.count || other < injected.count {
      let takesInjected =
        next == left.count || (other < injected.count && injected[other].ranksBefore(left[next]))
      if takesInjected {
        merged.append(injected[other])
        other += 1
      } else {
        merged.append(left[next])
        next += 1
      }
    }
    return merged
  }

  /// The rank of an injected document among clean and injected ones.
  ///
  /// - Parameters:
  ///   - id: The document.
  ///   - injected: All injected documents, that one among them.
  ///   - removed: Ids of clean documents that are taken out.
  /// - Returns: The rank from 1; `nil` if the document ranks below the whole of an incomplete clean
  ///   ranking, so that the rank is not known.
  /// - Throws: `OverlayError.injected` if the document is not among the injected ones.
  public func rank(
    of id: UTF8Key, injecting injected: [RankedDocument], removing removed: Set<UTF8Key> = []
  ) throws -> Int? {
    let injected = try sorted(injected)
    guard let position = injected.firstIndex(where: { $0.id == id }) else {
      throw OverlayError.injected(id: id.string, reason: "is not among the injected ones")
    }
    let entry = injected[position]
    // The first clean document that does not rank before it, removed or not.
    var (low, high) = (0, clean.count)
    while low < high {
      let middle = (low + high) / 2
      if clean[middle].ranksBefore(entry) { low = middle + 1 } else { high = middle }
    }
    guard low < clean.count || isComplete else { return nil }
    let gone = removed.isEmpty ? 0 : clean[..<low].count { removed.contains($0.id) }
    return 1 + low - gone + position
  }

  private func sorted(_ injected: [RankedDocument]) throws -> [OverlayEntry] {
    var seen = Set<UTF8Key>(minimumCapacity: injected.count)
    let entries = try injected.map { document in
      guard document.score.isFinite else {
        throw OverlayError.injected(
          id: document.id.string, reason: "has the score \(document.score)")
      }
      guard !cleanIDs.contains(document.id) else {
        throw OverlayError.injected(
          id: document.id.string, reason: "has the id of a document of the clean ranking")
      }
      guard seen.insert(document.id).inserted else {
        throw OverlayError.injected(id: document.id.string, reason: "is given twice")
      }
      return OverlayEntry(id: document.id, score: document.score, isInjected: true)
    }
    return entries.sorted { $0.ranksBefore($1) }
  }
}
