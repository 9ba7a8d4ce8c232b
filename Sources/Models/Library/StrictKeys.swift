import Basics

/// Reading of JSON objects that refuses what it does not know.
enum StrictKeys {
  /// Refuses the first key that is not among the known ones, with the nearest of them.
  static func check(_ object: JSONObject, _ known: [String], at place: Place) throws {
    for key in object.keys where !known.contains(where: { UTF8Key($0) == UTF8Key(key) }) {
      let dotted = TerminalText.escaped(place.inside(key).key ?? key)
      let hint = NearestName.suggestion(for: key, in: known).map { "did you mean '\($0)'?" }
      throw InputError(
        "unknown key '\(dotted)'; \(hint ?? "known are " + known.joined(separator: ", "))",
        at: place)
    }
  }

  /// A required string that is one of the raw values of an enumeration.
  static func choice<Choice: CaseIterable & RawRepresentable<String>>(
    _ object: JSONObject, _ key: String, at place: Place
  ) throws -> Choice {
    try choice(named: object.string(key, at: place), key, at: place)
  }

  /// The same, `nil` if the key is absent or null.
  static func optionalChoice<Choice: CaseIterable & RawRepresentable<String>>(
    _ object: JSONObject, _ key: String, at place: Place
  ) throws -> Choice? {
    try object.optionalString(key, at: place).map { try choice(named: $0, key, at: place) }
  }

  private static func choice<Choice: CaseIterable & RawRepresentable<String>>(
    named name: String, _ key: String, at place: Place
  ) throws -> Choice {
    if let choice = Choice.allCases.first(where: { UTF8Key($0.rawValue) == UTF8Key(name) }) {
      return choice
    }
    let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    throw InputError(
      "'\(place.inside(key).key ?? key)': expected one of \(names), found"
        + " '\(TerminalText.escaped(name))'", at: place)
  }
}
