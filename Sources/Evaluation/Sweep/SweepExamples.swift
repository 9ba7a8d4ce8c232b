import Attacks
import Basics
import Corpus

/// A few poisoned documents of a cell, for a reader who wants to see one.
enum SweepExamples {
  private static let count = 2
  /// Scalars of a text that are kept.
  private static let length = 1200

  /// The first documents with their questions and ranks.
  static func json(of poisoned: PoisonedRetrieval, _ clean: CleanRetrieval) -> JSONValue {
    .array(
      clean.queries.indices.prefix(count).compactMap { question in
        guard let number = poisoned.own[question].first else { return nil }
        let document = poisoned.documents[number]
        return .object([
          "question": .string(cut(clean.queries[question].text)), "id": .string(document.id),
          "title": .string(cut(document.title)), "text": .string(cut(document.text)),
          "characters": JSONValue(document.text.unicodeScalars.count),
          "rank": poisoned.ranks[question].solo.map { JSONValue($0) } ?? .null,
        ])
      })
  }

  private static func cut(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(length)))
  }
}
