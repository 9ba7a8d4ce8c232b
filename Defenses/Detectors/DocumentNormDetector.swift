/// The Euclidean norm of the document's vector.
///
/// It works against gradient attacks without a bound, whose norms are large; with encoders that
/// normalise it says nothing.
public struct DocumentNormDetector: StatelessDetector {
  /// Name and origin.
  public static let metadata = DetectorMetadata(
    name: "document-norm", title: "norm of the document's vector",
    source: "rag-poisoning specification, section 5.4", needs: [.vectors])

  /// The detector.
  public init() {}

  /// ‖f(d)‖₂.
  ///
  /// - Parameters:
  ///   - position: Its place in the list.
  ///   - list: The list.
  /// - Returns: The norm, 0 or more.
  /// - Throws: `DetectorError.vector` if the vector is not finite.
  public func score(at position: Int, in list: DetectionList) throws -> Double {
    let candidate = list.candidates[position]
    let squares = candidate.vector.withValues { values in
      values.reduce(0.0) { $0 + Double($1) * Double($1) }
    }
    guard squares.isFinite else {
      throw DetectorError.vector(record: candidate.id, fault: "its vector is not finite")
    }
    return squares.squareRoot()
  }
}
