import Basics

extension Output {
  /// Names with values: a table for a person, one JSON object otherwise.
  static func facts(_ facts: [(String, JSONValue)], _ options: SharedOptions) throws {
    if options.format != .human {
      return try results([.object(JSONObject(facts))], options.format)
    }
    var table = TextTable([.init("property"), .init("value")])
    for (name, value) in facts { table.append([name, try text(value)]) }
    Output.table(table, options)
  }

  /// JSON values as a list, also if there is one or none.
  static func list(_ values: [JSONValue], _ format: OutputFormat) throws {
    if format == .jsonl { return try results(values, format) }
    try result(.array(values), pretty: true)
  }

  private static func text(_ value: JSONValue) throws -> String {
    switch value {
    case .string(let text): text
    case .array(let items) where items.isEmpty: "none"
    case .array(let items): try items.map { try text($0) }.joined(separator: ", ")
    case .integer(let number): Format.count(Int(number))
    default: try value.serialized()
    }
  }
}
