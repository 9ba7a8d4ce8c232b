/// How template tokens stand around one text or between two.
struct Template: Sendable, Equatable {
  /// A part of the template.
  enum Part: Sendable, Equatable {
    /// Tokens that the template adds.
    case tokens([Int32], typeID: Int32)
    /// The first text.
    case first(typeID: Int32)
    /// The second text.
    case second(typeID: Int32)

    /// The text that the part stands for, if any.
    var text: Text? {
      switch self {
      case .tokens: nil
      case .first: .first
      case .second: .second
      }
    }
  }

  /// One of the two texts.
  enum Text: Sendable, Equatable {
    case first
    case second
  }

  /// The template of one text.
  var single: [Part]
  /// The template of two texts.
  var pair: [Part]

  /// No tokens added; the two texts have types 0 and 1.
  static let plain = Template(
    single: [.first(typeID: 0)], pair: [.first(typeID: 0), .second(typeID: 1)])

  /// The tokens that a template adds.
  static func addedCount(_ parts: [Part]) -> Int {
    parts.reduce(0) { sum, part in
      if case .tokens(let ids, _) = part { sum + ids.count } else { sum }
    }
  }
}

/// How many tokens of each text stay within a limit.
enum Truncation {
  /// The rule `longest_first` of `tokenizers`: the longer text is cut until both fit; where half the
  /// limit is shorter than either, each gets half and the longer text the odd token.
  ///
  /// - Parameters:
  ///   - first: Tokens of the first text.
  ///   - second: Tokens of the second text.
  ///   - limit: Tokens that may stay, at least 0.
  /// - Returns: The tokens that stay of each.
  /// - SeeAlso: `truncate_encodings` in `tokenizers/src/utils/truncation.rs`.
  static func longestFirst(_ first: Int, _ second: Int, limit: Int) -> (first: Int, second: Int) {
    guard first + second > limit else { return (first, second) }
    let shorter = min(first, second)
    var short = shorter
    var long = shorter > limit ? shorter : max(shorter, limit - shorter)
    if short + long > limit {
      short = limit / 2
      long = short + limit % 2
    }
    return first > second ? (long, short) : (short, long)
  }
}
