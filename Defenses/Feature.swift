import Glibc

/// What of a query and a document a detector looks at.
///
/// - SeeAlso: rag-poisoning specification, section 5.2, step 1.
public enum FeatureKind: String, Sendable, CaseIterable {
  /// f(d) − f(q): the deviation of the document from its query.
  case pair
  /// f(d): the document alone.
  case document
  /// f(d) followed by f(d) − f(q).
  case concatenated
}

/// Turns query and document vectors into rows of a feature matrix.
struct FeatureExtractor: Sendable, Equatable {
  var kind: FeatureKind
  /// Whether both vectors are divided by their norms first.
  var isNormalized: Bool

  func dimension(ofVectors dimension: Int) -> Int {
    kind == .concatenated ? 2 * dimension : dimension
  }

  /// Appends the feature of one candidate.
  func append(
    _ candidate: DetectionCandidate, of query: DetectionQuery, to rows: inout [Float]
  ) throws {
    try append(document: candidate.vector, name: candidate.id, of: query, to: &rows)
  }

  /// Appends the feature of a document that says nothing but the query: its vector is the query's.
  ///
  /// Every attack by concatenation moves away from this point by what the payload adds. With
  /// separate query and passage encoders the query's vector only stands near it.
  func appendProbe(of query: DetectionQuery, to rows: inout [Float]) throws {
    try append(document: query.vector, name: query.id, of: query, to: &rows)
  }

  private func append(
    document: EmbeddingRow, name: String, of query: DetectionQuery, to rows: inout [Float]
  ) throws {
    let start = rows.count
    document.withValues { document in
      query.vector.withValues { question in
        let documentScale = isNormalized ? Self.inverseNorm(document) : 1
        let questionScale = isNormalized ? Self.inverseNorm(question) : 1
        if kind != .pair { for value in document { rows.append(value * documentScale) } }
        if kind != .document {
          for (value, origin) in zip(document, question) {
            rows.append(value * documentScale - origin * questionScale)
          }
        }
      }
    }
    // One sum finds any value that is not finite: it never becomes finite again.
    var sum: Float = 0
    for index in start..<rows.count { sum += rows[index] * 0 }
    guard sum == 0 else {
      throw DetectorError.vector(record: name, fault: "its vector is not finite")
    }
  }

  /// 1 over the norm; 1 for a vector of norm 0, which has no direction.
  private static func inverseNorm(_ vector: UnsafeBufferPointer<Float>) -> Float {
    var sum = 0.0
    for value in vector { sum += Double(value) * Double(value) }
    return sum > 0 ? Float(1 / sum.squareRoot()) : 1
  }

  /// The features of all subjects of some lists.
  func rows(of lists: some Sequence<DetectionList>) throws -> [Float] {
    var rows: [Float] = []
    for list in lists {
      for position in list.subjects {
        try append(list.candidates[position], of: list.query, to: &rows)
      }
    }
    return rows
  }
}
