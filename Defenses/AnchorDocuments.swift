import Basics
import CBLAS

/// The documents of clean lists, each once, and the search for the nearest of them.
struct AnchorDocuments: Sendable, Equatable {
  /// A document near another one.
  struct Neighbour: Sendable, Equatable {
    /// Its position.
    var index: Int
    /// The squared Euclidean distance.
    var squaredDistance: Double
  }

  let dimension: Int
  let ids: [UTF8Key]
  /// `[ids, dimension]`.
  let vectors: [Float]
  /// The same in Float64: distances of near-duplicates would drown in the rounding of Float32.
  private let wide: [Double]
  private let squaredNorms: [Double]

  /// Collects the documents.
  ///
  /// - Parameters:
  ///   - lists: Clean lists.
  ///   - count: How many different documents there must be.
  /// - Throws: `DetectorError` if there are fewer, or the lists differ in dimension.
  init(of lists: [DetectionList], atLeast count: Int) throws {
    let extractor = FeatureExtractor(kind: .document, isNormalized: false)
    let dimension = lists.first?.query.vector.dimension ?? 0
    var seen: Set<UTF8Key> = []
    var ids: [UTF8Key] = []
    var vectors: [Float] = []
    for list in lists {
      guard list.query.vector.dimension == dimension else {
        throw DetectorError.dimension(expected: dimension, found: list.query.vector.dimension)
      }
      for position in list.subjects {
        let id = UTF8Key(list.candidates[position].id)
        guard seen.insert(id).inserted else { continue }
        ids.append(id)
        try extractor.append(list.candidates[position], of: list.query, to: &vectors)
      }
    }
    guard ids.count >= count else {
      throw DetectorError.anchors(found: ids.count, needed: count, what: "clean documents")
    }
    self.init(dimension: dimension, ids: ids, vectors: vectors)
  }

  private init(dimension: Int, ids: [UTF8Key], vectors: [Float]) {
    self.dimension = dimension
    self.ids = ids
    self.vectors = vectors
    wide = vectors.map(Double.init)
    squaredNorms = Self.squaredNorms(wide, dimension)
  }

  private static func squaredNorms(_ rows: [Double], _ dimension: Int) -> [Double] {
    guard dimension > 0 else { return [] }
    return stride(from: 0, to: rows.count, by: dimension).map { start in
      rows[start..<start + dimension].reduce(0.0) { $0 + $1 * $1 }
    }
  }

  /// For every subject of every list the `k` nearest documents, the subject's own id left out.
  ///
  /// - Parameters:
  ///   - lists: Lists of the dimension of the anchors.
  ///   - k: From 1 to one less than the number of documents.
  ///   - body: Given the neighbours of one subject, nearest first; its result is the score.
  /// - Returns: One array a list.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  func scores(
    of lists: [DetectionList], k: Int, _ body: ([Neighbour]) -> Double
  ) throws -> [[Double]] {
    let extractor = FeatureExtractor(kind: .document, isNormalized: false)
    var flat: [Double] = []
    var rows: [Float] = []
    var names: [UTF8Key] = []
    func flush() {
      flat += neighbours(of: rows, named: names, k: k).map(body)
      rows.removeAll(keepingCapacity: true)
      names.removeAll(keepingCapacity: true)
    }
    for list in lists {
      guard list.query.vector.dimension == dimension else {
        throw DetectorError.dimension(expected: dimension, found: list.query.vector.dimension)
      }
      for position in list.subjects {
        try extractor.append(list.candidates[position], of: list.query, to: &rows)
        names.append(UTF8Key(list.candidates[position].id))
        if names.count == Self.blockRows { flush() }
      }
    }
    flush()
    var next = 0
    return lists.map { list in
      defer { next += list.subjects.count }
      return Array(flat[next..<next + list.subjects.count])
    }
  }

  /// The `k` nearest other documents of each document.
  func neighbours(k: Int) -> [[Neighbour]] {
    stride(from: 0, to: ids.count, by: Self.blockRows).flatMap { start in
      let end = min(start + Self.blockRows, ids.count)
      return neighbours(
        of: Array(vectors[start * dimension..<end * dimension]), named: Array(ids[start..<end]),
        k: k)
    }
  }

  /// Rows whose distances to all anchors are held at once.
  private static let blockRows = 256

  private func neighbours(of rows: [Float], named names: [UTF8Key], k: Int) -> [[Neighbour]] {
    guard !names.isEmpty else { return [] }
    let points = rows.map(Double.init)
    var products = [Double](repeating: 0, count: names.count * ids.count)
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(names.count), Int32(ids.count),
      Int32(dimension), -2, points, Int32(dimension), wide, Int32(dimension), 0, &products,
      Int32(ids.count))
    let norms = Self.squaredNorms(points, dimension)
    return names.indices.map { row in
      var nearest: [Neighbour] = []
      nearest.reserveCapacity(k + 1)
      for anchor in ids.indices {
        let squared = norms[row] + squaredNorms[anchor] + products[row * ids.count + anchor]
        guard nearest.count < k || squared < nearest[k - 1].squaredDistance,
          ids[anchor] != names[row]
        else { continue }
        let place =
          nearest.firstIndex { squared < $0.squaredDistance } ?? nearest.count
        nearest.insert(Neighbour(index: anchor, squaredDistance: squared), at: place)
        if nearest.count > k { nearest.removeLast() }
      }
      // The difference of large sums is good enough to choose by, not to keep: equal vectors get 0.
      for position in nearest.indices {
        nearest[position].squaredDistance = squaredDistance(
          points, row * dimension, nearest[position].index)
      }
      return nearest.sorted { ($0.squaredDistance, $0.index) < ($1.squaredDistance, $1.index) }
    }
  }

  private func squaredDistance(_ points: [Double], _ start: Int, _ anchor: Int) -> Double {
    var sum = 0.0
    for column in 0..<dimension {
      let difference = points[start + column] - wide[anchor * dimension + column]
      sum += difference * difference
    }
    return sum
  }

  /// Ids and vectors, for ``init(state:atLeast:)``.
  func write(to state: inout DetectorState) {
    state.values["dimension"] = JSONValue(dimension)
    state.values["ids"] = .array(ids.map { .string($0.string) })
    state.floats["vectors"] = vectors
  }

  /// The documents that `write(to:)` put into a state.
  ///
  /// - Parameters:
  ///   - state: The state.
  ///   - count: How many documents there must be.
  /// - Throws: `InputError` if something is missing or cannot be.
  init(state: DetectorState, atLeast count: Int) throws {
    let ids = try state.values.strings("ids").map { UTF8Key($0) }
    let dimension = try state.values.int("dimension")
    let (values, overflow) = ids.count.multipliedReportingOverflow(by: dimension)
    guard ids.count >= count, dimension >= 1, !overflow else {
      throw InputError(
        "\(ids.count) clean documents of \(dimension) dimensions, needed at least \(count)")
    }
    self.init(
      dimension: dimension, ids: ids, vectors: try state.floatArray("vectors", count: values))
  }
}
