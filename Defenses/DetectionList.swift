public import Retrieval

/// One vector: a row of a shared matrix. Copies share the matrix.
public struct EmbeddingRow: Sendable {
  /// The matrix, `[rows, dimension]`, Float32.
  public let matrix: VectorMatrix
  /// The row, from 0.
  public let row: Int

  /// A row of a matrix.
  public init(_ matrix: VectorMatrix, row: Int) {
    precondition(row >= 0 && row < matrix.rows, "row \(row) of \(matrix.rows)")
    self.matrix = matrix
    self.row = row
  }

  /// The number of values.
  public var dimension: Int { matrix.dimension }

  /// Calls `body` with the values, which are valid only inside it.
  ///
  /// - Parameter body: Reads the values.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  public func withValues<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try matrix.withValues { values throws(Failure) in
      let start = row * matrix.dimension
      return try body(UnsafeBufferPointer(rebasing: values[start..<start + matrix.dimension]))
    }
  }
}

/// A question as a detector sees it.
public struct DetectionQuery: Sendable {
  /// Identifier.
  public var id: String
  /// The question without its options.
  public var text: String
  /// Its embedding by the query encoder.
  public var vector: EmbeddingRow

  /// A question.
  public init(id: String, text: String, vector: EmbeddingRow) {
    self.id = id
    self.text = text
    self.vector = vector
  }
}

/// A document of a ranked list, or one that is to be judged as if it stood there.
public struct DetectionCandidate: Sendable {
  /// Identifier.
  public var id: String
  /// Title, empty if there is none.
  public var title: String
  /// Body.
  public var text: String
  /// Its embedding by the passage encoder.
  public var vector: EmbeddingRow
  /// Its score for the query, higher = more similar.
  public var similarity: Double
  /// What lies beyond the encoder's limit: later parts of the text as the encoder sees them. Empty if
  /// `vector` stands for the whole text, or if nobody looked.
  public var furtherWindows: [Window]

  /// A part of a document that its own vector does not stand for.
  public struct Window: Sendable {
    /// Its embedding by the passage encoder.
    public var vector: EmbeddingRow
    /// Its score for the query, higher = more similar.
    public var similarity: Double

    /// A window with its score.
    public init(vector: EmbeddingRow, similarity: Double) {
      self.vector = vector
      self.similarity = similarity
    }
  }

  /// A document with its score.
  public init(
    id: String, title: String, text: String, vector: EmbeddingRow, similarity: Double,
    furtherWindows: [Window] = []
  ) {
    self.id = id
    self.title = title
    self.text = text
    self.vector = vector
    self.similarity = similarity
    self.furtherWindows = furtherWindows
  }
}

/// One query with the documents that were retrieved for it, of which some are to be judged.
///
/// A detector judges a document *in its list*, because the other documents tell what is usual for
/// this query.
public struct DetectionList: Sendable {
  /// The question.
  public let query: DetectionQuery
  /// The documents, best first.
  public let candidates: [DetectionCandidate]
  /// Which candidates are to be judged; the others only say what is usual.
  public let subjects: [Int]

  /// A list of which some documents, by default all, are to be judged.
  ///
  /// - Parameters:
  ///   - query: The question.
  ///   - candidates: The documents, best first, of the query's dimension.
  ///   - subjects: Positions in `candidates`; nil takes all.
  /// - Throws: `DetectorError.list` for another dimension, a similarity that is not finite, or a
  ///   position outside the list.
  public init(
    query: DetectionQuery, candidates: [DetectionCandidate], subjects: [Int]? = nil
  ) throws {
    for candidate in candidates {
      for dimension in [candidate.vector.dimension]
        + candidate.furtherWindows.map(\.vector.dimension)
      where dimension != query.vector.dimension {
        throw DetectorError.list(
          query: query.id,
          reason: "document '\(candidate.id)' has \(dimension) dimensions, the "
            + "query \(query.vector.dimension)")
      }
      for similarity in [candidate.similarity] + candidate.furtherWindows.map(\.similarity)
      where !similarity.isFinite {
        throw DetectorError.list(
          query: query.id,
          reason: "document '\(candidate.id)' has the similarity \(similarity)")
      }
    }
    let positions = subjects ?? Array(candidates.indices)
    if let outside = positions.first(where: { !candidates.indices.contains($0) }) {
      throw DetectorError.list(
        query: query.id,
        reason: "position \(outside) is to be judged, the list has \(candidates.count) documents")
    }
    self.query = query
    self.candidates = candidates
    self.subjects = positions
  }

  /// The list of a query after documents were injected: the best `k` of both, and only the injected
  /// ones are to be judged.
  ///
  /// An injected document that does not reach the best `k` is put behind them, so that it can be
  /// judged all the same.
  ///
  /// - Parameters:
  ///   - injected: The documents that were added to the corpus.
  ///   - clean: The clean list, best first.
  ///   - k: How long the list is, at least 1.
  /// - Returns: The merged list; on exact ties clean documents come first.
  /// - Throws: What `init` throws.
  public static func merging(
    _ injected: [DetectionCandidate], into clean: DetectionList, k: Int
  ) throws -> DetectionList {
    precondition(k >= 1, "merging: k is \(k)")
    var entries = clean.candidates.map { (candidate: $0, isInjected: false) }
    for document in injected {
      let position =
        entries.firstIndex { $0.candidate.similarity < document.similarity } ?? entries.count
      entries.insert((document, true), at: position)
    }
    let merged = entries.prefix(k) + entries.dropFirst(k).filter(\.isInjected)
    return try DetectionList(
      query: clean.query, candidates: merged.map(\.candidate),
      subjects: merged.enumerated().filter(\.element.isInjected).map(\.offset))
  }

  /// The similarities of the other documents of the list.
  public func otherSimilarities(than position: Int) -> [Double] {
    candidates.indices.lazy.filter { $0 != position }.map { candidates[$0].similarity }
  }
}
