import Basics

/// The tools, in the order in which they are listed.
struct ToolRegistry: Sendable {
  /// The tools.
  let tools: [any Tool]

  /// The tools, each with a name of its own.
  init(_ tools: [any Tool]) {
    precondition(
      Set(tools.map(\.definition.name)).count == tools.count, "two tools have one name")
    self.tools = tools
  }

  /// A tool by its name.
  ///
  /// - Parameter name: The name.
  /// - Returns: The tool.
  /// - Throws: `ProtocolError` with the nearest name.
  func tool(named name: String) throws(ProtocolError) -> any Tool {
    guard let tool = tools.first(where: { utf8Equal($0.definition.name, name) }) else {
      let names = tools.map(\.definition.name)
      throw .parameter(
        "params.name",
        "there is no tool '\(TerminalText.excerpt(name))'"
          + NearestName.hint(for: name, in: names)
          + " (there are: \(names.joined(separator: ", ")))"
      )
    }
    return tool
  }

  /// All tools as a version of the protocol lists them.
  func list(for version: ProtocolVersion) -> JSONValue {
    .array(tools.map { $0.definition.json(for: version) })
  }
}
