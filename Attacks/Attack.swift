public import Basics
public import Corpus

/// A way to write documents that an attacker's queries will retrieve.
///
/// To add one: a file with a type that conforms, and one line in ``AttackRegistry``. The documents
/// must be a pure function of the parameters, the seed, the query itself, the payloads and the
/// surroundings: never of the other targets' order, of time, or of dictionary order.
public protocol Attack: Sendable {
  /// What it is, whose it is, what it needs.
  static var metadata: AttackMetadata { get }

  /// An attack with parameters as a user states them; those left out have their defaults.
  ///
  /// - Parameter parameters: Values by the names in ``AttackMetadata/parameters``.
  /// - Throws: `UsageError` for an unknown name, with the nearest, or a value out of range.
  init(parameters: JSONObject) throws

  /// All parameters with the values in force; `init(parameters:)` takes them back.
  var parameters: JSONObject { get }

  /// The number of documents written for one target query.
  var documentsPerQuery: Int { get }

  /// Writes the poisoned documents.
  ///
  /// - Parameters:
  ///   - targets: The queries to be poisoned, with distinct ids.
  ///   - payloads: What the attacker wants to appear among the retrieved.
  ///   - seed: Decides every random choice.
  ///   - surroundings: What the attack may use of the system it attacks.
  /// - Returns: The documents in the order of the targets; ids are distinct.
  /// - Throws: ``NotApplicable`` without targets or payloads; `InputError` for a query or payload
  ///   that is blank or holds NUL; `UsageError` if the surroundings lack what a parameter needs.
  func poison(
    _ targets: [Query], payloads: [Payload], seed: UInt64, surroundings: AttackSurroundings
  ) throws -> [PoisonedDocument]
}

extension Attack {
  /// The attack with its default parameters.
  ///
  /// - Throws: Nothing for an attack whose defaults are valid.
  public init() throws { try self.init(parameters: JSONObject()) }
}

/// What an attack is, whose it is, what it needs.
public struct AttackMetadata: Sendable, Equatable {
  /// What the attacker can see of the retriever.
  public enum Access: String, Sendable, CaseIterable {
    /// The queries only, or scores of texts at most.
    case blackBox = "black-box"
    /// Gradients through the encoder.
    case gradients
  }

  /// One parameter of an attack, for help texts and for the check of names.
  public struct Parameter: Sendable, Equatable {
    /// Its name in files and on the command line.
    public var name: String
    /// The values it takes.
    public var values: String
    /// What it does.
    public var meaning: String

    /// A parameter.
    public init(_ name: String, _ values: String, _ meaning: String) {
      self.name = name
      self.values = values
      self.meaning = meaning
    }
  }

  /// The name in commands and files.
  public var name: String
  /// The name in tables.
  public var title: String
  /// Counts up whenever the same parameters and seed give other documents than before.
  public var version: Int
  /// Authors, title and place of the paper.
  public var paper: String
  /// The paper's number at arXiv.
  public var arXiv: String
  /// What the attacker can see of the retriever.
  public var access: Access
  /// Documents for one target query unless the parameters say otherwise.
  public var documentsPerQuery: Int
  /// What it does, in a sentence or two.
  public var description: String
  /// Its parameters in the order in which they are shown.
  public var parameters: [Parameter]

  /// The description of an attack.
  public init(
    name: String, title: String, version: Int, paper: String, arXiv: String, access: Access,
    documentsPerQuery: Int, description: String, parameters: [Parameter]
  ) {
    self.name = name
    self.title = title
    self.version = version
    self.paper = paper
    self.arXiv = arXiv
    self.access = access
    self.documentsPerQuery = documentsPerQuery
    self.description = description
    self.parameters = parameters
  }
}

/// There is nothing to attack: a result must say so instead of 0 %.
public struct NotApplicable: ReportableError, Equatable {
  /// What is missing.
  public var reason: String

  /// An error with its reason.
  public init(_ reason: String) { self.reason = reason }

  /// Always `ExitStatus.usage`.
  public var exitStatus: ExitStatus { .usage }
  /// `not applicable:` and the reason.
  public var description: String { "not applicable: \(reason)" }
}
