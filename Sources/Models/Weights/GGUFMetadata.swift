import Basics

/// The keys and values at the head of a GGUF file, read from the mapping when they are asked for.
///
/// Every accessor gives `nil` for a key that is absent and throws where the value has another type;
/// an integer of any width is an integer.
///
/// - SeeAlso: ggml-org/ggml, `docs/gguf.md`, "Standardized key-value pairs".
public struct GGUFMetadata: Sendable {
  /// Types of values by their number in the file.
  enum ValueType: UInt32 {
    case uint8 = 0
    case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// Fewest bytes that such a value takes.
    var leastBytes: Int {
      switch self {
      case .uint8, .int8, .bool: 1
      case .uint16, .int16: 2
      case .uint32, .int32, .float32: 4
      case .uint64, .int64, .float64, .string: 8
      case .array: 12
      }
    }
  }

  /// A value: its type, and where it lies. For arrays, type and place are those of the elements.
  struct Item {
    var type: ValueType
    /// Number of elements, `nil` for what is no array.
    var count: Int?
    var offset: Int
  }

  /// Arrays of arrays deeper than this are refused.
  private static let maximumDepth = 8
  /// Longest key, as the format states.
  private static let maximumKeyBytes = 65_535

  /// The keys, in the order of the file.
  public let keys: [String]
  let items: [UTF8Key: Item]
  let file: MappedFile

  /// Reads keys and checks that every value lies in the file.
  init(_ file: MappedFile, count: Int, cursor: inout GGUFCursor) throws {
    self.file = file
    var keys: [String] = []
    var items: [UTF8Key: Item] = [:]
    for number in 0..<count {
      let start = cursor.offset
      let key = cursor.text(try cursor.string("key \(number)"))
      guard !key.isEmpty, key.utf8.count <= Self.maximumKeyBytes else {
        throw cursor.refusal(
          "key \(number) has \(key.utf8.count) bytes, expected 1 to \(Self.maximumKeyBytes)",
          at: start)
      }
      let shown = "'\(TerminalText.excerpt(key))'"
      guard items[UTF8Key(key)] == nil else {
        throw cursor.refusal("the key \(shown) occurs twice", at: start)
      }
      items[UTF8Key(key)] = try Self.item(shown, &cursor)
      keys.append(key)
    }
    self.keys = keys
    self.items = items
  }

  private static func item(_ name: String, _ cursor: inout GGUFCursor) throws -> Item {
    let type = try valueType(name, &cursor)
    guard type == .array else {
      let offset = cursor.offset
      try skip(type, name, depth: 0, &cursor)
      return Item(type: type, count: nil, offset: offset)
    }
    return try array(name, depth: 1, &cursor)
  }

  private static func valueType(_ name: String, _ cursor: inout GGUFCursor) throws -> ValueType {
    let start = cursor.offset
    let number = try cursor.number(UInt32.self, "the type of \(name)")
    guard let type = ValueType(rawValue: number) else {
      throw cursor.refusal("\(name) has the unknown value type \(number)", at: start)
    }
    return type
  }

  private static func array(
    _ name: String, depth: Int, _ cursor: inout GGUFCursor
  ) throws -> Item {
    guard depth <= maximumDepth else {
      throw cursor.refusal("\(name) nests arrays deeper than \(maximumDepth)")
    }
    let type = try valueType(name, &cursor)
    let count = try cursor.count("elements in \(name)", least: type.leastBytes)
    let offset = cursor.offset
    switch type {
    case .string, .array, .bool:
      for _ in 0..<count { try skip(type, name, depth: depth, &cursor) }
    default:
      _ = try cursor.take(count * type.leastBytes, name)
    }
    return Item(type: type, count: count, offset: offset)
  }

  private static func skip(
    _ type: ValueType, _ name: String, depth: Int, _ cursor: inout GGUFCursor
  ) throws {
    switch type {
    case .string: _ = try cursor.string(name)
    case .array: _ = try array(name, depth: depth + 1, &cursor)
    case .bool:
      let value = try cursor.number(UInt8.self, name)
      guard value <= 1 else {
        throw cursor.refusal("\(name) is \(value), expected a bool of 0 or 1")
      }
    default: _ = try cursor.take(type.leastBytes, name)
    }
  }
}
