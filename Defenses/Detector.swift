/// A score of how suspicious a retrieved document is; higher = more suspicious.
///
/// A new detector is one file in `Defenses/Detectors` and one line in ``DetectorRegistry``. One
/// without anything to learn conforms to ``StatelessDetector``, which asks for less.
public protocol Detector: Sendable {
  /// What it is, for listings, help and the check of parameters.
  static var metadata: DetectorMetadata { get }

  /// Refuses choices that cannot be, before any work is done for them.
  ///
  /// - Parameter parameters: Choices named in `metadata`.
  /// - Throws: `UsageError` for a value that cannot be.
  static func check(_ parameters: DetectorParameters) throws

  /// The detector learnt from clean lists.
  ///
  /// - Parameters:
  ///   - anchors: Clean lists, one a query, all of one dimension.
  ///   - parameters: Choices named in `metadata`; absent ones take their defaults.
  /// - Returns: The detector.
  /// - Throws: `DetectorError` if the anchors do not suffice, `UsageError` for a value that cannot
  ///   be.
  static func fitted(to anchors: [DetectionList], parameters: DetectorParameters) throws -> Self

  /// The score of each subject of a list, in the order of `list.subjects`.
  func scores(of list: DetectionList) throws -> [Double]

  /// The scores of many lists; a detector that gains by large products implements it.
  func scores(of lists: [DetectionList]) throws -> [[Double]]

  /// Everything that was learnt and chosen.
  var state: DetectorState { get }

  /// The detector that gave a state.
  ///
  /// - Parameter state: What `state` returned.
  /// - Throws: `InputError` if something is missing or cannot be.
  init(state: DetectorState) throws

  /// What a person should know of the fit, name and value: the condition number, for one.
  var summary: [(name: String, value: String)] { get }
}

extension Detector {
  /// List after list.
  public func scores(of lists: [DetectionList]) throws -> [[Double]] {
    try lists.map { try scores(of: $0) }
  }

  /// Nothing to tell.
  public var summary: [(name: String, value: String)] { [] }
}

/// A detector that learns nothing from the anchors.
public protocol StatelessDetector: Detector {
  /// The detector.
  init()

  /// The score of one candidate of a list.
  ///
  /// - Parameters:
  ///   - position: Its place in `list.candidates`.
  ///   - list: The list.
  /// - Returns: A finite number, higher = more suspicious.
  /// - Throws: `DetectorError` if the list does not allow a score.
  func score(at position: Int, in list: DetectionList) throws -> Double
}

extension StatelessDetector {
  /// There is nothing to choose.
  public static func check(_ parameters: DetectorParameters) throws {}

  /// The detector, whatever the anchors.
  public static func fitted(
    to anchors: [DetectionList], parameters: DetectorParameters
  ) throws -> Self {
    Self()
  }

  /// The scores of the subjects.
  public func scores(of list: DetectionList) throws -> [Double] {
    try list.subjects.map { try score(at: $0, in: list) }
  }

  /// Nothing.
  public var state: DetectorState { DetectorState() }

  /// The detector, whatever the state.
  public init(state: DetectorState) throws { self.init() }
}

/// What a detector is, where it comes from and what it needs.
public struct DetectorMetadata: Sendable {
  /// What a detector looks at.
  public enum Need: String, Sendable, CaseIterable {
    /// Embeddings of queries and documents.
    case vectors
    /// The texts of queries and documents.
    case texts
    /// A generator that reads the texts.
    case languageModel = "language model"
    /// The scores of the ranking.
    case similarities
    /// Clean lists to learn from.
    case anchors
  }

  /// A choice that can be set by name.
  public struct Parameter: Sendable {
    /// Its name.
    public var name: String
    /// The value it has if it is not set.
    public var defaultValue: String
    /// Which values there are and what they do.
    public var help: String

    /// A choice.
    public init(_ name: String, default defaultValue: String, _ help: String) {
      self.name = name
      self.defaultValue = defaultValue
      self.help = help
    }
  }

  /// The name by which it is chosen: lower-case words joined by hyphens.
  public var name: String
  /// What it measures, in one sentence.
  public var title: String
  /// Paper and section, or where else it comes from.
  public var source: String
  /// What it looks at.
  public var needs: [Need]
  /// What can be set.
  public var parameters: [Parameter]

  /// A description.
  public init(
    name: String, title: String, source: String, needs: [Need], parameters: [Parameter] = []
  ) {
    self.name = name
    self.title = title
    self.source = source
    self.needs = needs
    self.parameters = parameters
  }
}
