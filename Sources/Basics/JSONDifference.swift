/// One difference between two JSON objects.
public struct JSONDifference: Sendable, Equatable {
  /// The dotted key; positions in arrays count from 0.
  public var key: String
  /// The old value as JSON, `absent` if there was none.
  public var old: String
  /// The new value as JSON, `absent` if there is none.
  public var new: String

  /// The differences, in the order of the old object's keys, then the new one's.
  ///
  /// Objects and arrays are compared member by member; the order of members does not matter.
  ///
  /// - Parameters:
  ///   - old: The object that is there.
  ///   - new: The object that is wanted.
  /// - Returns: Nothing if both are equal.
  public static func between(_ old: JSONObject, _ new: JSONObject) -> [JSONDifference] {
    var differences: [JSONDifference] = []
    compare(.object(old), .object(new), "", &differences)
    return differences
  }

  private static func compare(
    _ old: JSONValue?, _ new: JSONValue?, _ key: String, _ differences: inout [JSONDifference]
  ) {
    if old == new { return }
    switch (old, new) {
    case (.object(let a), .object(let b)):
      for (name, value) in a.members { compare(value, b[name], join(key, name), &differences) }
      for (name, value) in b.members where a[name] == nil {
        compare(nil, value, join(key, name), &differences)
      }
    case (.array(let a), .array(let b)) where a.count == b.count:
      for index in a.indices { compare(a[index], b[index], join(key, "\(index)"), &differences) }
    default:
      differences.append(JSONDifference(key: key, old: text(old), new: text(new)))
    }
  }

  private static func join(_ key: String, _ name: String) -> String {
    key.isEmpty ? name : key + "." + name
  }

  private static func text(_ value: JSONValue?) -> String {
    guard let value else { return "absent" }
    return (try? value.serialized()) ?? value.summary
  }
}

extension JSONDifference: CustomStringConvertible {
  /// `seed: 1 -> 2`, safe for a terminal.
  public var description: String {
    let key = TerminalText.excerpt(key, limit: 200)
    return "\(key): \(TerminalText.excerpt(old)) -> \(TerminalText.excerpt(new))"
  }
}
