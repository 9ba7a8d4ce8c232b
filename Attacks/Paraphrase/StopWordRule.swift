/// Leaves out words that carry little.
enum StopWordRule {
  static func drop(
    from sentences: [Sentence], using generator: inout some RandomNumberGenerator
  ) -> [Sentence] {
    // Positions are numbered through all sentences, so that one choice covers the whole text.
    var possible: [Int] = []
    var position = 0
    for sentence in sentences {
      for (index, word) in sentence.words.enumerated() {
        // One word at least must stay in each sentence: its last, which carries the mark.
        if stopWords.contains(word.key), word.trailing.isEmpty, word.leading.isEmpty,
          index + 1 < sentence.words.count
        {
          possible.append(position)
        }
        position += 1
      }
    }
    let dropped = Set(Chance.some(of: possible, threshold: 2, using: &generator))
    position = 0
    return sentences.map { sentence in
      let first = position
      position += sentence.words.count
      var result = sentence
      result.words = sentence.words.indices.filter { !dropped.contains(first + $0) }
        .map { sentence.words[$0] }
      if dropped.contains(first) { result.words[0].capitalize() }
      return result
    }
  }

  static let stopWords: Set<String> = [
    "a", "also", "an", "her", "his", "its", "just", "quite", "rather", "that", "the", "their",
    "then", "there", "these", "this", "those", "very",
  ]
}
