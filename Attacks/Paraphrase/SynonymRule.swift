import Basics

/// Replaces words and phrases by others of the same meaning, after ``SynonymTable``.
enum SynonymRule {
  private struct Match {
    var sentence: Int
    var range: Range<Int>
    var replacement: String
  }

  static func replace(
    in sentences: [Sentence], using generator: inout some RandomNumberGenerator
  ) -> [Sentence] {
    var matches: [Match] = []
    for (index, sentence) in sentences.enumerated() {
      var position = 0
      while position < sentence.words.count {
        if let (length, replacement) = match(sentence.words[position...]) {
          matches.append(
            Match(
              sentence: index, range: position..<(position + length), replacement: replacement))
          position += length
        } else {
          position += 1
        }
      }
    }
    var result = sentences
    // From the back, so that positions before a replacement stay right.
    for number in Chance.some(of: Array(matches.indices), using: &generator).reversed() {
      let match = matches[number]
      apply(match, to: &result[match.sentence])
    }
    return result
  }

  /// The longest phrase of the table that the words begin with.
  private static func match(_ words: ArraySlice<Word>) -> (length: Int, replacement: String)? {
    guard let first = words.first,
      let entries = SynonymTable.entries[UTF8Key(first.key)]
    else { return nil }
    for (phrase, replacement) in entries where phrase.count <= words.count {
      let candidate = words.prefix(phrase.count)
      // No punctuation inside the phrase.
      guard candidate.dropFirst().allSatisfy({ $0.leading.isEmpty }),
        candidate.dropLast().allSatisfy({ $0.trailing.isEmpty }),
        zip(candidate, phrase).allSatisfy({ utf8Equal($0.key, $1) })
      else { continue }
      return (phrase.count, replacement)
    }
    return nil
  }

  private static func apply(_ match: Match, to sentence: inout Sentence) {
    let old = sentence.words[match.range]
    guard let first = old.first, let last = old.last else { return }
    var new = match.replacement.unicodeScalars.split(separator: " ").map { Word(String($0)) }
    // "Hypertension" gives "High blood pressure", but "ECG" no capital that was not there.
    let scalars = first.core.unicodeScalars
    if let initial = scalars.first, LetterCase.isUpper(initial),
      !scalars.dropFirst().contains(where: LetterCase.isUpper)
    {
      new[0].capitalize()
    }
    new[0].leading = first.leading
    new[new.count - 1].trailing = last.trailing
    if match.range.lowerBound > 0 {
      agree(&sentence.words[match.range.lowerBound - 1], with: new[0])
    }
    sentence.words.replaceSubrange(match.range, with: new)
  }

  /// Makes "a" and "an" fit the word behind them.
  private static func agree(_ article: inout Word, with word: Word) {
    guard article.trailing.isEmpty, ["a", "an"].contains(article.key),
      let initial = word.key.unicodeScalars.first
    else { return }
    // Letters by name: an ECG, an MRI; a CT scan, a UTI.
    let isSpelt = word.core.unicodeScalars.prefix(2).allSatisfy(LetterCase.isUpper)
    let isVowel =
      (isSpelt ? "aefhilmnorsx" : "aeiou").unicodeScalars.contains(initial)
      && !["usual", "unit", "unique", "european"].contains(word.key)
    let fitting = isVowel ? "an" : "a"
    article.core =
      article.core.unicodeScalars.first == "A" ? LetterCase.capitalized(fitting) : fitting
  }
}
