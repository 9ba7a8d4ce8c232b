import Basics
import Glibc

/// Any detectors, made comparable by how rare their scores are on clean documents.
///
/// The score of each component becomes its conformal p-value among clean documents that its model has
/// not seen (cross-fitted), which asks nothing of the scores' distribution; then a rule makes one
/// number of the p-values. Of m clean documents the smallest conformal p-value is 1/(m+1), reached by
/// every score above all of theirs; so that strong evidence can still be told from stronger, it falls
/// on beyond the largest clean score as an exponential tail with the mean excess of the upper tenth.
/// That is an extrapolation, and orders scores; the rank rule makes no use of it worth naming.
/// ``CombinedDetector`` instead adds *standardised* scores of a fixed choice of components.
///
/// Fisher's rule takes the p-values for independent, which scores of one vector are not, and a
/// component without evidence dilutes the others; the harmonic mean and the Cauchy combination follow
/// the smallest p-value and hold under dependence. The flag does not rest on any of this: the
/// calibration uses the score only as a score.
///
/// What it cannot see: what none of its components sees.
///
/// - SeeAlso: Fisher 1925; Wilson 2019; Vovk and Wang 2020; Liu and Xie 2020; rag-poisoning
///   specification, section 5.6.
public struct EnsembleDetector: Detector {
  /// How p-values become one score; higher = more suspicious.
  public enum Rule: String, Sendable, CaseIterable {
    /// 1 − the mean p-value: the mean of the ranks among clean documents.
    case rank
    /// −log₁₀ of Fisher's combined p-value.
    case fisher
    /// −log₁₀ of the harmonic mean.
    case harmonic
    /// −log₁₀ of the Cauchy combination.
    case cauchy
  }

  /// One component after the fit.
  private struct Part: Sendable {
    var choice: DetectorChoice
    var detector: any Detector
    /// Cross-fitted scores of clean documents, ascending.
    var clean: [Double]

    /// The mean excess of the upper tenth of the clean scores over its smallest.
    let tail: Double

    init(choice: DetectorChoice, detector: any Detector, clean: [Double]) {
      self.choice = choice
      self.detector = detector
      self.clean = clean
      let upper = clean[(clean.count * 9 / 10)...]
      tail =
        upper.reduce(0.0) { $0 + ($1 - (upper.first ?? 0)) } / Double(max(1, upper.count))
    }

    /// (1 + clean scores at least as high) / (1 + all clean scores), continued beyond the largest.
    func pValue(of score: Double) -> Double {
      var low = 0
      var high = clean.count
      while low < high {
        let middle = (low + high) / 2
        if clean[middle] < score { low = middle + 1 } else { high = middle }
      }
      let pValue = Double(1 + clean.count - low) / Double(1 + clean.count)
      guard let largest = clean.last, score > largest, tail > 0 else { return pValue }
      // Far enough for any order, and no p-value of 0.
      return pValue * exp(-min((score - largest) / tail, 300))
    }
  }

  /// The components, in their order.
  public var components: [DetectorChoice] { parts.map(\.choice) }
  /// How they become one.
  public let rule: Rule
  private let parts: [Part]

  /// Learns from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: At least two clean lists.
  ///   - components: At least one detector, none of them an ensemble.
  ///   - rule: How they become one.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for components that cannot
  ///   be.
  public init(
    fittedTo anchors: [DetectionList], components: [DetectorChoice], rule: Rule
  ) throws {
    try Self.check(components)
    self.rule = rule
    parts = try components.map { choice in
      let kind = try DetectorRegistry.kind(named: choice.detector)
      func fitted(_ lists: [DetectionList]) throws -> any Detector {
        try DetectorRegistry.fitted(choice.detector, to: lists, parameters: choice.parameters)
      }
      let detector = try fitted(anchors)
      let clean =
        kind.metadata.needs.contains(.anchors)
        ? try CrossFit.scores(of: anchors) { training, held in
          try fitted(training).scores(of: held)
        } : try detector.scores(of: anchors)
      let scores = clean.flatMap(\.self).sorted()
      guard scores.count > 1 else {
        throw DetectorError.anchors(found: scores.count, needed: 2, what: "clean documents")
      }
      return Part(choice: choice, detector: detector, clean: scores)
    }
  }

  private static func check(_ components: [DetectorChoice]) throws {
    guard !components.isEmpty, Set(components.map(\.text)).count == components.count,
      !components.contains(where: { $0.detector == metadata.name })
    else {
      throw UsageError(
        "components of an ensemble: expected other detectors, each once, at least one")
    }
  }

  /// The scores of the subjects of a list.
  public func scores(of list: DetectionList) throws -> [Double] { try scores(of: [list])[0] }

