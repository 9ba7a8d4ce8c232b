import Basics

/// A detector with its choices, as one word: `name/choice=value/choice=value`.
public struct DetectorChoice: Sendable, Equatable {
  /// A name of ``DetectorRegistry``.
  public var detector: String
  /// Choices by name; absent ones take their defaults.
  public var parameters: DetectorParameters

  /// A detector, by default without choices of its own.
  public init(_ detector: String, _ parameters: DetectorParameters = DetectorParameters()) {
    self.detector = detector
    self.parameters = parameters
  }

  /// A detector from its word, its name and choices checked.
  ///
  /// - Parameter text: For example `mahalanobis/feature=document/direction=upper`.
  /// - Throws: `UsageError` for an unknown name or choice, or a value that cannot be.
  public init(parsing text: String) throws {
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
    let kind = try DetectorRegistry.kind(named: parts[0])
    let parameters = try DetectorParameters(parsing: Array(parts.dropFirst()))
    try parameters.check(against: kind.metadata)
    try kind.check(parameters)
    self.init(kind.metadata.name, parameters)
  }

  /// The word; choices in the order of their names.
  public var text: String {
    ([detector]
      + parameters.values.sorted { UTF8Key($0.key) < UTF8Key($1.key) }
      .map { "\($0.key)=\($0.value)" }).joined(separator: "/")
  }
}
