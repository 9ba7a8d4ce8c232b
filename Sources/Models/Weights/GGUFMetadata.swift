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
  private struct Item {
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
  private let items: [UTF8Key: Item]
  private let file: MappedFile

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

// Access.
extension GGUFMetadata {
  /// A text.
  ///
  /// - Throws: `InputError` if the value is no string.
  public func string(_ key: String) throws -> String? {
    try value(key, "a string") { $0 == .string ? strings($1, 1).first : nil }
  }

  /// A truth value.
  ///
  /// - Throws: `InputError` if the value is no bool.
  public func bool(_ key: String) throws -> Bool? {
    try value(key, "a bool") { type, offset in
      type == .bool ? file.withBytes { $0[offset] != 0 } : nil
    }
  }

  /// An integer of any width.
  ///
  /// - Throws: `InputError` if the value is no integer or above `Int.max`.
  public func int(_ key: String) throws -> Int? {
    try value(key, "an integer") { integer($0, at: $1) }
  }

  /// A floating-point number.
  ///
  /// - Throws: `InputError` if the value is no finite floating-point number.
  public func double(_ key: String) throws -> Double? {
    try value(key, "a finite number") { float($0, at: $1) }
  }

  /// An array of texts.
  ///
  /// - Throws: `InputError` if the value is no array of strings.
  public func strings(_ key: String) throws -> [String]? {
    try array(key, "strings") { type, count, offset in
      type == .string ? strings(offset, count) : nil
    }
  }

  /// An array of integers of any one width.
  ///
  /// - Throws: `InputError` if the value is no array of integers, or one is above `Int.max`.
  public func ints(_ key: String) throws -> [Int]? {
    try array(key, "integers") { elements($0, $1, $2, integer) }
  }

  /// An array of floating-point numbers.
  ///
  /// - Throws: `InputError` if the value is no array of finite floating-point numbers.
  public func doubles(_ key: String) throws -> [Double]? {
    try array(key, "finite numbers") { elements($0, $1, $2, float) }
  }

  /// The value of a key that must be there.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - read: An accessor, such as `metadata.int`.
  /// - Returns: The value.
  /// - Throws: `InputError` if it is absent or of another type.
  public func required<Value>(
    _ key: String, _ read: (String) throws -> Value?
  ) throws -> Value {
    guard let value = try read(key) else {
      throw InputError("the key '\(key)' is missing", at: Place(file: file.path.shown))
    }
    return value
  }

  private func value<Value>(
    _ key: String, _ expected: String, _ read: (ValueType, _ offset: Int) -> Value?
  ) throws -> Value? {
    guard let item = items[UTF8Key(key)] else { return nil }
    guard item.count == nil, let value = read(item.type, item.offset) else {
      throw mismatch(key, item, expected)
    }
    return value
  }

  private func array<Value>(
    _ key: String, _ expected: String,
    _ read: (ValueType, _ count: Int, _ offset: Int) -> [Value]?
  ) throws -> [Value]? {
    guard let item = items[UTF8Key(key)] else { return nil }
    guard let count = item.count, let values = read(item.type, count, item.offset) else {
      throw mismatch(key, item, "an array of \(expected)")
    }
    return values
  }

  private func mismatch(_ key: String, _ item: Item, _ expected: String) -> InputError {
    let found = item.count.map { "an array of \($0) \(item.type)" } ?? "\(item.type)"
    var shown = ""
    if item.count == nil, let value = integer(item.type, at: item.offset) { shown = " \(value)" }
    return InputError(
      "'\(TerminalText.excerpt(key))' is \(found)\(shown), expected \(expected)",
      at: Place(file: file.path.shown, byteOffset: item.offset))
  }

  private func load<Number: BitwiseCopyable>(_ type: Number.Type, at offset: Int) -> Number {
    // Every platform that runs this is little-endian.
    file.withBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
  }

  private func integer(_ type: ValueType, at offset: Int) -> Int? {
    switch type {
    case .uint8: Int(load(UInt8.self, at: offset))
    case .int8: Int(load(Int8.self, at: offset))
    case .uint16: Int(load(UInt16.self, at: offset))
    case .int16: Int(load(Int16.self, at: offset))
    case .uint32: Int(load(UInt32.self, at: offset))
    case .int32: Int(load(Int32.self, at: offset))
    case .uint64: Int(exactly: load(UInt64.self, at: offset))
    case .int64: Int(load(Int64.self, at: offset))
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  private func float(_ type: ValueType, at offset: Int) -> Double? {
    let value: Double
    switch type {
    case .float32: value = Double(load(Float.self, at: offset))
    case .float64: value = load(Double.self, at: offset)
    default: return nil
    }
    return value.isFinite ? value : nil
  }

  private func elements<Value>(
    _ type: ValueType, _ count: Int, _ offset: Int, _ read: (ValueType, Int) -> Value?
  ) -> [Value]? {
    var values: [Value] = []
    values.reserveCapacity(count)
    for index in 0..<count {
      guard let value = read(type, offset + index * type.leastBytes) else { return nil }
      values.append(value)
    }
    return values
  }

  /// Strings one behind the other; their lengths were checked when the file was opened.
  private func strings(_ offset: Int, _ count: Int) -> [String] {
    file.withBytes { bytes in
      var offset = offset
      return (0..<count).map { _ in
        let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8 + length
        return String(decoding: bytes[offset - length..<offset], as: UTF8.self)
      }
    }
  }
}
