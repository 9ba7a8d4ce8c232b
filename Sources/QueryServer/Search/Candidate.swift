import Basics
import Defenses
import Retrieval

/// A passage of a ranking before it is judged.
struct Candidate: Sendable {
  /// Where it is.
  enum Source: Sendable {
    /// In the store: its chunk.
    case stored(Int64)
    /// Injected: its position among the embedded documents.
    case injected(Int)
  }

  var id: UTF8Key
  var source: Source
  /// What it was ranked by.
  var score: Double
  /// Similarity of its vector to the query's; `nil` if it has no vector.
  var similarity: Double?
}

/// A passage with its text and the verdict on it.
struct JudgedPassage: Sendable {
  /// Where its text came from.
  enum Provenance: Sendable {
    case stored(StoredPassage)
    case injected(InjectedDocument, handle: String)
  }

  var candidate: Candidate
  var provenance: Provenance
  /// The verdict; `nil` without a detector or if the passage cannot be judged.
  var verdict: CalibratedDetector.Verdict?
  /// Why it was flagged, moved, removed or not judged.
  var reason: String?

  var isFlagged: Bool { verdict?.isFlagged ?? false }
  var title: String {
    switch provenance {
    case .stored(let passage): passage.chunk.title
    case .injected(let document, _): document.title
    }
  }
  var text: String {
    switch provenance {
    case .stored(let passage): passage.chunk.text
    case .injected(let document, _): document.text
    }
  }
}
