/// A text in other words, with the rules that made it.
public struct Paraphrase: Sendable, Equatable {
  /// The text; the original, byte for byte, if no rule applies.
  public var text: String
  /// The rules that changed something, in the order of their application.
  public var rules: [RuleParaphraser.Rule]
}

/// Paraphrases by rules, without any model: the same text and generator give the same words.
///
/// It is meant for English questions. What it writes is understandable rather than elegant, and it
/// may shift a shade of meaning; it never returns the same bytes if any of its rules applies. White
/// space becomes single spaces as soon as one does.
///
/// - SeeAlso: `rag-poisoning.md`, section 4.1: paraphrase at attack time only.
public struct RuleParaphraser: Sendable {
  /// A rule, in the order of application.
  public enum Rule: String, Sendable, CaseIterable {
    /// "Which of the following is best?" becomes "One of the following is best."
    case questionToStatement = "question-to-statement"
    /// "After a fall, he limps." becomes "He limps after a fall.", and the other way round.
    case clauseMoved = "clause-moved"
    /// "hypertension" becomes "high blood pressure".
    case synonyms
    /// "the", "a", "his" and their like are left out.
    case stopWords = "stop-words"
  }

  /// The rules in force.
  public let rules: Set<Rule>

  /// A paraphraser.
  ///
  /// - Parameter rules: Those in force; all by default.
  public init(rules: Set<Rule> = Set(Rule.allCases)) { self.rules = rules }

  /// Says a text in other words.
  ///
  /// - Parameters:
  ///   - text: A question, or several sentences.
  ///   - generator: Decides which of the possible changes are made; at least one of each rule.
  /// - Returns: The paraphrase and the rules that changed something.
  public func paraphrase(
    _ text: String, using generator: inout some RandomNumberGenerator
  ) -> Paraphrase {
    let original = Sentence.split(text)
    var sentences = original
    var fired: [Rule] = []
    for rule in Rule.allCases where rules.contains(rule) {
      let changed: [Sentence]
      switch rule {
      case .questionToStatement: changed = sentences.map { QuestionRule.statement(of: $0) ?? $0 }
      case .clauseMoved: changed = Self.moveClauses(sentences, using: &generator)
      case .synonyms: changed = SynonymRule.replace(in: sentences, using: &generator)
      case .stopWords: changed = StopWordRule.drop(from: sentences, using: &generator)
      }
      // A rule that undoes the ones before it would give the original back.
      guard changed != sentences, changed != original else { continue }
      sentences = changed
      fired.append(rule)
    }
    guard !fired.isEmpty else { return Paraphrase(text: text, rules: []) }
    return Paraphrase(text: Sentence.joined(sentences), rules: fired)
  }

  private static func moveClauses(
    _ sentences: [Sentence], using generator: inout some RandomNumberGenerator
  ) -> [Sentence] {
    let moved = sentences.map { ClauseRule.moved($0) }
    let possible = moved.indices.filter { moved[$0] != nil }
    var result = sentences
    for index in Chance.some(of: possible, using: &generator) {
      result[index] = moved[index] ?? sentences[index]
    }
    return result
  }
}

/// Random choice of which possible changes are made.
enum Chance {
  /// Each element with a probability of three quarters, but at least one of them.
  static func some(
    of elements: [Int], threshold: UInt64 = 3, using generator: inout some RandomNumberGenerator
  ) -> [Int] {
    guard !elements.isEmpty else { return [] }
    // The top bits: of no consequence for Philox, but right for any generator.
    let chosen = elements.filter { _ in generator.next() >> 62 < threshold }
    guard chosen.isEmpty else { return chosen }
    return [elements[Int(generator.next() % UInt64(elements.count))]]
  }
}
