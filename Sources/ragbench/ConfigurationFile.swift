import ArgumentParser
import Basics
import SystemPackage

/// Options from a TOML file, for what the command line leaves out (`--config FILE`).
///
/// A table holds the options of one command (`[attack]`, `[index.build]`) by their long names; keys
/// outside a table serve every command that has the option. An array is a list between commas, or
/// the option repeated where it may be; a table is `NAME=VALUE`, repeated; a flag is true or false.
struct ConfigurationFile {
  /// An option or flag of a command.
  private struct Option {
    var name: String
    var isFlag: Bool
    var isRepeating: Bool
  }

  private let file: String
  private let content: JSONObject
  /// Options of each command by its path, such as `index build`.
  private let options: [String: [Option]]

  /// Adds to a command line what its configuration file says.
  ///
  /// - Parameter arguments: The command line without the program's name.
  /// - Returns: The command line with more options; the same without `--config`.
  /// - Throws: `FileError`, `InputError` naming the key, `UsageError` for two files.
  static func expand(_ arguments: [String]) throws -> [String] {
    let given = arguments.prefix { $0 != "--" }
    var path: String?
    for (position, argument) in given.enumerated() {
      let value: String
      if argument == "--config", position + 1 < given.count {
        value = given[position + 1]
      } else if argument.hasPrefix("--config=") {
        value = String(argument.dropFirst("--config=".count))
      } else {
        continue
      }
      guard path == nil else { throw UsageError("--config is given twice") }
      path = value
    }
    guard let path else { return arguments }
    return try ConfigurationFile(FilePath(path)).added(to: arguments)
  }

  private init(_ path: FilePath) throws {
    file = path.shown
    content = try TOMLFile.read(path)
    let help = try JSONParser.parse(Ragbench._dumpHelp())
    var options: [String: [Option]] = [:]
    func visit(_ command: JSONObject, path: [String]) {
      let own = (command["arguments"]?.arrayValue ?? []).compactMap(\.objectValue)
      options[path.joined(separator: " ")] = own.compactMap { argument in
        let names = (argument["names"]?.arrayValue ?? []).compactMap(\.objectValue)
        guard let long = names.first(where: { $0["kind"]?.stringValue == "long" }),
          let name = long["name"]?.stringValue, !["help", "version", "config"].contains(name)
        else { return nil }
        return Option(
          name: name, isFlag: argument["kind"]?.stringValue == "flag",
          isRepeating: argument["isRepeating"]?.boolValue == true)
      }
      for subcommand in (command["subcommands"]?.arrayValue ?? []).compactMap(\.objectValue) {
        guard let name = subcommand["commandName"]?.stringValue, name != "help" else { continue }
        visit(subcommand, path: path + [name])
      }
    }
    if let root = help.objectValue?["command"]?.objectValue { visit(root, path: []) }
    self.options = options
  }

  private func added(to arguments: [String]) throws -> [String] {
    let path = Self.commandPath(arguments)
    var additions: [String: [String]] = [:]
    try visit(content, path: [], command: path.joined(separator: " "), into: &additions)
    let given = arguments.prefix { $0 != "--" }
    let own = options[path.joined(separator: " ")] ?? []
    let missing = own.filter { option in
      !given.contains { $0 == "--" + option.name || $0.hasPrefix("--" + option.name + "=") }
    }
    // Behind the command's name: what follows `--` is no option.
    var result = arguments
    let typed = Self.typedPath(arguments).count
    result.insert(contentsOf: missing.flatMap { additions[$0.name] ?? [] }, at: typed)
    return result
  }

  /// Checks every key; collects those that the command knows. Inner tables come after the keys
  /// around them, so what is said for one command wins over what is said for all.
  private func visit(
    _ table: JSONObject, path: [String], command: String, into additions: inout [String: [String]]
  ) throws {
    let name = path.joined(separator: " ")
    let inner = options.keys.filter { $0 != "" && $0.hasPrefix(name.isEmpty ? "" : name + " ") }
      .compactMap { $0.dropFirst(name.isEmpty ? 0 : name.count + 1).split(separator: " ").first }
      .map(String.init)
    let known = path.isEmpty ? options.values.flatMap { $0 } : options[name] ?? []
    var tables: [(String, JSONObject)] = []
    for (key, value) in table.members {
      let place = Place(file: file, key: (path + [key]).joined(separator: "."))
      if let table = value.objectValue, inner.contains(key) {
        tables.append((key, table))
        continue
      }
      guard let option = known.first(where: { $0.name == key }) else {
        throw InputError(
          "unknown key '\(TerminalText.excerpt(place.key ?? key))'"
            + NearestName.hint(for: key, in: Set(known.map(\.name) + inner)), at: place)
      }
      let texts = try Self.arguments(option, value, at: place)
      let isMeant = path.isEmpty || name == command
      if isMeant, options[command]?.contains(where: { $0.name == key }) == true {
        additions[key] = texts
      }
    }
    for (key, table) in tables {
      try visit(table, path: path + [key], command: command, into: &additions)
    }
  }

  private static func arguments(
    _ option: Option, _ value: JSONValue, at place: Place
  ) throws -> [String] {
    func mismatch(_ expected: String) -> InputError {
      InputError(
        "'\(TerminalText.excerpt(place.key ?? ""))' is \(value.kind), expected \(expected)",
        at: place)
    }
    func text(_ value: JSONValue) -> String? {
      switch value {
      case .string(let text): text
      case .integer(let number): "\(number)"
      case .number(let number): "\(number)"
      case .bool(let truth): option.isRepeating ? "\(truth)" : nil
      default: nil
      }
    }
    if option.isFlag {
      guard let truth = value.boolValue else { throw mismatch("true or false") }
      return truth ? ["--" + option.name] : []
    }
    if let items = value.arrayValue {
      let texts = items.compactMap(text)
      guard texts.count == items.count else { throw mismatch("an array of texts or numbers") }
      return option.isRepeating
        ? texts.map { "--\(option.name)=\($0)" }
        : ["--\(option.name)=" + texts.joined(separator: ",")]
    }
    if option.isRepeating, let table = value.objectValue {
      return try table.members.map { key, value in
        guard let text = text(value) else { throw mismatch("a table of texts or numbers") }
        return "--\(option.name)=\(key)=\(text)"
      }
    }
    guard let text = text(value) else { throw mismatch("a text or a number") }
    return ["--\(option.name)=\(text)"]
  }

  /// The names of commands at the head of the command line.
  private static func typedPath(_ arguments: [String]) -> [String] {
    var command: any ParsableCommand.Type = Ragbench.self
    var path: [String] = []
    for argument in arguments {
      guard
        let next = command.configuration.subcommands.first(where: { $0._commandName == argument })
      else { break }
      path.append(argument)
      command = next
    }
    return path
  }

  /// The same with the command that is meant where none is typed, such as `detect evaluate`.
  private static func commandPath(_ arguments: [String]) -> [String] {
    let typed = typedPath(arguments)
    var command: any ParsableCommand.Type = Ragbench.self
    for name in typed {
      command =
        command.configuration.subcommands.first { $0._commandName == name } ?? command
    }
    guard let implied = command.configuration.defaultSubcommand else { return typed }
    return typed + [implied._commandName]
  }
}

extension JSONValue {
  fileprivate var kind: String {
    switch self {
    case .null: "nothing"
    case .bool: "a truth value"
    case .integer, .number: "a number"
    case .string: "a text"
    case .array: "an array"
    case .object: "a table"
    }
  }
}
