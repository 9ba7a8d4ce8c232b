import Basics

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
