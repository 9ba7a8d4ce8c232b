import Basics
import CBLAS

/// The distance of a document to the k-th nearest clean document.
///
/// The clean documents are those of the anchors, each once; a document is not its own neighbour.
public struct NearestCleanDetector: Detector, Equatable {
  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "nearest-clean", title: "distance to the k-th nearest clean document",
    source: "rag-poisoning specification, section 5.4", needs: [.vectors, .anchors],
    parameters: [.init("k", default: "1", "which neighbour counts, from 1 to 100")])

  /// Which neighbour counts, from 1.
  public let k: Int
  private let dimension: Int
  private let ids: [UTF8Key]
  /// `[ids, dimension]`.
  private let vectors: [Float]
  private let squaredNorms: [Double]

  /// Keeps the documents of clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists with more than `k` different documents.
  ///   - k: Which neighbour counts, at least 1.
  /// - Throws: `DetectorError` if the anchors do not suffice or differ in dimension.
  public init(fittedTo anchors: [DetectionList], k: Int = 1) throws {
    precondition(k >= 1, "NearestCleanDetector: k is \(k)")
    let extractor = FeatureExtractor(kind: .document, isNormalized: false)
    let dimension = anchors.first?.query.vector.dimension ?? 0
    var seen: Set<UTF8Key> = []
    var ids: [UTF8Key] = []
    var vectors: [Float] = []
    for list in anchors {
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
    guard ids.count > k else {
      throw DetectorError.anchors(found: ids.count, needed: k + 1, what: "clean documents")
    }
    self.init(k: k, dimension: dimension, ids: ids, vectors: vectors)
  }

  private init(k: Int, dimension: Int, ids: [UTF8Key], vectors: [Float]) {
    self.k = k
    self.dimension = dimension
    self.ids = ids
    self.vectors = vectors
    squaredNorms = ids.indices.map { row in
      vectors[row * dimension..<(row + 1) * dimension].reduce(0.0) { $0 + Double($1) * Double($1) }
    }
  }

  /// Refuses a value of k that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try neighbour(parameters)
  }

  private static func neighbour(_ parameters: DetectorParameters) throws -> Int {
    try parameters.int("k", default: 1, in: 1...100)
  }

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists.
  ///   - parameters: k.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a k that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> NearestCleanDetector {
    try NearestCleanDetector(
      fittedTo: anchors, k: try neighbour(parameters))
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists, by one product for some hundred documents.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Euclidean distances.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    let extractor = FeatureExtractor(kind: .document, isNormalized: false)
    var flat: [Double] = []
    var rows: [Float] = []
    var names: [UTF8Key] = []
    for list in lists {
      guard list.query.vector.dimension == dimension else {
        throw DetectorError.dimension(expected: dimension, found: list.query.vector.dimension)
      }
      for position in list.subjects {
        try extractor.append(list.candidates[position], of: list.query, to: &rows)
        names.append(UTF8Key(list.candidates[position].id))
        if names.count == 256 {
          flat += distances(rows, names)
          rows.removeAll(keepingCapacity: true)
          names.removeAll(keepingCapacity: true)
        }
      }
    }
    flat += distances(rows, names)
    var next = 0
    return lists.map { list in
      defer { next += list.subjects.count }
      return Array(flat[next..<next + list.subjects.count])
    }
  }

  private func distances(_ rows: [Float], _ names: [UTF8Key]) -> [Double] {
    guard !names.isEmpty else { return [] }
    var products = [Float](repeating: 0, count: names.count * ids.count)
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(names.count), Int32(ids.count),
      Int32(dimension), 1, rows, Int32(dimension), vectors, Int32(dimension), 0, &products,
      Int32(ids.count))
    return names.indices.map { row in
      let norm = rows[row * dimension..<(row + 1) * dimension]
        .reduce(0.0) { $0 + Double($1) * Double($1) }
      var nearest: [Double] = []
      for anchor in ids.indices {
        let product = Double(products[row * ids.count + anchor])
        let squared = norm + squaredNorms[anchor] - 2 * product
        guard nearest.count < k || squared < nearest[k - 1], ids[anchor] != names[row] else {
          continue
        }
        nearest.insert(squared, at: nearest.firstIndex { squared < $0 } ?? nearest.count)
        if nearest.count > k { nearest.removeLast() }
      }
      // Rounding may leave a little less than 0 between equal vectors.
      return max(0, nearest[k - 1]).squareRoot()
    }
  }

  /// How many documents are kept.
  public var summary: [(name: String, value: String)] { [("anchors", "\(ids.count) documents")] }

  /// The clean documents' ids and vectors.
  public var state: DetectorState {
    DetectorState(
      values: [
        "k": JSONValue(k), "dimension": JSONValue(dimension),
        "ids": .array(ids.map { .string($0.string) }),
      ],
      floats: ["vectors": vectors])
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    let ids = try state.values.strings("ids").map { UTF8Key($0) }
    let k = try state.values.int("k")
    let dimension = try state.values.int("dimension")
    let (count, overflow) = ids.count.multipliedReportingOverflow(by: dimension)
    guard k >= 1, ids.count > k, dimension >= 1, !overflow else {
      throw InputError("\(ids.count) clean documents of \(dimension) dimensions, k = \(k)")
    }
    self.init(
      k: k, dimension: dimension, ids: ids, vectors: try state.floatArray("vectors", count: count))
  }
}
