import Basics

/// The distance of a document to the k-th nearest clean document.
///
/// The clean documents are those of the anchors, each once; a document is not its own neighbour.
public struct NearestCleanDetector: Detector, Equatable {
  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "nearest-clean", title: "distance to the k-th nearest clean document",
    source: "rag-poisoning specification, section 5.4; Ramaswamy, Rastogi and Shim 2000",
    needs: [.vectors, .anchors],
    parameters: [.init("k", default: "1", "which neighbour counts, from 1 to 100")])

  /// Which neighbour counts, from 1.
  public let k: Int
  private let anchors: AnchorDocuments

  /// Keeps the documents of clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists with more than `k` different documents.
  ///   - k: Which neighbour counts, at least 1.
  /// - Throws: `DetectorError` if the anchors do not suffice or differ in dimension.
  public init(fittedTo anchors: [DetectionList], k: Int = 1) throws {
    precondition(k >= 1, "NearestCleanDetector: k is \(k)")
    self.k = k
    self.anchors = try AnchorDocuments(of: anchors, atLeast: k + 1)
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
    try NearestCleanDetector(fittedTo: anchors, k: try neighbour(parameters))
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists, by one product for some hundred documents.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Euclidean distances.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    try anchors.scores(of: lists, k: k) { $0[k - 1].squaredDistance.squareRoot() }
  }

  /// How many documents are kept.
  public var summary: [(name: String, value: String)] {
    [("anchors", "\(anchors.ids.count) documents")]
  }

  /// The clean documents' ids and vectors.
  public var state: DetectorState {
    var state = DetectorState(values: ["k": JSONValue(k)])
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
  }
}
