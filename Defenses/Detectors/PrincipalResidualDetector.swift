import Basics
import CBLAS
import Statistics

/// What is left of a feature when its part along the leading principal components of clean features
/// is taken away: the squared error of reconstruction.
///
/// Clean documents of a topic spread along few directions; the residual sees what leaves them, and
/// nothing that moves within. Under cosine similarity the pair feature of poison is *shorter* than
/// clean ones, and its residual smaller with it, so the document feature is the default.
///
/// What it cannot see: poison made of the words of clean passages, whose vector lies in the span of
/// theirs, however far from any of them.
///
/// - SeeAlso: Jackson and Mudholkar 1979, "Control procedures for residuals associated with principal
///   component analysis"; `sklearn.decomposition.PCA`.
public struct PrincipalResidualDetector: Detector, Equatable {
  /// How many components are kept.
  public enum Components: Sendable, Equatable {
    /// So many.
    case count(Int)
    /// As few as explain more than this share of the variance, between 0 and 1.
    case varianceShare(Double)

    var parameterText: String {
      switch self {
      case .count(let count): "\(count)"
      case .varianceShare(let share): "\(share)"
      }
    }
  }

  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "pca-residual", title: "squared distance from the leading components of clean features",
    source: "Jackson and Mudholkar 1979; rag-poisoning specification, section 5.4",
    needs: [.vectors, .anchors],
    parameters: [
      .init(
        "keep", default: "0.9",
        "how many components, or, as a number between 0 and 1, the share of variance that they explain"
      )
    ] + FeatureExtractor.parameters(default: .document))

  /// What was chosen.
  public let components: Components
  private let feature: FeatureExtractor
  private let mean: [Double]
  /// `[kept, dimension]`, row-major, orthonormal rows.
  private let basis: [Double]
  /// The share of variance that they explain.
  private let explained: Double

  private var kept: Int { basis.count / mean.count }

  /// Learns mean and components from clean lists.
  init(
    fittedTo anchors: [DetectionList], components: Components, feature: FeatureExtractor
  ) throws {
    let (rows, dimension) = try feature.anchorRows(of: anchors)
    do {
      let estimate = try CovarianceEstimate(rows: rows, dimension: dimension)
      let (values, vectors) = try estimate.covariance.eigenpairs()
      // Descending; what rounding left below 0 is 0. No more components than rows can span.
      let rank = min(dimension, estimate.count - 1)
      let variances = values.reversed().prefix(rank).map { max(0, $0) }
      let total = estimate.covariance.trace
      guard total > 0 else {
        throw DetectorError.fit(
          detector: Self.metadata.name, reason: "all clean features are equal")
      }
      let kept: Int
      switch components {
      case .count(let count):
        guard count < dimension, count <= rank else {
          throw DetectorError.fit(
            detector: Self.metadata.name,
            reason: "\(count) components of \(dimension) dimensions and \(estimate.count) clean "
              + "features leave no residual")
        }
        kept = count
      case .varianceShare(let share):
        var sum = 0.0
        var needed = 0
        while needed < rank, !(sum > share * total) {
          sum += variances[needed]
          needed += 1
        }
        // Of a feature without any residual nothing can be said.
        kept = min(needed, dimension - 1)
      }
      self.mean = estimate.mean
      basis = (0..<kept).flatMap { component in
        let row = dimension - 1 - component
        return vectors[row * dimension..<(row + 1) * dimension]
      }
      explained = min(1, variances.prefix(kept).reduce(0, +) / total)
    } catch let error as StatisticsError {
      throw DetectorError.fit(detector: Self.metadata.name, reason: error.description)
    }
    self.components = components
    self.feature = feature
  }

  /// Refuses values of keep, feature or normalize that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try FeatureExtractor(parameters, default: .document)
    _ = try components(parameters)
  }

  private static func components(_ parameters: DetectorParameters) throws -> Components {
    guard let text = parameters.values["keep"] else { return .varianceShare(0.9) }
    if let count = Int(text), (1...16_384).contains(count) { return .count(count) }
    if let share = Double(text), share > 0, share < 1 { return .varianceShare(share) }
    throw parameters.invalid(
      "keep", text, "an integer from 1 to 16384, or a number between 0 and 1")
  }

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists with at least two documents.
  ///   - parameters: keep, feature, normalize.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a value that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> PrincipalResidualDetector {
    try PrincipalResidualDetector(
      fittedTo: anchors, components: components(parameters),
      feature: FeatureExtractor(parameters, default: .document))
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists, by two products for every thousand documents.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Squared distances, 0 or more.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    try feature.scores(of: lists, dimension: mean.count, residuals)
  }

  private func residuals(of rows: [Float]) -> [Double] {
    let dimension = mean.count
    let count = rows.count / dimension
    var points = [Double](repeating: 0, count: rows.count)
    for row in 0..<count {
      for column in 0..<dimension {
        points[row * dimension + column] = Double(rows[row * dimension + column]) - mean[column]
      }
    }
    var coordinates = [Double](repeating: 0, count: count * kept)
    if kept > 0 {
      cblas_dgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, Int32(count), Int32(kept), Int32(dimension), 1,
        points, Int32(dimension), basis, Int32(dimension), 0, &coordinates, Int32(kept))
      // The residual itself, not a difference of squares: it is small where most is explained.
      cblas_dgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(count), Int32(dimension), Int32(kept), -1,
        coordinates, Int32(kept), basis, Int32(dimension), 1, &points, Int32(dimension))
    }
    return stride(from: 0, to: points.count, by: dimension).map { start in
      points[start..<start + dimension].reduce(0.0) { $0 + $1 * $1 }
    }
  }

  /// How many components are kept and what they explain.
  public var summary: [(name: String, value: String)] {
    [
      ("feature", feature.kind.rawValue),
      (
        "components",
        "\(kept) of \(mean.count), \(Format.percent(explained)) of the variance"
      ),
    ]
  }

  /// Choices, mean and components.
  public var state: DetectorState {
    var values: JSONObject = [
      "keep": .string(components.parameterText), "explained": .number(explained),
      "components": JSONValue(kept),
    ]
    feature.write(to: &values)
    return DetectorState(values: values, doubles: ["mean": mean, "basis": basis])
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    feature = try FeatureExtractor(values: state.values)
    do {
      components = try Self.components(
        DetectorParameters(["keep": try state.values.string("keep")]))
    } catch let error as UsageError {
      throw InputError(error.message)
    }
    mean = try state.array("mean")
    explained = try state.values.double("explained")
    let kept = try state.values.int("components")
    guard !mean.isEmpty, kept >= 0, kept < mean.count else {
      throw InputError("\(kept) principal components of \(mean.count) dimensions cannot be")
    }
    basis = try state.array("basis", count: kept * mean.count)
  }
}
