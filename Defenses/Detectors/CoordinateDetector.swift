import Basics

/// How many standard deviations the coordinates of a feature lie from their clean means: the largest
/// of them, or their mean.
///
/// It is the Mahalanobis distance of someone who knows no covariances. The largest finds a deviation
/// that a few coordinates carry, the mean one that is spread over all.
///
/// What it cannot see: a combination of coordinates that is unusual although each is usual, which is
/// where most of the difference between clean and poisoned documents lies in a dense encoder; and
/// under cosine similarity poison that is nearer to its query than usual (with the pair feature its
/// coordinates are *smaller*).
///
/// - SeeAlso: rag-poisoning specification, section 5.4.
public struct CoordinateDetector: Detector, Equatable {
  /// How the coordinates become one score.
  public enum Statistic: String, Sendable, CaseIterable {
    /// The largest magnitude.
    case largest
    /// The mean magnitude.
    case mean
  }

  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "coordinate-z", title: "standard deviations of single coordinates from their clean means",
    source: "rag-poisoning specification, section 5.4; Shewhart 1931",
    needs: [.vectors, .anchors],
    parameters: [
      .init("statistic", default: "mean", "largest or mean of the magnitudes")
    ] + FeatureExtractor.parameters(default: .document))

  /// A coordinate counts as varying by at least this share of the typical deviation: one that was
  /// constant on clean documents stays usable without dividing by nothing, and is no place to hide.
  private static let smallestShare = 1e-3

  /// How the coordinates become one score.
  public let statistic: Statistic
  private let feature: FeatureExtractor
  private let mean: [Double]
  private let scale: [Double]

  /// Learns means and deviations from clean lists.
  init(
    fittedTo anchors: [DetectionList], statistic: Statistic, feature: FeatureExtractor
  ) throws {
    let (rows, dimension) = try feature.anchorRows(of: anchors)
    let count = rows.count / dimension
    var mean = [Double](repeating: 0, count: dimension)
    for row in 0..<count {
      for column in 0..<dimension { mean[column] += Double(rows[row * dimension + column]) }
    }
    for column in 0..<dimension { mean[column] /= Double(count) }
    var squares = [Double](repeating: 0, count: dimension)
    for row in 0..<count {
      for column in 0..<dimension {
        let centred = Double(rows[row * dimension + column]) - mean[column]
        squares[column] += centred * centred
      }
    }
    let variances = squares.map { $0 / Double(count - 1) }
    let typical = (variances.reduce(0, +) / Double(dimension)).squareRoot()
    guard typical > 0, typical.isFinite else {
      throw DetectorError.fit(detector: Self.metadata.name, reason: "all clean features are equal")
    }
    self.statistic = statistic
    self.feature = feature
    self.mean = mean
    scale = variances.map { max($0.squareRoot(), Self.smallestShare * typical) }
  }

  /// Refuses values of statistic, feature or normalize that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try FeatureExtractor(parameters, default: .document)
    _ = try parameters.choice("statistic", default: Statistic.mean)
  }

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists with at least two documents.
  ///   - parameters: statistic, feature, normalize.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a value that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> CoordinateDetector {
    try CoordinateDetector(
      fittedTo: anchors, statistic: parameters.choice("statistic", default: .mean),
      feature: FeatureExtractor(parameters, default: .document))
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Standard deviations, 0 or more.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    try feature.scores(of: lists, dimension: mean.count) { rows in
      stride(from: 0, to: rows.count, by: mean.count).map { start in
        var largest = 0.0
        var sum = 0.0
        for column in mean.indices {
          let magnitude = ((Double(rows[start + column]) - mean[column]) / scale[column]).magnitude
          largest = max(largest, magnitude)
          sum += magnitude
        }
        return statistic == .largest ? largest : sum / Double(mean.count)
      }
    }
  }

  /// The choices.
  public var summary: [(name: String, value: String)] {
    [("feature", feature.kind.rawValue), ("statistic", statistic.rawValue)]
  }

  /// Choices, means and deviations.
  public var state: DetectorState {
    var values: JSONObject = ["statistic": .string(statistic.rawValue)]
    feature.write(to: &values)
    return DetectorState(values: values, doubles: ["mean": mean, "scale": scale])
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    feature = try FeatureExtractor(values: state.values)
    let text = try state.values.string("statistic")
    guard let statistic = Statistic(rawValue: text) else {
      throw InputError("the statistic '\(TerminalText.excerpt(text))' is unknown")
    }
    self.statistic = statistic
    mean = try state.array("mean")
    scale = try state.array("scale", count: mean.count)
    guard !mean.isEmpty, scale.allSatisfy({ $0 > 0 }) else {
      throw InputError("a deviation of a coordinate is not positive")
    }
  }
}
