// Typed access to members. Errors name the dotted key, what was expected and what was found.

extension JSONObject {
  /// The required string of a key.
  public func string(_ key: String, at place: Place = Place()) throws -> String {
    try required(key, "a string", place, \.stringValue)
  }
  /// The required integer of a key.
  public func int(_ key: String, at place: Place = Place()) throws -> Int {
    try required(key, "an integer", place, \.intValue)
  }
  /// The required number of a key; an integer is converted.
  public func double(_ key: String, at place: Place = Place()) throws -> Double {
    try required(key, "a number", place, \.doubleValue)
  }
  /// The required truth value of a key.
  public func bool(_ key: String, at place: Place = Place()) throws -> Bool {
    try required(key, "true or false", place, \.boolValue)
  }
  /// The required array of a key.
  public func array(_ key: String, at place: Place = Place()) throws -> [JSONValue] {
    try required(key, "an array", place, \.arrayValue)
  }
  /// The required object of a key; read its members at `place.inside(key)`.
  public func object(_ key: String, at place: Place = Place()) throws -> JSONObject {
    try required(key, "an object", place, \.objectValue)
  }

  /// The string of a key, `nil` if absent or null.
  public func optionalString(_ key: String, at place: Place = Place()) throws -> String? {
    try optional(key, "a string", place, \.stringValue)
  }
  /// The integer of a key, `nil` if absent or null.
  public func optionalInt(_ key: String, at place: Place = Place()) throws -> Int? {
    try optional(key, "an integer", place, \.intValue)
  }
  /// The number of a key, `nil` if absent or null; an integer is converted.
  public func optionalDouble(_ key: String, at place: Place = Place()) throws -> Double? {
    try optional(key, "a number", place, \.doubleValue)
  }
  /// The truth value of a key, `nil` if absent or null.
  public func optionalBool(_ key: String, at place: Place = Place()) throws -> Bool? {
    try optional(key, "true or false", place, \.boolValue)
  }
  /// The array of a key, `nil` if absent or null.
  public func optionalArray(_ key: String, at place: Place = Place()) throws -> [JSONValue]? {
    try optional(key, "an array", place, \.arrayValue)
  }
  /// The object of a key, `nil` if absent or null.
  public func optionalObject(_ key: String, at place: Place = Place()) throws -> JSONObject? {
    try optional(key, "an object", place, \.objectValue)
  }

  /// The required array of strings of a key.
  public func strings(_ key: String, at place: Place = Place()) throws -> [String] {
    try elements(of: key, "a string", place, \.stringValue)
  }
  /// The required array of integers of a key.
  public func ints(_ key: String, at place: Place = Place()) throws -> [Int] {
    try elements(of: key, "an integer", place, \.intValue)
  }
  /// The required array of numbers of a key.
  public func doubles(_ key: String, at place: Place = Place()) throws -> [Double] {
    try elements(of: key, "a number", place, \.doubleValue)
  }
  /// The required array of objects of a key; read element `i` at `place.inside(key).inside("i")`.
  public func objects(_ key: String, at place: Place = Place()) throws -> [JSONObject] {
    try elements(of: key, "an object", place, \.objectValue)
  }

  private func required<Value>(
    _ key: String, _ expected: String, _ place: Place, _ convert: (JSONValue) -> Value?
  ) throws -> Value {
    guard let value = self[key] else {
      throw InputError("the key \(dotted(key, place)) is missing, expected \(expected)", at: place)
    }
    return try converted(value, key, expected, place, convert)
  }

  private func optional<Value>(
    _ key: String, _ expected: String, _ place: Place, _ convert: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let value = self[key], !value.isNull else { return nil }
    return try converted(value, key, expected, place, convert)
  }

  private func elements<Value>(
    of key: String, _ expected: String, _ place: Place, _ convert: (JSONValue) -> Value?
  ) throws -> [Value] {
    let elements = try array(key, at: place)
    return try elements.enumerated().map { index, element in
      try converted(element, String(index), expected, place.inside(key), convert)
    }
  }

  private func converted<Value>(
    _ value: JSONValue, _ key: String, _ expected: String, _ place: Place,
    _ convert: (JSONValue) -> Value?
  ) throws -> Value {
    guard let result = convert(value) else {
      throw InputError(
        "\(dotted(key, place)): expected \(expected), found \(value.summary)", at: place)
    }
    return result
  }

  private func dotted(_ key: String, _ place: Place) -> String {
    "'" + TerminalText.excerpt(place.inside(key).key ?? key) + "'"
  }
}

extension JSONValue {
  /// The value as an object, or an error that says what it is instead.
  public func requiredObject(at place: Place = Place()) throws -> JSONObject {
    guard let object = objectValue else {
      let name = place.key.map { "'\(TerminalText.excerpt($0))': " } ?? ""
      throw InputError("\(name)expected an object, found \(summary)", at: place)
    }
    return object
  }
}
