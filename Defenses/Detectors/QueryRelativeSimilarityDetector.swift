/// The similarity less the mean similarity of the query's other documents.
///
/// It removes the query's own level: some queries have near passages everywhere, others nowhere.
public struct QueryRelativeSimilarityDetector: StatelessDetector {
  /// Name and origin.
  public static let metadata = DetectorMetadata(
    name: "query-relative-similarity",
    title: "similarity less the mean over the other documents of the list",
    source: "rag-poisoning specification, sections 5.4 and 5.6", needs: [.similarities])

  /// The detector.
  public init() {}

  /// The similarity less the mean of the others.
  ///
  /// - Parameters:
  ///   - position: Its place in the list.
  ///   - list: At least two documents.
  /// - Returns: The difference, in units of the similarity.
  /// - Throws: `DetectorError.list` if there is no other document.
  public func score(at position: Int, in list: DetectionList) throws -> Double {
    let others = list.otherSimilarities(than: position)
    guard !others.isEmpty else {
      throw DetectorError.list(
        query: list.query.id, reason: "one document alone has no others to be compared with")
    }
    return list.candidates[position].similarity - others.reduce(0, +) / Double(others.count)
  }
}
