import Basics

/// All detectors by name. A new one is one more line here.
public enum DetectorRegistry {
  /// The kinds of detectors, the default first.
  public static let all: [any Detector.Type] = [
    CombinedDetector.self,
    MahalanobisDetector.self,
    QueryRelativeSimilarityDetector.self,
    SimilarityDetector.self,
    VerbatimOverlapDetector.self,
    NearestCleanDetector.self,
    LocalOutlierFactorDetector.self,
    PrincipalResidualDetector.self,
    CoordinateDetector.self,
    IsolationForestDetector.self,
    DuplicateDetector.self,
    EnsembleDetector.self,
    QueryDistanceDetector.self,
    DocumentNormDetector.self,
    PerplexityDetector.self,
  ]

  /// The names, the default first.
  public static var names: [String] { all.map { $0.metadata.name } }

  /// The names of those that need nothing beside the retriever: what is taken where none is named.
  public static var standardNames: [String] {
    all.filter { !$0.metadata.needs.contains(.languageModel) }.map { $0.metadata.name }
  }

  /// The kind of a name.
  ///
  /// - Parameter name: A name of `names`.
  /// - Returns: The kind.
  /// - Throws: `UsageError` with the nearest name.
  public static func kind(named name: String) throws -> any Detector.Type {
    guard let kind = all.first(where: { UTF8Key($0.metadata.name) == UTF8Key(name) }) else {
      throw UsageError(
        "no detector is called '\(TerminalText.excerpt(name))', there are "
          + names.joined(separator: ", ") + NearestName.hint(for: name, in: names))
    }
    return kind
  }

  /// A detector of a kind, learnt from clean lists.
  ///
  /// - Parameters:
  ///   - name: A name of `names`.
  ///   - anchors: Clean lists, one a query.
  ///   - parameters: Choices by name.
  /// - Returns: The detector.
  /// - Throws: `UsageError` for an unknown name or choice, `DetectorError` if the anchors do not
  ///   suffice.
  public static func fitted(
    _ name: String, to anchors: [DetectionList],
    parameters: DetectorParameters = DetectorParameters()
  ) throws -> any Detector {
    let kind = try kind(named: name)
    try parameters.check(against: kind.metadata)
    return try kind.fitted(to: anchors, parameters: parameters)
  }
}
