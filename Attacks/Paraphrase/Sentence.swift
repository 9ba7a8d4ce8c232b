import Basics

/// A word with the punctuation around it.
struct Word: Equatable {
  /// Brackets and quotes before it.
  var leading = ""
  /// The word; empty for punctuation that stands alone.
  var core: String
  /// Punctuation behind it.
  var trailing = ""

  init(_ core: String, trailing: String = "") {
    self.core = core
    self.trailing = trailing
  }

  /// Parts a run of text without white space.
  init(parsing text: String) {
    var rest = text.unicodeScalars[...]
    while let scalar = rest.first, Self.opening.contains(scalar) { rest = rest.dropFirst() }
    leading = String(text.unicodeScalars[..<rest.startIndex])
    let end = rest.endIndex
    while let scalar = rest.last, Self.closing.contains(scalar) { rest = rest.dropLast() }
    core = String(rest)
    trailing = String(text.unicodeScalars[rest.endIndex..<end])
  }

  private static let opening = Set("([{\"'\u{201C}\u{2018}".unicodeScalars)
  private static let closing = Set(".,;:?!)]}\"'\u{201D}\u{2019}".unicodeScalars)

  static func == (left: Word, right: Word) -> Bool {
    utf8Equal(left.core, right.core) && utf8Equal(left.leading, right.leading)
      && utf8Equal(left.trailing, right.trailing)
  }

  var text: String { leading + core + trailing }

  /// The core with A to Z in lower case.
  var key: String { LetterCase.lowered(core) }

  var endsSentence: Bool { trailing.unicodeScalars.contains { ".?!".unicodeScalars.contains($0) } }

  mutating func capitalize() { core = LetterCase.capitalized(core) }

  /// Lower case for a word that was capitalised only because it began a sentence.
  mutating func decapitalize() {
    // "ECG", "McBurney", "I" and "T4" keep their capitals.
    let scalars = core.unicodeScalars
    guard scalars.count > 1 || utf8Equal(core, "A"),
      !scalars.dropFirst().contains(where: { LetterCase.isUpper($0) || $0.value < 0x3A })
    else { return }
    core = LetterCase.lowered(core)
  }
}

/// Letter case of ASCII; other letters stay as they are.
enum LetterCase {
  static func isUpper(_ scalar: Unicode.Scalar) -> Bool { ("A"..."Z").contains(scalar) }

  static func lowered(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      result.append(isUpper(scalar) ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar)
    }
    return String(result)
  }

  static func capitalized(_ text: String) -> String {
    guard let first = text.unicodeScalars.first, ("a"..."z").contains(first) else { return text }
    return String(Unicode.Scalar(UInt8(first.value - 32)))
      + String(text.unicodeScalars.dropFirst())
  }
}

/// The words of a sentence.
struct Sentence: Equatable {
  var words: [Word]

  var isQuestion: Bool {
    words.last?.trailing.unicodeScalars.contains("?") ?? false
  }

  /// The sentences of a text. A sentence ends at `.`, `?` or `!` before a word that begins with a
  /// capital, a digit or a bracket; "Dr.", "vs." and their like end none.
  static func split(_ text: String) -> [Sentence] {
    let runs = text.unicodeScalars.split { $0.properties.isWhitespace }
    let words = runs.map { Word(parsing: String($0)) }
    var sentences: [Sentence] = []
    var current: [Word] = []
    for (index, word) in words.enumerated() {
      current.append(word)
      guard word.endsSentence, index + 1 < words.count, !abbreviations.contains(word.key)
      else { continue }
      let next = words[index + 1]
      if let first = next.core.unicodeScalars.first,
        LetterCase.isUpper(first) || ("0"..."9").contains(first) || !next.leading.isEmpty
      {
        sentences.append(Sentence(words: current))
        current = []
      }
    }
    if !current.isEmpty { sentences.append(Sentence(words: current)) }
    return sentences
  }

  static func joined(_ sentences: [Sentence]) -> String {
    sentences.flatMap { $0.words.map(\.text) }.joined(separator: " ")
  }

  /// Puts the mark at the end in place of the marks there; quotes and brackets stay.
  mutating func end(with mark: String) {
    guard let last = words.indices.last else { return }
    let kept = words[last].trailing.unicodeScalars.filter {
      !".,;:?!".unicodeScalars.contains($0)
    }
    words[last].trailing = mark + String(String.UnicodeScalarView(kept))
  }

  private static let abbreviations: Set<String> = [
    "dr", "mr", "mrs", "ms", "prof", "st", "vs", "e.g", "i.e", "no", "fig", "approx", "cf",
  ]
}
