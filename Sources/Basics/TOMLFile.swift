public import SystemPackage
import TOMLKit

/// Reading TOML: strict, into the values that JSON has.
public enum TOMLFile {
  /// The longest file that is read, in bytes.
  public static let maximumBytes = 1 << 20

  /// The tables and values of a file.
  ///
  /// - Parameter path: A regular file, at most ``maximumBytes``.
  /// - Returns: The root table; keys are sorted.
  /// - Throws: `FileError` if it cannot be read; `InputError` with line and column for a syntax error
  ///   or a key that is given twice, with the dotted key for a date, a time or a number that is not
  ///   finite.
  public static func read(_ path: FilePath) throws -> JSONObject {
    try parse(FileBytes.read(path, limit: maximumBytes), file: path.shown)
  }

  /// The tables and values of a text.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8.
  ///   - file: Its name in messages.
  /// - Returns: The root table; keys are sorted.
  /// - Throws: `InputError`, as ``read(_:)``.
  public static func parse(_ bytes: [UInt8], file: String) throws -> JSONObject {
    let place = Place(file: file)
    let text = try UTF8Check.string(bytes, at: place)
    // The library hands texts over as C strings, which end at the first NUL.
    guard !["\0", "\\u0000", "\\U00000000", "\\x00"].contains(where: text.contains) else {
      throw InputError("a NUL character, also as an escape, is not accepted", at: place)
    }
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw InputError(
        TerminalText.escaped(error.description),
        at: Place(file: file, line: error.source.begin.line, column: error.source.begin.column))
    }
    return try object(table, at: place)
  }

  private static func object(_ table: TOMLTable, at place: Place) throws -> JSONObject {
    var object = JSONObject()
    for key in table.keys.sorted(by: utf8Precedes) {
      guard let value = table[key] else { continue }
      object[key] = try converted(value, at: place.inside(key))
    }
    return object
  }

  private static func converted(
    _ value: any TOMLValueConvertible, at place: Place
  ) throws -> JSONValue {
    switch value.type {
    case .string:
      return .string(value.string ?? "")
    case .bool:
      return .bool(value.bool ?? false)
    case .int:
      return .integer(Int64(value.int ?? 0))
    case .double:
      let number = value.double ?? .nan
      guard number.isFinite else {
        throw InputError("'\(place.shownKey)' is \(number), expected a finite number", at: place)
      }
      return .number(number)
    case .array:
      var items: [JSONValue] = []
      for item in value.array ?? TOMLArray() {
        items.append(try converted(item, at: place.inside("[\(items.count)]")))
      }
      return .array(items)
    case .table:
      return .object(try object(value.table ?? TOMLTable(), at: place))
    case .date, .time, .dateTime:
      throw InputError(
        "'\(place.shownKey)' is a date or a time, expected a text, a number, a truth value, an"
          + " array or a table", at: place)
    }
  }
}

extension Place {
  fileprivate var shownKey: String { TerminalText.excerpt(key ?? "") }
}
