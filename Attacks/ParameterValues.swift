import Basics

/// Reads an attack's parameters; every error is a `UsageError` that begins with the name.
struct ParameterValues {
  private let object: JSONObject
  private let names: [String]

  init(_ object: JSONObject, names: [String]) {
    self.object = object
    self.names = names
  }

  func checkNames() throws {
    for key in object.keys where !names.contains(where: { utf8Equal($0, key) }) {
      throw UsageError(
        "there is no parameter '\(TerminalText.excerpt(key))'"
          + NearestName.hint(for: key, in: names)
          + " (there are: \(names.joined(separator: ", ")))")
    }
  }

  func text(_ name: String) throws -> String? {
    try value(name, "a text") { $0.stringValue }
  }

  func flag(_ name: String) throws -> Bool? {
    try value(name, "true or false") { $0.boolValue }
  }

  func count(_ name: String, to maximum: Int) throws -> Int? {
    try value(name, "1 to \(maximum)") { value in
      value.intValue.flatMap { (1...maximum).contains($0) ? $0 : nil }
    }
  }

  /// A count, `nil` where the value is null, or the default where the name is missing.
  func limit(_ name: String, to maximum: Int, else fallback: Int?) throws -> Int? {
    guard let value = object[name] else { return fallback }
    return value.isNull ? nil : try count(name, to: maximum)
  }

  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String
  ) throws -> Choice? {
    guard let value = object[name] else { return nil }
    guard let text = value.stringValue, let choice = Choice(rawValue: text) else {
      throw UsageError(
        "\(name): expected one of \(Choice.listing), found \(value.summary)"
          + NearestName.hint(for: value.stringValue ?? "", in: Choice.allCases.map(\.rawValue)))
    }
    return choice
  }

  private func value<Value>(
    _ name: String, _ expected: String, _ convert: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let found = object[name] else { return nil }
    guard let value = convert(found) else {
      throw UsageError("\(name): expected \(expected), found \(found.summary)")
    }
    return value
  }
}

extension CaseIterable where Self: RawRepresentable<String> {
  /// The values with commas between them.
  static var listing: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
