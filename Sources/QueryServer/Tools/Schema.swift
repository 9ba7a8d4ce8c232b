import Basics

/// JSON Schemas as this server writes them.
enum Schema {
  /// An object of known members.
  ///
  /// - Parameters:
  ///   - members: Name and schema.
  ///   - required: Names that must be there.
  ///   - description: What it is, if that is not said elsewhere.
  /// - Returns: The schema.
  static func object(
    _ members: [(String, JSONValue)], required: [String] = [], _ description: String? = nil
  ) -> JSONObject {
    var schema: JSONObject = ["type": "object"]
    if let description { schema["description"] = .string(description) }
    schema["properties"] = .object(JSONObject(members))
    if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
    schema["additionalProperties"] = false
    return schema
  }

  /// A text.
  static func string(
    _ description: String, minimum: Int? = nil, maximum: Int? = nil, oneOf values: [String]? = nil
  ) -> JSONValue {
    var schema: JSONObject = ["type": "string", "description": .string(description)]
    if let minimum { schema["minLength"] = JSONValue(minimum) }
    if let maximum { schema["maxLength"] = JSONValue(maximum) }
    if let values { schema["enum"] = .array(values.map { .string($0) }) }
    return .object(schema)
  }

  /// An integer.
  static func integer(
    _ description: String, in range: ClosedRange<Int>? = nil, default value: Int? = nil
  ) -> JSONValue {
    var schema: JSONObject = ["type": "integer", "description": .string(description)]
    if let range {
      schema["minimum"] = JSONValue(range.lowerBound)
      if range.upperBound < .max { schema["maximum"] = JSONValue(range.upperBound) }
    }
    if let value { schema["default"] = JSONValue(value) }
    return .object(schema)
  }

  /// A number.
  static func number(_ description: String) -> JSONValue {
    ["type": "number", "description": .string(description)]
  }

  /// A truth value.
  static func bool(_ description: String) -> JSONValue {
    ["type": "boolean", "description": .string(description)]
  }

  /// A list.
  static func array(
    of items: JSONValue, _ description: String, minimum: Int? = nil, maximum: Int? = nil
  ) -> JSONValue {
    var schema: JSONObject = [
      "type": "array", "description": .string(description), "items": items,
    ]
    if let minimum { schema["minItems"] = JSONValue(minimum) }
    if let maximum { schema["maxItems"] = JSONValue(maximum) }
    return .object(schema)
  }

  /// An object of any members.
  static func anyObject(_ description: String) -> JSONValue {
    ["type": "object", "description": .string(description)]
  }
}
