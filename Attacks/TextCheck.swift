import Basics
import Corpus

/// What texts and identifiers must satisfy before an attack uses them.
enum TextCheck {
  /// Refuses NUL: a store would keep the text only up to it.
  static func withoutNUL(_ text: String, _ member: String, at place: Place) throws {
    guard let position = text.utf8.firstIndex(of: 0) else { return }
    let offset = text.utf8.distance(from: text.startIndex, to: position)
    throw InputError("NUL (U+0000) at byte \(offset) of '\(member)'", at: place)
  }

  /// Refuses NUL and a text of white space only.
  static func filled(_ text: String, _ member: String, at place: Place) throws {
    try withoutNUL(text, member, at: place)
    if text.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
      throw InputError("'\(member)' is empty", at: place)
    }
  }

  /// Refuses identifiers that are empty or hold control characters.
  static func identifier(_ id: String, at place: Place) throws {
    guard !id.isEmpty else { throw InputError("the id is empty", at: place) }
    if let control = id.unicodeScalars.first(where: { $0.value < 0x20 || $0.value == 0x7F }) {
      throw InputError(
        "the id holds the control character \(TerminalText.escaped(String(control)))", at: place)
    }
  }

  /// Refuses what no attack can use: no targets, no payloads, blank ones, one id twice.
  static func request(_ targets: [Query], _ payloads: [Payload]) throws {
    guard !targets.isEmpty else { throw NotApplicable("there is no target query") }
    guard !payloads.isEmpty else { throw NotApplicable("there is no payload") }
    var queries: Set<UTF8Key> = []
    for query in targets {
      let place = Place(record: query.id)
      try identifier(query.id, at: place)
      try filled(query.text, "text", at: place)
      for option in query.options {
        try withoutNUL(option.label, "options", at: place)
        try withoutNUL(option.text, "options", at: place)
      }
      guard queries.insert(UTF8Key(query.id)).inserted else {
        throw InputError("the target query stands twice", at: place)
      }
    }
    var known: Set<[UTF8Key]> = []
    for payload in payloads {
      let place = Place(record: payload.id)
      try identifier(payload.id, at: place)
      try filled(payload.text, "text", at: place)
      guard CorpusName.isValid(payload.kind) else {
        throw InputError(
          "the payload kind '\(TerminalText.excerpt(payload.kind))' is not valid", at: place)
      }
      guard known.insert([UTF8Key(payload.kind), UTF8Key(payload.id)]).inserted else {
        throw InputError("the payload stands twice", at: place)
      }
    }
  }
}
