/// Which parts of a document a detector judges.
public enum WindowChoice: String, Sendable, CaseIterable {
  /// All of it: the score is the largest over its windows.
  case all
  /// What the encoder sees of it when it is stored, as most published detectors do. Text beyond the
  /// encoder's limit is a place to hide.
  case first
}

extension Detector {
  /// The scores of many lists, of all windows of their subjects if asked for.
  ///
  /// A window is judged as if it were the document: in the same list, with its own vector and
  /// similarity. The texts stay whole, so detectors that read texts only are not asked again.
  ///
  /// - Parameters:
  ///   - lists: Any number.
  ///   - windows: Which parts are judged; those of ``DetectionCandidate/furtherWindows`` count.
  /// - Returns: One array a list; with all windows the largest score of each subject's.
  /// - Throws: What the detector throws.
  public func scores(of lists: [DetectionList], windows: WindowChoice) throws -> [[Double]] {
    var scores = try scores(of: lists)
    let needs = Set(Self.metadata.needs)
    guard windows == .all, needs.contains(.vectors) || needs.contains(.similarities) else {
      return scores
    }
    var expanded: [DetectionList] = []
    var origins: [(list: Int, subject: Int)] = []
    for (number, list) in lists.enumerated() {
      for (subject, position) in list.subjects.enumerated() {
        for window in list.candidates[position].furtherWindows {
          var candidates = list.candidates
          candidates[position].vector = window.vector
          candidates[position].similarity = window.similarity
          candidates[position].furtherWindows = []
          expanded.append(
            try DetectionList(query: list.query, candidates: candidates, subjects: [position]))
          origins.append((number, subject))
        }
      }
    }
    for (origin, found) in zip(origins, try self.scores(of: expanded)) {
      scores[origin.list][origin.subject] = max(scores[origin.list][origin.subject], found[0])
    }
    return scores
  }
}
