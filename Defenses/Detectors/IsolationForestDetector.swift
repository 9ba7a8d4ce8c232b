import Basics

/// How soon random splits of single coordinates set a feature apart from all clean ones.
///
/// What it cannot see: splits are parallel to the coordinates, and the directions in which poison
/// deviates from clean documents are not, so that with some hundred coordinates of about equal spread
/// nearly every point looks alike. It is here because it is what a practitioner reaches for first.
///
/// - SeeAlso: Liu, Ting and Zhou 2008, "Isolation forest", ICDM; `sklearn.ensemble.IsolationForest`.
public struct IsolationForestDetector: Detector, Equatable {
  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "isolation-forest",
    title: "how few random splits of coordinates set the document apart from clean ones",
    source: "Liu, Ting and Zhou 2008, Isolation forest, ICDM", needs: [.vectors, .anchors],
    parameters: [
      .init("trees", default: "100", "how many trees, from 1 to 1000"),
      .init(
        "samples", default: "256", "clean documents that a tree is grown from, from 2 to 65536"),
      .init("seed", default: "1", "decides samples and splits"),
    ] + FeatureExtractor.parameters(default: .document))

  private struct Configuration: Sendable, Equatable {
    var trees: Int
    var samples: Int
    var seed: UInt64
    var feature: FeatureExtractor

    init(_ parameters: DetectorParameters) throws {
      trees = try parameters.int("trees", default: 100, in: 1...1000)
      samples = try parameters.int("samples", default: 256, in: 2...65_536)
      let text = parameters.values["seed"] ?? "1"
      guard let seed = UInt64(text) else {
        throw parameters.invalid("seed", text, "an integer from 0 to \(UInt64.max)")
      }
      self.seed = seed
      feature = try FeatureExtractor(parameters, default: .document)
    }
  }

  private let configuration: Configuration
  let forest: IsolationForest

  /// Refuses values of trees, samples, seed, feature or normalize that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try Configuration(parameters)
  }

  /// The detector learnt from clean lists; their order does not matter.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists with at least two documents.
  ///   - parameters: trees, samples, seed, feature, normalize.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a value that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> IsolationForestDetector {
    let configuration = try Configuration(parameters)
    // The draw is one of positions, so these must not depend on how the anchors came.
    let keys = anchors.map { UTF8Key($0.query.id) }
    let order = anchors.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
    let (rows, dimension) = try configuration.feature.anchorRows(of: order.map { anchors[$0] })
    return IsolationForestDetector(
      configuration: configuration,
      forest: IsolationForest(
        rows: rows, dimension: dimension, trees: configuration.trees,
        samples: configuration.samples, seed: configuration.seed))
  }

  private init(configuration: Configuration, forest: IsolationForest) {
    self.configuration = configuration
    self.forest = forest
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Between 0 and 1; about 1/2 for the average clean document.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    try configuration.feature.scores(of: lists, dimension: forest.dimension) { rows in
      rows.withUnsafeBufferPointer { rows in
        stride(from: 0, to: rows.count, by: forest.dimension).map { start in
          forest.score(UnsafeBufferPointer(rebasing: rows[start..<start + forest.dimension]))
        }
      }
    }
  }

  /// The size of the forest and its seed.
  public var summary: [(name: String, value: String)] {
    [
      ("feature", configuration.feature.kind.rawValue),
      ("forest", "\(configuration.trees) trees of at most \(configuration.samples) documents"),
      ("seed", "\(configuration.seed)"),
    ]
  }

  /// Choices and trees.
  public var state: DetectorState {
    var values: JSONObject = [
      "trees": JSONValue(configuration.trees), "samples": JSONValue(configuration.samples),
      "seed": .string("\(configuration.seed)"), "dimension": JSONValue(forest.dimension),
      "normalizer": .number(forest.normalizer),
    ]
    configuration.feature.write(to: &values)
    return DetectorState(
      values: values,
      doubles: [
        "roots": forest.roots.map(Double.init), "features": forest.features.map(Double.init),
        "left": forest.left.map(Double.init), "right": forest.right.map(Double.init),
        "lengths": forest.lengths,
      ], floats: ["thresholds": forest.thresholds])
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    let values = state.values
    do {
      configuration = try Configuration(
        DetectorParameters([
          "trees": "\(try values.int("trees"))", "samples": "\(try values.int("samples"))",
          "seed": try values.string("seed"), "feature": try values.string("feature"),
          "normalize": "\(try values.bool("normalize"))",
        ]))
    } catch let error as UsageError {
      throw InputError(error.message)
    }
    func integers(_ name: String) throws -> [Int] {
      try state.array(name).map { value in
        guard let integer = Int(exactly: value) else {
          throw InputError("the array '\(name)' holds \(value), expected integers")
        }
        return integer
      }
    }
    forest = try IsolationForest(
      dimension: try values.int("dimension"), normalizer: try values.double("normalizer"),
      roots: integers("roots"), features: integers("features"),
      thresholds: state.floatArray("thresholds"), left: integers("left"),
      right: integers("right"), lengths: state.array("lengths"))
    guard forest.roots.count == configuration.trees else {
      throw InputError("\(forest.roots.count) trees, expected \(configuration.trees)")
    }
  }
}
