public import Basics
public import Corpus

/// PoisonedRAG's black-box variant: the question, a full stop, a text written to change the answer.
///
/// `P = S ⊕ I` with `S = question + "."` and nothing between the stop and `I`, as the authors'
/// `src/attack.py` has it. So it is ``ConcatenationAttack`` with another separator, N documents a
/// question, and the adversarial texts written for the question (payload ids `question-1`, …) in
/// their order; a question without such texts gets payloads of the kind as they come.
///
/// - SeeAlso: Zou et al. 2025, "PoisonedRAG: knowledge corruption attacks to retrieval-augmented
///   generation of large language models", section 4; arXiv 2402.07867.
public struct PoisonedRAGAttack: Attack {
  /// What it is, whose it is, what it needs.
  public static let metadata = AttackMetadata(
    name: "poisonedrag", title: "PoisonedRAG, black box", version: 1,
    paper: "Zou et al., PoisonedRAG: Knowledge Corruption Attacks to Retrieval-Augmented "
      + "Generation of Large Language Models, USENIX Security 2025",
    arXiv: "2402.07867", access: .blackBox, documentsPerQuery: defaults.copies,
    description: "Writes several documents a question: the question, a full stop, and a text that "
      + "makes a generator give a wrong answer.",
    parameters: ConcatenationParameters.help)

  /// Five documents a question, joined by a full stop, own texts first.
  public static let defaults: ConcatenationParameters = {
    var defaults = ConcatenationParameters()
    defaults.separator = "."
    defaults.copies = 5
    defaults.payloadChoice = .ownFirst
    return defaults
  }()

  private let construction: ConcatenationAttack

  /// An attack with parameters by name.
  ///
  /// - Parameter parameters: Values; those left out are as in ``defaults``.
  /// - Throws: `UsageError` for an unknown name or a value out of range.
  public init(parameters: JSONObject) throws {
    construction = try ConcatenationAttack(
      ConcatenationParameters(parameters, over: Self.defaults), as: Self.metadata)
  }

  /// All parameters with the values in force.
  public var parameters: JSONObject { construction.parameters }
  /// The number of documents written for one target query.
  public var documentsPerQuery: Int { construction.documentsPerQuery }

  /// Writes the poisoned documents; makes no use of the encoder.
  ///
  /// - Parameters:
  ///   - targets: The questions, with distinct ids.
  ///   - payloads: The adversarial texts, or payloads of any kind.
  ///   - seed: Decides which payloads a question without own texts gets.
  ///   - surroundings: What the parameters need.
  /// - Returns: The documents in the order of the targets, copy after copy.
  /// - Throws: As ``ConcatenationAttack``.
  public func poison(
    _ targets: [Query], payloads: [Payload], seed: UInt64, surroundings: AttackSurroundings
  ) throws -> [PoisonedDocument] {
    try construction.poison(targets, payloads: payloads, seed: seed, surroundings: surroundings)
  }
}
