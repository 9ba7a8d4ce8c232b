import Basics
import Glibc
public import Statistics

/// Several scores, each in standard deviations of clean documents, added or compared.
///
/// Document-mode Mahalanobis finds poison that leaves the region of clean passages and misses poison
/// that looks like one; similarity does the reverse. The matched filter towards the query finds what
/// both miss: poison on a topic of the corpus whose similarity stays usual. Each score is standardised on clean documents by
/// models that have not seen them, so that no poison and no test data take part.
///
/// - SeeAlso: rag-poisoning specification, section 5.6, which also says why Fisher's combination of
///   p-values fails: a component without evidence dilutes the others.
public struct CombinedDetector: Detector {
  /// A score that can take part.
  public enum Component: String, Sendable, CaseIterable {
    /// Cube root of the document-mode Mahalanobis distance, upper tail.
    case document
    /// Query-relative similarity.
    case relative
    /// The matched filter towards the query in document mode.
    case projection
    /// Pair-mode Mahalanobis, two-sided.
    case pair
    /// Similarity.
    case similarity
    /// Distance to the nearest clean document.
    case nearest

    /// Whether the component learns from the anchors, so that it has to be cross-fitted.
    fileprivate var learns: Bool {
      switch self {
      case .document, .projection, .pair, .nearest: true
      case .relative, .similarity: false
      }
    }
  }

  /// How standardised scores become one.
  public enum Rule: String, Sendable, CaseIterable {
    /// Their sum: evidence adds up.
    case sum
    /// Their maximum: one is enough.
    case maximum
  }

  /// All that can be chosen.
  public struct Configuration: Sendable, Equatable {
    /// The scores that take part, each once.
    public var components: [Component]
    /// How they become one.
    public var rule: Rule
    /// How covariances are made well conditioned.
    public var shrinkage: Shrinkage
    /// Whether vectors are divided by their norms first.
    public var isNormalized: Bool
    /// The share of the farthest anchors dropped before a second fit, from 0 to 0.5.
    public var trim: Double

    /// A configuration; without arguments the defaults.
    public init(
      components: [Component] = [.document, .relative, .projection], rule: Rule = .sum,
      shrinkage: Shrinkage = .ledoitWolf, isNormalized: Bool = false, trim: Double = 0
    ) {
      self.components = components
      self.rule = rule
      self.shrinkage = shrinkage
      self.isNormalized = isNormalized
      self.trim = trim
    }

    fileprivate func detector(
      for component: Component, fittedTo anchors: [DetectionList], isDiagnosed: Bool
    ) throws -> any Detector {
      func mahalanobis(
        _ feature: FeatureKind, _ direction: MahalanobisDetector.Direction
      ) throws -> MahalanobisDetector {
        try MahalanobisDetector(
          fittedTo: anchors,
          configuration: .init(
            feature: feature, isNormalized: isNormalized, shrinkage: shrinkage,
            direction: direction, trim: trim), isDiagnosed: isDiagnosed)
      }
      return switch component {
      case .document: try mahalanobis(.document, .upper)
      case .projection: try mahalanobis(.document, .projection)
      case .pair: try mahalanobis(.pair, .twoSided)
      case .relative: QueryRelativeSimilarityDetector()
      case .similarity: SimilarityDetector()
      case .nearest: try NearestCleanDetector(fittedTo: anchors)
      }
    }
  }

  /// One component after the fit.
  private struct Part: Sendable {
    var component: Component
    var detector: any Detector
    var standardization: Standardization

    func scores(of lists: [DetectionList]) throws -> [[Double]] {
      try CombinedDetector.scores(component, detector, lists).map {
        $0.map(standardization.callAsFunction)
      }
    }
  }

  /// What was chosen.
  public let configuration: Configuration
  private let parts: [Part]

  /// Learns from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: At least two clean lists.
  ///   - configuration: The choices.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for components that are
  ///   missing or named twice.
  public init(fittedTo anchors: [DetectionList], configuration: Configuration = .init()) throws {
    guard !configuration.components.isEmpty,
      Set(configuration.components).count == configuration.components.count
    else { throw UsageError("components of a combined detector: expected each once, at least one") }
    self.configuration = configuration
    parts = try configuration.components.map { component in
      let detector = try configuration.detector(
        for: component, fittedTo: anchors, isDiagnosed: true)
      let clean =
        component.learns
        ? try CrossFit.scores(of: anchors) { training, held in
          try Self.scores(
            component,
            try configuration.detector(
              for: component, fittedTo: training, isDiagnosed: false), held)
        } : try Self.scores(component, detector, anchors)
      return Part(
        component: component, detector: detector,
        standardization: try Standardization(
          of: clean.flatMap(\.self), detector: "\(Self.metadata.name), \(component.rawValue)"))
    }
  }

