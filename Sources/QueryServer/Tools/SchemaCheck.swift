import Basics

/// Compares a value with a JSON Schema, as far as this server's own schemas go: `type`, `enum`,
/// bounds of numbers, lengths and lists, `properties`, `required`, `additionalProperties`, `items`.
///
/// The message names the path, what was expected and what was found, so that the caller can correct
/// itself.
struct SchemaCheck {
  /// The most faults that are listed.
  private static let limit = 5

  private var faults: [String] = []

  /// The faults of a value.
  ///
  /// - Parameters:
  ///   - value: Any value.
  ///   - schema: A schema that `Schema` makes.
  ///   - name: What stands for the value in messages.
  /// - Returns: One sentence each, none if the value agrees.
  static func faults(of value: JSONValue, against schema: JSONObject, name: String) -> [String] {
    var check = SchemaCheck()
    check.visit(value, schema, name)
    return check.faults
  }

  private mutating func report(_ path: String, _ problem: String) {
    if faults.count < Self.limit { faults.append("\(path): \(problem)") }
  }

  private mutating func visit(_ value: JSONValue, _ schema: JSONObject, _ path: String) {
    if let type = schema["type"]?.stringValue, !Self.isOf(type, value) {
      let article = ["integer", "object", "array"].contains(type) ? "an" : "a"
      return report(path, "expected \(article) \(type), found \(value.summary)")
    }
    if let values = schema["enum"]?.arrayValue, !values.contains(value) {
      let names = values.compactMap(\.stringValue)
      let hint = value.stringValue.map { NearestName.hint(for: $0, in: names) } ?? ""
      report(
        path, "expected one of \(names.joined(separator: ", ")), found \(value.summary)\(hint)")
    }
    switch value {
    case .object(let object): members(object, schema, path)
    case .array(let elements):
      bound(elements.count, schema, "minItems", "maxItems", "elements", path)
      guard let items = schema["items"]?.objectValue else { return }
      for (position, element) in elements.enumerated() where faults.count < Self.limit {
        visit(element, items, "\(path)[\(position)]")
      }
    case .string(let text):
      if schema["minLength"] != nil || schema["maxLength"] != nil {
        bound(text.unicodeScalars.count, schema, "minLength", "maxLength", "characters", path)
      }
    case .integer, .number: number(value, schema, path)
    case .null, .bool: break
    }
  }

  private mutating func members(_ object: JSONObject, _ schema: JSONObject, _ path: String) {
    let known = schema["properties"]?.objectValue ?? [:]
    for name in schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? []
    where object[name] == nil {
      report(Self.join(path, name), "it is missing")
    }
    for (key, value) in object.members {
      if let own = known[key]?.objectValue {
        visit(value, own, Self.join(path, key))
      } else if case .bool(false)? = schema["additionalProperties"] {
        let names = known.keys
        report(
          Self.join(path, TerminalText.excerpt(key)),
          "there is no such member (there are: \(names.joined(separator: ", ")))"
            + NearestName.hint(for: key, in: names))
      } else if let other = schema["additionalProperties"]?.objectValue {
        visit(value, other, Self.join(path, TerminalText.excerpt(key)))
      }
    }
  }

  private mutating func number(_ value: JSONValue, _ schema: JSONObject, _ path: String) {
    guard let number = value.doubleValue else { return }
    let low = schema["minimum"]?.doubleValue ?? -.infinity
    let high = schema["maximum"]?.doubleValue ?? .infinity
    guard number < low || number > high else { return }
    let lower = schema["minimum"]?.summary ?? "any"
    let range =
      high == .infinity
      ? "\(Self.bare(lower)) or more"
      : "\(Self.bare(lower)) to \(Self.bare(schema["maximum"]?.summary ?? ""))"
    report(path, "expected \(range), found \(value.summary)")
  }

  private static func bare(_ summary: String) -> String {
    summary.split(separator: " ").last.map(String.init) ?? summary
  }

  private mutating func bound(
    _ count: Int, _ schema: JSONObject, _ minimum: String, _ maximum: String, _ what: String,
    _ path: String
  ) {
    if let least = schema[minimum]?.intValue, count < least {
      report(path, "expected at least \(least) \(what), found \(count)")
    }
    if let most = schema[maximum]?.intValue, count > most {
      report(path, "expected at most \(most) \(what), found \(count)")
    }
  }

  private static func join(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : path + "." + name
  }

  private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
    switch (type, value) {
    case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool),
      ("null", .null), ("integer", .integer), ("number", .integer), ("number", .number):
      true
    // 5.0 is an integer, says JSON Schema, and some languages write integers so.
    case ("integer", .number(let number)): Int(exactly: number) != nil
    default: false
    }
  }
}

extension JSONObject {
  /// An integer that the schema has checked, also one written as `5.0`.
  func integer(_ key: String) -> Int? {
    switch self[key] {
    case .integer(let value)?: Int(exactly: value)
    case .number(let value)?: Int(exactly: value)
    default: nil
    }
  }
}
