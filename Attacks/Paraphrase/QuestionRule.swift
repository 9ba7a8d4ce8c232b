import Basics

/// Questions said as statements.
enum QuestionRule {
  /// The statement, `nil` if the sentence is no question of a known form.
  static func statement(of sentence: Sentence) -> Sentence? {
    guard sentence.isQuestion, sentence.words.count >= 3 else { return nil }
    let keys = sentence.words.map(\.key)
    if let statement = oneOfTheFollowing(sentence, keys) { return statement }
    switch keys[0] {
    case "what": return named(sentence, keys)
    case "which": return some(sentence)
    case "do", "does": return whether(sentence, keys)
    default: return nil
    }
  }

  /// "… which of the following is X?" → "… one of the following is X."
  private static func oneOfTheFollowing(_ sentence: Sentence, _ keys: [String]) -> Sentence? {
    let phrase = ["which", "of", "the", "following"]
    guard
      let start = (0..<max(1, keys.count - 3)).first(where: {
        keys[$0...].starts(with: phrase)
      })
    else { return nil }
    var result = sentence
    result.words[start].core = start == 0 ? "One" : "one"
    result.end(with: ".")
    return result
  }

  /// "What is X?" → "X is to be named."
  private static func named(_ sentence: Sentence, _ keys: [String]) -> Sentence? {
    guard ["is", "are", "was", "were"].contains(keys[1]), sentence.words[1].trailing.isEmpty
    else { return nil }
    var result = sentence
    let verb = Word(keys[1])
    result.words.removeFirst(2)
    result.end(with: "")
    result.words[0].capitalize()
    result.words += [verb, Word("to"), Word("be"), Word("named", trailing: ".")]
    return result
  }

  /// "Which drug is X?" → "Some drug is X."
  private static func some(_ sentence: Sentence) -> Sentence? {
    var result = sentence
    result.words[0].core = "Some"
    result.end(with: ".")
    return result
  }

  /// "Does X reduce Y?" → "The question is whether X reduces Y."
  private static func whether(_ sentence: Sentence, _ keys: [String]) -> Sentence? {
    var result = sentence
    if keys[0] == "does" {
      // The subject ends where the verb stands: the first word that is one.
      guard let verb = keys.indices.dropFirst(2).first(where: { verbs[keys[$0]] != nil }),
        let inflected = verbs[keys[verb]]
      else { return nil }
      result.words[verb].core = inflected
    }
    result.words.removeFirst()
    result.words[0].decapitalize()
    result.end(with: ".")
    result.words.insert(
      contentsOf: [Word("The"), Word("question"), Word("is"), Word("whether")], at: 0)
    return result
  }

  /// Whether the word, in lower case, is one of the verbs known here, in either form.
  static func isVerb(_ key: String) -> Bool { verbs[key] != nil || inflectedVerbs.contains(key) }

  private static let inflectedVerbs = Set(verbs.values)

  private static let verbs: [String: String] = {
    let regular = [
      "reduce", "improve", "prevent", "increase", "decrease", "affect", "cause", "lower", "raise",
      "predict", "delay", "shorten", "prolong", "benefit", "help", "protect", "influence", "worsen",
      "lead", "provide", "change", "alter", "offer", "play", "protect", "relieve", "accelerate",
      "slow", "lengthen", "enhance", "induce", "add", "work", "differ", "depend", "contribute",
      "correlate", "require", "result", "promote", "support", "modify", "limit", "outperform",
      "occur", "remain", "make", "need", "speed", "increase", "mean", "allow", "show", "give",
    ]
    var verbs: [String: String] = [
      "have": "has", "modify": "modifies", "carry": "carries", "diminish": "diminishes",
    ]
    for verb in regular where verbs[verb] == nil { verbs[verb] = verb + "s" }
    return verbs
  }()
}
