import Defenses
import Evaluation

extension Retriever {
  /// What lies beyond the encoder's limit in some passages, for a detector that was fitted to judge
  /// it; nothing for one that was not.
  ///
  /// - Parameters:
  ///   - passages: Titles and texts.
  ///   - query: The question's vector.
  ///   - judge: The detector.
  /// - Returns: The windows of each passage behind its first.
  /// - Throws: What embedding throws.
  func furtherWindows(
    of passages: [(title: String, text: String)], for query: EmbeddingRow, by judge: ListJudge
  ) throws -> [[DetectionCandidate.Window]] {
    guard judge.detector.windows == .all else { return passages.map { _ in [] } }
    let windows = try CandidateWindows(
      of: passages, embedder: embedder, separator: titleSeparator)
    return passages.indices.map { windows.windows(of: $0, for: query) }
  }
}
