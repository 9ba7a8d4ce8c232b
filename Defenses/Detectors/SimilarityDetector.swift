/// The similarity of query and document itself: poison that begins with the query is closer to it
/// than clean documents are.
public struct SimilarityDetector: StatelessDetector {
  /// Name and origin.
  public static let metadata = DetectorMetadata(
    name: "similarity", title: "similarity of query and document",
    source: "rag-poisoning specification, section 5.4: the bar to beat", needs: [.similarities])

  /// The detector.
  public init() {}

  /// The similarity as the ranking gave it.
  public func score(at position: Int, in list: DetectionList) -> Double {
    list.candidates[position].similarity
  }
}
