import Basics
import Statistics

extension MahalanobisDetector {
  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "mahalanobis", title: "distance from clean features in the metric of their covariance",
    source: "Xian et al. 2025, arXiv 2409.17275; rag-poisoning specification, section 5.2",
    needs: [.vectors, .anchors],
    parameters: [
      .init("feature", default: "pair", "pair, document or concatenated"),
      .init("normalize", default: "false", "true divides vectors by their norms first"),
      .init(
        "shrinkage", default: "ledoit-wolf",
        "ledoit-wolf, oas, fixed:B for (1-B)S + B tr(S)/d I, ridge:B for S + B I"),
      .init(
        "direction", default: "automatic", "automatic, upper, lower, two-sided or projection"),
      .init("trim", default: "0", "share of the farthest anchors dropped before a second fit"),
    ])

  /// Refuses values of feature, normalize, shrinkage, direction or trim that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try Configuration(parameters, defaults: Configuration())
  }

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: At least two clean lists.
  ///   - parameters: feature, normalize, shrinkage, direction, trim.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a value that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> MahalanobisDetector {
    try MahalanobisDetector(
      fittedTo: anchors, configuration: Configuration(parameters, defaults: Configuration()))
  }

  /// Choices, mean and whitening matrix.
  public var state: DetectorState {
    var values: JSONObject = [
      "feature": .string(configuration.feature.rawValue),
      "normalize": .bool(configuration.isNormalized),
      "shrinkage": .string(configuration.shrinkage.parameterText),
      "configuredDirection": .string(configuration.direction.rawValue),
      "direction": .string(direction.rawValue),
      "trim": .number(configuration.trim),
      "anchors": JSONValue(diagnostics.anchors),
      "trimmed": JSONValue(diagnostics.trimmed),
      "intensity": .number(diagnostics.intensity),
    ]
    values["center"] = standardization.map { .number($0.center) } ?? .null
    values["scale"] = standardization.map { .number($0.scale) } ?? .null
    values["conditionNumber"] = diagnostics.conditionNumber.map { .number($0) } ?? .null
    let dimension = model.distance.dimension
    var lower: [Double] = []
    lower.reserveCapacity(dimension * (dimension + 1) / 2)
    for row in 0..<dimension {
      lower += model.distance.whitening[row * dimension...row * dimension + row]
    }
    return DetectorState(
      values: values, doubles: ["mean": model.distance.mean, "whitening": lower])
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    let values = state.values
    let parameters = DetectorParameters([
      "feature": try values.string("feature"), "shrinkage": try values.string("shrinkage"),
      "direction": try values.string("configuredDirection"),
    ])
    var configuration = Configuration()
    let direction: Direction
    do {
      configuration = try Configuration(parameters, defaults: configuration)
      direction = try DetectorParameters(["direction": try values.string("direction")])
        .choice("direction", default: .automatic)
    } catch let error as UsageError {
      throw InputError(error.message)
    }
    configuration.isNormalized = try values.bool("normalize")
    configuration.trim = try values.double("trim")
    let mean = try state.array("mean")
    // The number of values of a lower triangle decides nothing: it must fit the mean.
    let (square, overflow) = mean.count.multipliedReportingOverflow(by: mean.count + 1)
    guard !mean.isEmpty, !overflow, direction != .automatic else {
      throw InputError("a Mahalanobis detector of \(mean.count) dimensions cannot be")
    }
    let lower = try state.array("whitening", count: square / 2)
    var whitening = [Double](repeating: 0, count: mean.count * mean.count)
    var next = 0
    for row in mean.indices {
      for column in 0...row {
        whitening[row * mean.count + column] = lower[next]
        next += 1
      }
    }
    let distance: MahalanobisDistance
    do {
      distance = try MahalanobisDistance(mean: mean, whitening: whitening)
    } catch {
      throw InputError(error.description)
    }
    var standardization: Standardization?
    if let center = try values.optionalDouble("center") {
      standardization = try Standardization(center: center, scale: try values.double("scale"))
    } else if direction == .twoSided {
      throw InputError("a two-sided Mahalanobis detector without clean centre cannot be")
    }
    self.init(
      configuration: configuration, direction: direction,
      diagnostics: MahalanobisModel.Diagnostics(
        anchors: try values.int("anchors"), trimmed: try values.int("trimmed"),
        intensity: try values.double("intensity"),
        conditionNumber: try values.optionalDouble("conditionNumber")),
      model: MahalanobisModel(
        feature: FeatureExtractor(
          kind: configuration.feature, isNormalized: configuration.isNormalized),
        distance: distance),
      standardization: standardization)
  }
}

extension MahalanobisDetector.Configuration {
  /// A configuration from choices by name.
  ///
  /// - Parameters:
  ///   - parameters: feature, normalize, shrinkage, direction, trim; others are left alone.
  ///   - defaults: What is taken for absent ones.
  /// - Throws: `UsageError` for a value that cannot be.
  public init(_ parameters: DetectorParameters, defaults: Self) throws {
    self.init(
      feature: try parameters.choice("feature", default: defaults.feature),
      isNormalized: try parameters.bool("normalize", default: defaults.isNormalized),
      shrinkage: try parameters.shrinkage("shrinkage", default: defaults.shrinkage),
      direction: try parameters.choice("direction", default: defaults.direction),
      trim: try parameters.double("trim", default: defaults.trim, in: 0...0.5))
  }
}

extension DetectorParameters {
  /// A kind of shrinkage: `ledoit-wolf`, `oas`, `fixed:0.1` or `ridge:0.1`.
  func shrinkage(_ name: String, default defaultValue: Shrinkage) throws -> Shrinkage {
    guard let text = values[name] else { return defaultValue }
    switch text {
    case "ledoit-wolf": return .ledoitWolf
    case "oas": return .oracleApproximating
    default: break
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 2, let value = Double(parts[1]), value >= 0, value.isFinite {
      if parts[0] == "fixed", value <= 1 { return .fixed(value) }
      if parts[0] == "ridge" { return .ridge(value) }
    }
    throw invalid(
      name, text, "ledoit-wolf, oas, fixed:B with B from 0 to 1, or ridge:B with B from 0")
  }
}

extension Shrinkage {
  /// The text that `DetectorParameters` reads.
  var parameterText: String {
    switch self {
    case .ledoitWolf: "ledoit-wolf"
    case .oracleApproximating: "oas"
    case .fixed(let value): "fixed:\(value)"
    case .ridge(let value): "ridge:\(value)"
    }
  }
}