  private static func scores(
    _ component: Component, _ detector: any Detector, _ lists: [DetectionList]
  ) throws -> [[Double]] {
    let scores = try detector.scores(of: lists)
    // Squared distances have a long upper tail; their cube roots are close to normal.
    return component == .document ? scores.map { $0.map { cbrt($0) } } : scores
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: Sums or maxima of standard deviations.
  /// - Throws: What the components throw.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    var combined = try parts[0].scores(of: lists)
    for part in parts.dropFirst() {
      for (list, scores) in try part.scores(of: lists).enumerated() {
        for (position, score) in scores.enumerated() {
          combined[list][position] =
            configuration.rule == .sum
            ? combined[list][position] + score : max(combined[list][position], score)
        }
      }
    }
    return combined
  }

  /// Components with their clean centres and spreads.
  public var summary: [(name: String, value: String)] {
    [("rule", configuration.rule.rawValue)]
      + parts.flatMap { part in
        [
          (
            part.component.rawValue,
            "clean centre \(Format.decimals(part.standardization.center, 4)), "
              + "spread \(Format.decimals(part.standardization.scale, 4))"
          )
        ] + part.detector.summary.map { ("\(part.component.rawValue) \($0.name)", $0.value) }
      }
  }
}

extension CombinedDetector {
  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "combined",
    title: "Mahalanobis, query-relative similarity and matched filter, standardised and added",
    source: "rag-poisoning specification, section 5.6",
    needs: [.vectors, .similarities, .anchors],
    parameters: [
      .init(
        "components", default: "document+relative+projection",
        "document, relative, projection, pair, similarity, nearest, joined by +"),
      .init("rule", default: "sum", "sum or maximum"),
      .init(
        "shrinkage", default: "ledoit-wolf",
        "ledoit-wolf, oas, fixed:B for (1-B)S + B tr(S)/d I, ridge:B for S + B I"),
      .init("normalize", default: "false", "true divides vectors by their norms first"),
      .init("trim", default: "0", "share of the farthest anchors dropped before a second fit"),
    ])

  /// Refuses values of components, rule, shrinkage, normalize or trim that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try Configuration(parameters)
  }

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: At least two clean lists.
  ///   - parameters: components, rule, shrinkage, normalize, trim.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a value that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> CombinedDetector {
    try CombinedDetector(fittedTo: anchors, configuration: Configuration(parameters))
  }

  /// The states of all components.
  public var state: DetectorState {
    var state = DetectorState(values: [
      "components": .array(configuration.components.map { .string($0.rawValue) }),
      "rule": .string(configuration.rule.rawValue),
      "shrinkage": .string(configuration.shrinkage.parameterText),
      "normalize": .bool(configuration.isNormalized),
      "trim": .number(configuration.trim),
      "centers": .array(parts.map { .number($0.standardization.center) }),
      "scales": .array(parts.map { .number($0.standardization.scale) }),
    ])
    for part in parts { state.embed(part.detector.state, as: part.component.rawValue) }
    return state
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    let values = state.values
    var configuration: Configuration
    do {
      configuration = try Configuration(
        DetectorParameters([
          "components": try values.strings("components").joined(separator: "+"),
          "rule": try values.string("rule"), "shrinkage": try values.string("shrinkage"),
        ]))
    } catch let error as UsageError {
      throw InputError(error.message)
    }
    configuration.isNormalized = try values.bool("normalize")
    configuration.trim = try values.double("trim")
    let centers = try values.doubles("centers")
    let scales = try values.doubles("scales")
    guard !configuration.components.isEmpty, centers.count == configuration.components.count,
      scales.count == centers.count
    else { throw InputError("the components of the combined detector do not fit each other") }
    self.configuration = configuration
    parts = try configuration.components.enumerated().map { index, component in
      Part(
        component: component,
        detector: try Self.kind(of: component).init(state: try state.part(component.rawValue)),
        standardization: try Standardization(center: centers[index], scale: scales[index]))
    }
  }

  private static func kind(of component: Component) -> any Detector.Type {
    switch component {
    case .document, .projection, .pair: MahalanobisDetector.self
    case .relative: QueryRelativeSimilarityDetector.self
    case .similarity: SimilarityDetector.self
    case .nearest: NearestCleanDetector.self
    }
  }
}

extension CombinedDetector.Configuration {
  /// A configuration from choices by name; absent ones take their defaults.
  ///
  /// - Parameter parameters: components, rule, shrinkage, normalize, trim; others are left alone.
  /// - Throws: `UsageError` for a value that cannot be.
  public init(_ parameters: DetectorParameters) throws {
    let defaults = Self()
    var components = defaults.components
    if let text = parameters.values["components"] {
      components = try text.split(separator: "+", omittingEmptySubsequences: false).map { name in
        try DetectorParameters(["components": String(name)])
          .choice("components", default: CombinedDetector.Component.document)
      }
    }
    self.init(
      components: components,
      rule: try parameters.choice("rule", default: defaults.rule),
      shrinkage: try parameters.shrinkage("shrinkage", default: defaults.shrinkage),
      isNormalized: try parameters.bool("normalize", default: defaults.isNormalized),
      trim: try parameters.double("trim", default: defaults.trim, in: 0...0.5))
  }
}
