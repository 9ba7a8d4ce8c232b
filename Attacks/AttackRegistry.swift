public import Basics

/// The attacks by name.
public enum AttackRegistry {
  /// Every attack, in the order in which they are shown.
  public static let all: [any Attack.Type] = [
    ConcatenationAttack.self,
    PoisonedRAGAttack.self,
  ]

  /// The names in their order.
  public static var names: [String] { all.map { $0.metadata.name } }

  /// The type of an attack.
  ///
  /// - Parameter name: Its name.
  /// - Returns: The type.
  /// - Throws: `UsageError` for an unknown name, with the nearest.
  public static func type(named name: String) throws -> any Attack.Type {
    guard let found = all.first(where: { utf8Equal($0.metadata.name, name) }) else {
      throw UsageError(
        "there is no attack '\(TerminalText.excerpt(name))'"
          + NearestName.hint(for: name, in: names)
          + " (there are: \(names.joined(separator: ", ")))")
    }
    return found
  }

  /// An attack with parameters.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - parameters: Values of its parameters; those left out have their defaults.
  /// - Returns: The attack.
  /// - Throws: `UsageError` for an unknown name or parameter, or a value out of range.
  public static func attack(
    named name: String, parameters: JSONObject = JSONObject()
  ) throws -> any Attack {
    try type(named: name).init(parameters: parameters)
  }

  /// The attacks as a table: name, access, documents a query, paper.
  public static var table: TextTable {
    var table = TextTable([
      TextTable.Column("attack"), TextTable.Column("access"),
      TextTable.Column("documents a query", .right), TextTable.Column("arXiv"),
      TextTable.Column("what it is"),
    ])
    for type in all {
      let metadata = type.metadata
      table.append([
        metadata.name, metadata.access.rawValue, String(metadata.documentsPerQuery),
        metadata.arXiv, metadata.title,
      ])
    }
    return table
  }

  /// An attack's description and parameters as text for a terminal.
  ///
  /// - Parameter name: Its name.
  /// - Returns: Several lines, without a newline at the end.
  /// - Throws: `UsageError` for an unknown name, with the nearest.
  public static func help(for name: String) throws -> String {
    let type = try type(named: name)
    let metadata = type.metadata
    let defaults = try type.init().parameters
    var lines = [
      "\(metadata.name): \(metadata.title)", metadata.description,
      "Paper: \(metadata.paper), arXiv \(metadata.arXiv)",
      "Access: \(metadata.access.rawValue); documents a query: \(metadata.documentsPerQuery)",
    ]
    for parameter in metadata.parameters {
      let value = try (defaults[parameter.name] ?? .null).serialized()
      lines.append(
        "  \(parameter.name) (\(parameter.values); default \(value)): \(parameter.meaning)")
    }
    return lines.joined(separator: "\n")
  }
}
