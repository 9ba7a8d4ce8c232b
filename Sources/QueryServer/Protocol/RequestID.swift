import Basics

/// The id of a request: a string or an integer, echoed as it came.
enum RequestID: Hashable, Sendable {
  case string(UTF8Key)
  case integer(Int64)

  /// The id in a message, `nil` for what no id can be: null, fractions, containers.
  init?(_ value: JSONValue) {
    switch value {
    case .string(let text): self = .string(UTF8Key(text))
    case .integer(let number): self = .integer(number)
    default: return nil
    }
  }

  /// The id as JSON.
  var json: JSONValue {
    switch self {
    case .string(let key): .string(key.string)
    case .integer(let number): .integer(number)
    }
  }

  /// For logs.
  var shown: String {
    switch self {
    case .string(let key): "'\(TerminalText.excerpt(key.string))'"
    case .integer(let number): String(number)
    }
  }
}
