import Basics

/// The local outlier factor: how much sparser the clean documents lie around a document than around
/// its neighbours.
///
/// A distance to the nearest clean document means little by itself: topics differ in how densely the
/// corpus covers them. The factor divides by the neighbours' own distances: near 1 inside a region
/// of any density, above 1 outside. The model is that of the anchors alone (novelty mode), so a
/// document to be judged changes nothing; one that is an anchor itself is not its own neighbour.
///
/// What it cannot see: poison that lies among clean documents, which a long query of the corpus's own
/// kind makes of it; and by the document's vector alone it does not know how near the query is.
///
/// - SeeAlso: Breunig, Kriegel, Ng and Sander 2000, definitions 3 to 7;
///   `sklearn.neighbors.LocalOutlierFactor(novelty=True)`.
public struct LocalOutlierFactorDetector: Detector, Equatable {
  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "local-outlier-factor",
    title: "density of clean documents around the neighbours over that around the document",
    source: "Breunig et al. 2000, LOF: identifying density-based local outliers, SIGMOD",
    needs: [.vectors, .anchors],
    parameters: [.init("k", default: "20", "how many neighbours count, from 1 to 500")])

  /// How many neighbours count.
  public let k: Int
  private let anchors: AnchorDocuments
  /// The distance of each anchor to its k-th neighbour.
  private let reach: [Double]
  /// The local reachability density of each anchor.
  private let density: [Double]

  /// Keeps the documents of clean lists with the densities around them.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists with more than `k` different documents.
  ///   - k: How many neighbours count, at least 1.
  /// - Throws: `DetectorError` if the anchors do not suffice or differ in dimension.
  public init(fittedTo anchors: [DetectionList], k: Int = 20) throws {
    precondition(k >= 1, "LocalOutlierFactorDetector: k is \(k)")
    let anchors = try AnchorDocuments(of: anchors, atLeast: k + 1)
    let neighbours = anchors.neighbours(k: k)
    let reach = neighbours.map { $0[k - 1].squaredDistance.squareRoot() }
    self.k = k
    self.anchors = anchors
    self.reach = reach
    density = neighbours.map { Self.density(of: $0, reach: reach) }
  }

  /// 1 over the mean reachability distance.
  private static func density(
    of neighbours: [AnchorDocuments.Neighbour], reach: [Double]
  ) -> Double {
    let sum = neighbours.reduce(0.0) {
      $0 + max($1.squaredDistance.squareRoot(), reach[$1.index])
    }
    // Many equal documents have no distance; the constant is scikit-learn's.
    return 1 / (sum / Double(neighbours.count) + 1e-10)
  }

  /// Refuses a value of k that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try neighbours(parameters)
  }

  private static func neighbours(_ parameters: DetectorParameters) throws -> Int {
    try parameters.int("k", default: 20, in: 1...500)
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
  ) throws -> LocalOutlierFactorDetector {
    try LocalOutlierFactorDetector(fittedTo: anchors, k: try neighbours(parameters))
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Factors, 0 or more, about 1 for clean documents.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    try anchors.scores(of: lists, k: k) { neighbours in
      let own = Self.density(of: neighbours, reach: reach)
      return neighbours.reduce(0.0) { $0 + density[$1.index] / own } / Double(k)
    }
  }

  /// How many documents are kept.
  public var summary: [(name: String, value: String)] {
    [("anchors", "\(anchors.ids.count) documents"), ("neighbours", "\(k)")]
  }

  /// The clean documents with the densities around them.
  public var state: DetectorState {
    var state = DetectorState(
      values: ["k": JSONValue(k)], doubles: ["reach": reach, "density": density])
    anchors.write(to: &state)
    return state
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    let k = try state.values.int("k")
    guard k >= 1, k < Int.max else { throw InputError("k is \(k), expected at least 1") }
    self.k = k
    anchors = try AnchorDocuments(state: state, atLeast: k + 1)
    reach = try state.array("reach", count: anchors.ids.count)
    density = try state.array("density", count: anchors.ids.count)
    guard density.allSatisfy({ $0 > 0 }), reach.allSatisfy({ $0 >= 0 }) else {
      throw InputError("a density or distance of the local outlier factor is negative")
    }
  }
}
