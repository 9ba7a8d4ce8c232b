public import SystemPackage

/// A strict parser of RFC 8259 over bytes.
///
/// Refused: invalid UTF-8, a byte order mark, a key twice in one object (compared by bytes), more
/// than 512 levels, lone surrogate escapes, numbers beyond Float64, anything after the value.
public enum JSONParser {
  /// The number of nested arrays and objects that is accepted.
  public static let maximumDepth = 512
  /// The size of a file, unpacked, that is accepted: 2 GiB.
  public static let maximumFileBytes = 2 << 30

  /// Parses one value.
  ///
  /// - Parameters:
  ///   - bytes: The text, and nothing but white space around the value.
  ///   - file: What errors name as the file.
  ///   - line: The number of the first line of `bytes`, 1 if `nil`.
  ///   - byteOffset: The offset of the first byte in the file, added to offsets in errors.
  /// - Returns: The value.
  /// - Throws: `InputError` with line, column in bytes, and byte offset.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String? = nil, line: Int? = nil, byteOffset: Int = 0
  ) throws -> JSONValue {
    var reader = JSONReader(bytes)
    do {
      return try reader.document()
    } catch {
      throw error.located(in: bytes, file: file, line: line ?? 1, byteOffset: byteOffset)
    }
  }

  /// Parses one value; see ``parse(_:file:line:byteOffset:)-(UnsafeRawBufferPointer,_,_,_)``.
  ///
  /// - Parameters:
  ///   - bytes: The text.
  ///   - file: What errors name as the file.
  ///   - line: The number of the first line of `bytes`, 1 if `nil`.
  ///   - byteOffset: The offset of the first byte in the file.
  /// - Returns: The value.
  /// - Throws: `InputError` with line, column in bytes, and byte offset.
  public static func parse(
    _ bytes: [UInt8], file: String? = nil, line: Int? = nil, byteOffset: Int = 0
  ) throws -> JSONValue {
    try bytes.withUnsafeBytes {
      try parse($0, file: file, line: line, byteOffset: byteOffset)
    }
  }

  /// Parses one value from a string.
  public static func parse(_ text: String) throws -> JSONValue {
    var text = text
    return try text.withUTF8 { try parse(UnsafeRawBufferPointer($0)) }
  }

  /// Parses a line of JSON Lines; errors name its number and offsets in the file.
  ///
  /// - Parameters:
  ///   - line: The line.
  ///   - file: What errors name as the file.
  /// - Returns: The value.
  /// - Throws: `InputError` with line, column in bytes, and byte offset.
  public static func parse(_ line: Line, file: String? = nil) throws -> JSONValue {
    try parse(line.bytes, file: file, line: line.number, byteOffset: line.byteOffset)
  }

  /// Parses a file, which may be gzip and may begin with a byte order mark.
  ///
  /// - Parameter path: A regular file, or `-` for standard input.
  /// - Returns: The value.
  /// - Throws: `InputError` for malformed content, `FileError` if the file cannot be read.
  public static func parse(contentsOf path: FilePath) throws -> JSONValue {
    let stream = try ByteStream(path, maximumBytes: maximumFileBytes)
    let bytes = try stream.readAll()
    return try parse(bytes, file: stream.name, byteOffset: stream.skippedBytes)
  }
}

/// A fault at an offset of the bytes being parsed; becomes an `InputError` once, when it leaves.
struct JSONFault: Error {
  var message: String
  var offset: Int

  init(_ message: String, at offset: Int) {
    self.message = message
    self.offset = offset
  }

  func located(
    in bytes: UnsafeRawBufferPointer, file: String?, line: Int, byteOffset: Int
  ) -> InputError {
    var line = line
    var lineStart = 0
    for index in 0..<min(offset, bytes.count) where bytes[index] == 0x0A {
      line += 1
      lineStart = index + 1
    }
    return InputError(
      message,
      at: Place(
        file: file, line: line, column: offset - lineStart + 1, byteOffset: byteOffset + offset))
  }
}

/// The recursive descent over one buffer.
struct JSONReader {
  let bytes: UnsafeRawBufferPointer
  var position = 0
  private var depth = 0
  /// Reused for strings with escapes.
  var scratch: [UInt8] = []

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func document() throws(JSONFault) -> JSONValue {
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
      throw JSONFault("JSON begins with a byte order mark", at: 0)
    }
    let value = try self.value()
    skipSpace()
    if position < bytes.count {
      throw JSONFault("expected the end after the JSON value, found \(found())", at: position)
    }
    return value
  }

  private mutating func value() throws(JSONFault) -> JSONValue {
    skipSpace()
    guard position < bytes.count else {
      throw JSONFault("expected a JSON value, found the end", at: position)
    }
    switch bytes[position] {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "{"): return .object(try object())
    case UInt8(ascii: "["): return .array(try array())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw JSONFault("expected a JSON value, found \(found())", at: position)
    }
  }

  private mutating func object() throws(JSONFault) -> JSONObject {
    try enter()
    var object = JSONObject()
    skipSpace()
    if next(is: UInt8(ascii: "}")) {
      depth -= 1
      return object
    }
    while true {
      skipSpace()
      let keyPosition = position
      guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
        throw JSONFault("expected a key in double quotes, found \(found())", at: position)
      }
      let key = try string()
      skipSpace()
      guard next(is: UInt8(ascii: ":")) else {
        throw JSONFault("expected ':' after the key, found \(found())", at: position)
      }
      let value = try self.value()
      guard object.insert(key, value) else {
        throw JSONFault(
          "the key '\(TerminalText.excerpt(key))' stands twice in one object", at: keyPosition)
      }
      skipSpace()
      if next(is: UInt8(ascii: ",")) { continue }
      guard next(is: UInt8(ascii: "}")) else {
        throw JSONFault("expected ',' or '}' in the object, found \(found())", at: position)
      }
      depth -= 1
      return object
    }
  }

  private mutating func array() throws(JSONFault) -> [JSONValue] {
    try enter()
    var elements: [JSONValue] = []
    skipSpace()
    if next(is: UInt8(ascii: "]")) {
      depth -= 1
      return elements
    }
    while true {
      elements.append(try value())
      skipSpace()
      if next(is: UInt8(ascii: ",")) { continue }
      guard next(is: UInt8(ascii: "]")) else {
        throw JSONFault("expected ',' or ']' in the array, found \(found())", at: position)
      }
      depth -= 1
      return elements
    }
  }

  private mutating func enter() throws(JSONFault) {
    guard depth < JSONParser.maximumDepth else {
      throw JSONFault(
        "more than \(JSONParser.maximumDepth) nested arrays and objects", at: position)
    }
    depth += 1
    position += 1
  }

  private mutating func literal(
    _ text: StaticString, _ value: JSONValue
  ) throws(JSONFault) -> JSONValue {
    let length = text.utf8CodeUnitCount
    for index in 0..<length {
      guard position + index < bytes.count, bytes[position + index] == text.utf8Start[index] else {
        throw JSONFault("expected '\(text)'", at: position)
      }
    }
    position += length
    return value
  }

  private mutating func next(is byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  /// What stands at the position, for messages.
  func found() -> String { found(at: position) }

  func found(at offset: Int) -> String {
    guard offset < bytes.count else { return "the end" }
    let byte = bytes[offset]
    return (0x21...0x7E).contains(byte)
      ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x" + hexadecimal(UInt32(byte), digits: 2)
  }
}
