/// The Euclidean distance of query and document: the pair feature without any covariance.
///
/// Its upper tail is what an ℓ2 filter uses. With encoders that normalise it is the similarity
/// turned around, so that poison has *low* scores.
public struct QueryDistanceDetector: StatelessDetector {
  /// Name and origin.
  public static let metadata = DetectorMetadata(
    name: "query-distance", title: "distance of query and document vectors",
    source: "rag-poisoning specification, section 5.4", needs: [.vectors])

  /// The detector.
  public init() {}

  /// ‖f(d) − f(q)‖₂.
  ///
  /// - Parameters:
  ///   - position: Its place in the list.
  ///   - list: The list.
  /// - Returns: The distance, 0 or more.
  /// - Throws: `DetectorError.vector` if a vector is not finite.
  public func score(at position: Int, in list: DetectionList) throws -> Double {
    let candidate = list.candidates[position]
    let squares = candidate.vector.withValues { document in
      list.query.vector.withValues { query in
        zip(document, query).reduce(0.0) { sum, pair in
          let difference = Double(pair.0) - Double(pair.1)
          return sum + difference * difference
        }
      }
    }
    guard squares.isFinite else {
      throw DetectorError.vector(record: candidate.id, fault: "its vector is not finite")
    }
    return squares.squareRoot()
  }
}
