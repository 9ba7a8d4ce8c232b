import Basics
import Glibc
public import Statistics

/// The distance from clean features in the metric of their covariance.
///
/// Clean documents scatter in certain directions; poison deviates in others. Whether poison lies
/// *farther* than clean documents or *nearer* depends on the encoder's similarity and on the feature:
/// under cosine similarity the deviation of poison from its query is smaller than clean deviations,
/// so that the upper tail of the pair feature is inverted. Hence ``Direction``.
///
/// - SeeAlso: Xian et al. 2025; rag-poisoning specification, sections 5.2, 5.3 and 5.6.
public struct MahalanobisDetector: Detector, Equatable {
  /// Which deviation from the clean features is suspicious.
  public enum Direction: String, Sendable, CaseIterable {
    /// Chosen among the tails by a probe on clean data: see ``MahalanobisDetector/direction``.
    case automatic
    /// Far from the clean mean: the squared distance.
    case upper
    /// Near the clean mean: minus the squared distance.
    case lower
    /// Farther or nearer than usual: the magnitude of the standardised cube root of the squared
    /// distance, which is close to normal on clean data.
    case twoSided = "two-sided"
    /// Towards the query itself: the adaptive matched filter (x−μ)ᵀΣ⁻¹(t−μ)/‖t−μ‖, where t is the
    /// feature of a document that equals the query.
    case projection
  }

  /// All that can be chosen.
  public struct Configuration: Sendable, Equatable {
    /// What is looked at.
    public var feature: FeatureKind
    /// Whether vectors are divided by their norms first.
    public var isNormalized: Bool
    /// How the covariance is made well conditioned.
    public var shrinkage: Shrinkage
    /// Which deviation is suspicious.
    public var direction: Direction
    /// The share of the farthest anchors dropped before a second fit, from 0 to 0.5.
    public var trim: Double

    /// A configuration; without arguments the defaults.
    public init(
      feature: FeatureKind = .pair, isNormalized: Bool = false, shrinkage: Shrinkage = .ledoitWolf,
      direction: Direction = .automatic, trim: Double = 0
    ) {
      self.feature = feature
      self.isNormalized = isNormalized
      self.shrinkage = shrinkage
      self.direction = direction
      self.trim = trim
    }
  }

  /// What was chosen.
  public let configuration: Configuration
  /// The direction in use, never automatic.
  ///
  /// An automatic direction is the one that finds most *probes* at a clean rate of 5 %: a probe is a
  /// query taken as its own document, the limit of an attack by concatenation whose payload shrinks
  /// to nothing. Only clean queries and clean documents take part. On equal shares the order is
  /// upper, lower, two-sided.
  public let direction: Direction
  /// What the fit found.
  let diagnostics: MahalanobisModel.Diagnostics
  let model: MahalanobisModel
  /// Of the cube root of the squared distance on clean documents that were not fitted; nil where the
  /// direction does not need it.
  let standardization: Standardization?

  /// Anchor documents that the covariance was estimated from.
  public var anchorCount: Int { diagnostics.anchors }
  /// The weight of the identity in the covariance.
  public var shrinkageIntensity: Double { diagnostics.intensity }
  /// The largest eigenvalue of the covariance over the smallest.
  public var conditionNumber: Double? { diagnostics.conditionNumber }

  /// Learns from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: At least two clean lists.
  ///   - configuration: The choices.
  /// - Throws: `DetectorError` if the anchors do not suffice or differ in dimension, `UsageError` for
  ///   a share to trim out of range.
  public init(fittedTo anchors: [DetectionList], configuration: Configuration = .init()) throws {
    try self.init(fittedTo: anchors, configuration: configuration, isDiagnosed: true)
  }

  /// Learns from clean lists, without diagnostics if the fit only serves a cross-fit.
  init(
    fittedTo anchors: [DetectionList], configuration: Configuration, isDiagnosed: Bool
  ) throws {
    guard configuration.trim >= 0, configuration.trim <= 0.5 else {
      throw UsageError("trim is \(configuration.trim), expected a number from 0 to 0.5")
    }
    let feature = FeatureExtractor(
      kind: configuration.feature, isNormalized: configuration.isNormalized)
    func model(
      _ lists: [DetectionList], _ diagnostics: UnsafeMutablePointer<MahalanobisModel.Diagnostics>?
    ) throws -> MahalanobisModel {
      try MahalanobisModel(
        fitting: lists, feature: feature, shrinkage: configuration.shrinkage,
        trim: configuration.trim, diagnostics: diagnostics)
    }
    var diagnostics = MahalanobisModel.Diagnostics()
    self.model = try isDiagnosed ? model(anchors, &diagnostics) : model(anchors, nil)
    self.diagnostics = diagnostics
    self.configuration = configuration
    guard configuration.direction == .automatic || configuration.direction == .twoSided else {
      direction = configuration.direction
      standardization = nil
      return
    }
    var probes: [Double] = []
    let clean = try CrossFit.scores(of: anchors) { training, held in
      let model = try model(training, nil)
      probes += try model.probeDistances(of: held).map { cbrt($0) }
      return try model.squaredDistances(of: held)
    }.flatMap { $0.map { cbrt($0) } }
    let standardization = try Standardization(of: clean, detector: Self.metadata.name)
    self.standardization = standardization
    direction =
      configuration.direction == .automatic
      ? Self.direction(clean: clean, probes: probes, standardization) : .twoSided
  }

  init(
    configuration: Configuration, direction: Direction, diagnostics: MahalanobisModel.Diagnostics,
    model: MahalanobisModel, standardization: Standardization?
  ) {
    self.configuration = configuration
    self.direction = direction
    self.diagnostics = diagnostics
    self.model = model
    self.standardization = standardization
  }

  private static func direction(
    clean: [Double], probes: [Double], _ standardization: Standardization
  ) -> Direction {
    var best: (direction: Direction, found: Int)?
    for direction in [Direction.upper, .lower, .twoSided] {
      func score(_ root: Double) -> Double {
        switch direction {
        case .lower: -root
        case .twoSided: standardization(root).magnitude
        default: root
        }
      }
      let sorted = clean.map(score).sorted()
      let threshold = sorted[min(sorted.count - 1, sorted.count * 95 / 100)]
      let found = probes.count { score($0) > threshold }
      if found > best?.found ?? -1 { best = (direction, found) }
    }
    return best?.direction ?? .twoSided
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] {
    try scores(of: [list])[0]
  }

  /// The scores of many lists, by one large product for every thousand documents.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Upper: squared distances. Lower: the same with a minus sign. Two-sided: standard
  ///   deviations from the clean centre. Projection: standard deviations towards the query.
  /// - Throws: `DetectorError` for another dimension or a vector that is not finite.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    if direction == .projection { return try model.projections(of: lists) }
    return try model.squaredDistances(of: lists).map { scores in
      scores.map { distance in
        switch direction {
        case .lower: -distance
        case .twoSided: standardization?(cbrt(distance)).magnitude ?? distance
        default: distance
        }
      }
    }
  }

  /// Direction, shrinkage and condition of the fit.
  public var summary: [(name: String, value: String)] {
    [
      ("feature", configuration.feature.rawValue),
      ("direction", direction.rawValue),
      ("anchors", "\(diagnostics.anchors) documents, \(diagnostics.trimmed) trimmed"),
      ("shrinkage", "intensity " + Format.decimals(diagnostics.intensity, 4)),
      (
        "condition number",
        diagnostics.conditionNumber.map { Format.decimals($0, 1) } ?? "not positive definite"
      ),
    ]
  }
}