  /// The scores of many lists.
  ///
  /// - Parameter lists: Lists of the dimension of the anchors.
  /// - Returns: By the rule: 0 to 1 for the rank, else −log₁₀ of a p-value.
  /// - Throws: What the components throw.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    let scores = try parts.map { try $0.detector.scores(of: lists) }
    return lists.indices.map { list in
      lists[list].subjects.indices.map { subject in
        score(
          zip(parts, scores).map { part, scores in part.pValue(of: scores[list][subject]) })
      }
    }
  }

  private func score(_ pValues: [Double]) -> Double {
    switch rule {
    case .rank: return 1 - pValues.reduce(0, +) / Double(pValues.count)
    case .fisher: return -PValueCombination.logFisher(pValues) / M_LN10
    case .harmonic: return -PValueCombination.logHarmonic(pValues) / M_LN10
    case .cauchy:
      // A p-value of 1 has the quantile −∞ and would outweigh any evidence.
      let capped = zip(parts, pValues).map { part, pValue in
        min(pValue, 1 - 0.5 / Double(part.clean.count + 1))
      }
      return -PValueCombination.logCauchy(capped) / M_LN10
    }
  }

  /// Components with what they tell.
  public var summary: [(name: String, value: String)] {
    [("rule", rule.rawValue)]
      + parts.flatMap { part in
        [(part.choice.text, "\(Format.count(part.clean.count)) clean scores")]
          + part.detector.summary.map { ("\(part.choice.text) \($0.name)", $0.value) }
      }
  }
}

extension EnsembleDetector {
  private static let defaultComponents =
    "mahalanobis/feature=document/direction=upper,query-relative-similarity,"
    + "mahalanobis/feature=document/direction=projection"

  /// Name, origin and choices.
  public static let metadata = DetectorMetadata(
    name: "ensemble", title: "p-values of several detectors among clean documents, made one",
    source: "Liu and Xie 2020, Cauchy combination test; Vovk and Wang 2020, Combining p-values via "
      + "averaging; Fisher 1925",
    needs: [.vectors, .texts, .similarities, .anchors],
    parameters: [
      .init(
        "components", default: defaultComponents,
        "detectors between commas, each with its choices: NAME/CHOICE=VALUE/…"),
      .init("rule", default: "cauchy", "rank, fisher, harmonic or cauchy"),
    ])

  /// Refuses values of components or rule that cannot be.
  public static func check(_ parameters: DetectorParameters) throws {
    _ = try components(parameters)
    _ = try rule(parameters)
  }

  private static func rule(_ parameters: DetectorParameters) throws -> Rule {
    try parameters.choice("rule", default: .cauchy)
  }

  private static func components(_ parameters: DetectorParameters) throws -> [DetectorChoice] {
    let text = parameters.values["components"] ?? defaultComponents
    let words = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    // Before each one's choices are checked: an ensemble within would look into its own.
    guard
      !words.contains(where: { String(Substring($0)).hasPrefix(metadata.name) })
    else { throw parameters.invalid("components", text, "detectors that are no ensembles") }
    let components = try words.map { try DetectorChoice(parsing: String(Substring($0))) }
    try check(components)
    return components
  }

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: At least two clean lists.
  ///   - parameters: components, rule.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a value that cannot be.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> EnsembleDetector {
    try EnsembleDetector(
      fittedTo: anchors, components: components(parameters), rule: rule(parameters))
  }

  /// The states of all components with their clean scores.
  public var state: DetectorState {
    var state = DetectorState(values: [
      "components": .string(parts.map(\.choice.text).joined(separator: ",")),
      "rule": .string(rule.rawValue),
      "cleanScores": .array(parts.map { JSONValue($0.clean.count) }),
    ])
    for (number, part) in parts.enumerated() {
      state.embed(part.detector.state, as: "part\(number)")
      state.doubles["clean\(number)"] = part.clean
    }
    return state
  }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  public init(state: DetectorState) throws {
    let components: [DetectorChoice]
    do {
      let parameters = DetectorParameters([
        "components": try state.values.string("components"),
        "rule": try state.values.string("rule"),
      ])
      components = try Self.components(parameters)
      rule = try Self.rule(parameters)
    } catch let error as UsageError {
      throw InputError(error.message)
    }
    let counts = try state.values.ints("cleanScores")
    guard counts.count == components.count else {
      throw InputError("\(components.count) components with \(counts.count) sets of clean scores")
    }
    parts = try components.enumerated().map { number, choice in
      let clean = try state.array("clean\(number)", count: counts[number])
      guard clean.count > 1, zip(clean, clean.dropFirst()).allSatisfy({ $0 <= $1 }) else {
        throw InputError("the clean scores of '\(choice.text)' are not in ascending order")
      }
      return Part(
        choice: choice,
        detector: try DetectorRegistry.kind(named: choice.detector)
          .init(state: try state.part("part\(number)")),
        clean: clean)
    }
  }
}
