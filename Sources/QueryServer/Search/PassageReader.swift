import Basics
import Retrieval

/// Reads the passages of candidates, each once.
struct PassageReader {
  private let store: DocumentStore
  private let overlay: InjectedSet?
  private let embedded: InjectedSet.Embedded?
  private var known: [Int64: StoredPassage?] = [:]

  init(store: DocumentStore, overlay: InjectedSet?, embedded: InjectedSet.Embedded?) {
    self.store = store
    self.overlay = overlay
    self.embedded = embedded
  }

  /// Reads those of the candidates that were not read before.
  mutating func read(_ candidates: some Sequence<Candidate>) throws {
    let missing = candidates.compactMap { candidate -> Int64? in
      guard case .stored(let chunk) = candidate.source, known[chunk] == nil else { return nil }
      return chunk
    }
    guard !missing.isEmpty else { return }
    for (chunk, passage) in zip(missing, try store.passages(missing)) { known[chunk] = passage }
  }

  /// Where a candidate's text came from; `nil` for a passage that another process has removed since
  /// it was ranked.
  func provenance(_ candidate: Candidate) -> JudgedPassage.Provenance? {
    switch candidate.source {
    case .stored(let chunk): (known[chunk] ?? nil).map { .stored($0) }
    case .injected(let position):
      embedded.flatMap { embedded in
        overlay.map { .injected(embedded.documents[position], handle: $0.handle) }
      }
    }
  }

  /// Metadata as JSON text, `nil` if there is none.
  func metadata(_ candidate: Candidate) -> String? {
    guard case .stored(let chunk) = candidate.source else { return nil }
    return (known[chunk] ?? nil)?.metadata
  }
}
