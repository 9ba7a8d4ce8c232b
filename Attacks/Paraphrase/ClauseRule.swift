/// Moves an introductory clause to the end of its sentence, or a final one to the beginning.
enum ClauseRule {
  /// The sentence with the clause elsewhere, `nil` if it has none that can be moved.
  static func moved(_ sentence: Sentence) -> Sentence? {
    guard sentence.words.count >= 5, sentence.words.last?.endsSentence ?? false else { return nil }
    return toTheEnd(sentence) ?? toTheFront(sentence)
  }

  /// "After a fall, he cannot walk." → "He cannot walk after a fall."
  private static func toTheEnd(_ sentence: Sentence) -> Sentence? {
    let words = sentence.words
    guard words[0].leading.isEmpty, introducing.contains(words[0].key),
      let comma = words.firstIndex(where: { !$0.trailing.isEmpty }),
      words[comma].trailing == ",", comma >= 1, words.count - comma > 3
    else { return nil }
    var clause = Array(words[...comma])
    var main = Sentence(words: Array(words[(comma + 1)...]))
    let mark = endMark(of: sentence)
    clause[0].decapitalize()
    clause[comma].trailing = ""
    main.words[0].capitalize()
    main.end(with: "")
    main.words += clause
    main.end(with: mark)
    return main
  }

  /// "Does it help in infants with croup?" → "In infants with croup, does it help?"
  private static func toTheFront(_ sentence: Sentence) -> Sentence? {
    let words = sentence.words
    guard
      let start = words.indices.dropFirst(3).last(where: {
        introducing.contains(words[$0].key) && words[$0].leading.isEmpty
          && words[$0].trailing.isEmpty
      }), words.count - start >= 3, words[start - 1].trailing.isEmpty,
      words[start..<(words.count - 1)].allSatisfy({ $0.trailing.isEmpty }),
      // "the following" is no clause, and one that runs into the main verb is not the last.
      words[start - 1].key != "the",
      !words[start...].contains(where: { QuestionRule.isVerb($0.key) })
    else { return nil }
    let mark = endMark(of: sentence)
    var clause = Sentence(words: Array(words[start...]))
    clause.words[0].capitalize()
    clause.end(with: ",")
    var main = Sentence(words: Array(words[..<start]))
    main.words[0].decapitalize()
    main.end(with: mark)
    return Sentence(words: clause.words + main.words)
  }

  private static func endMark(of sentence: Sentence) -> String {
    if sentence.isQuestion { return "?" }
    let trailing = sentence.words.last?.trailing.unicodeScalars
    return trailing?.contains("!") ?? false ? "!" : "."
  }

  private static let introducing: Set<String> = [
    "after", "among", "although", "because", "before", "despite", "during", "following", "if",
    "in", "on", "since", "unless", "until", "when", "while", "within", "without",
  ]
}
