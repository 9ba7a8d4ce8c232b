extension JSONValue {
  /// The JSON text: members in their order, shortest numbers that read back, always the same.
  ///
  /// - Parameter pretty: Whether to indent by two spaces and break lines.
  /// - Returns: The text, without a newline at the end.
  /// - Throws: `InputError` with the dotted key for a number that is not finite.
  public func serialized(pretty: Bool = false) throws -> String {
    var writer = JSONWriter(isPretty: pretty, escapesMarkup: false)
    try writer.write(self)
    return writer.text
  }

  /// The JSON text for a block inside an HTML page.
  ///
  /// `<`, `>`, `&`, U+2028 and U+2029 are written as `\u` escapes, so that no text can close the
  /// block or begin a comment, and the result is still JSON with the same value.
  ///
  /// - Parameter pretty: Whether to indent by two spaces and break lines.
  /// - Returns: The text, without a newline at the end.
  /// - Throws: `InputError` with the dotted key for a number that is not finite.
  public func serializedForHTML(pretty: Bool = false) throws -> String {
    var writer = JSONWriter(isPretty: pretty, escapesMarkup: true)
    try writer.write(self)
    return writer.text
  }
}

extension JSONObject {
  /// The JSON text; see ``JSONValue/serialized(pretty:)``.
  ///
  /// - Parameter pretty: Whether to indent by two spaces and break lines.
  /// - Returns: The text, without a newline at the end.
  /// - Throws: `InputError` with the dotted key for a number that is not finite.
  public func serialized(pretty: Bool = false) throws -> String {
    try JSONValue.object(self).serialized(pretty: pretty)
  }
}

private struct JSONWriter {
  let isPretty: Bool
  let escapesMarkup: Bool
  private var bytes: [UInt8] = []
  private var path: [String] = []

  init(isPretty: Bool, escapesMarkup: Bool) {
    self.isPretty = isPretty
    self.escapesMarkup = escapesMarkup
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func write(_ value: JSONValue) throws {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .integer(let value): append(String(value))
    case .number(let value):
      guard value.isFinite else {
        throw InputError("JSON cannot hold the number \(value)", at: place)
      }
      append(value.description)
    case .string(let value): append(quoted: value)
    case .array(let elements):
      try writeList(UInt8(ascii: "["), UInt8(ascii: "]"), count: elements.count) {
        writer, index throws in
        writer.path.append(String(index))
        try writer.write(elements[index])
        writer.path.removeLast()
      }
    case .object(let object):
      try writeList(UInt8(ascii: "{"), UInt8(ascii: "}"), count: object.count) {
        writer, index throws in
        let (key, value) = object.members[index]
        writer.append(quoted: key)
        writer.append(writer.isPretty ? ": " : ":")
        writer.path.append(key)
        try writer.write(value)
        writer.path.removeLast()
      }
    }
  }

  private var place: Place {
    path.isEmpty ? Place() : Place(record: path.joined(separator: "."))
  }

  private mutating func writeList(
    _ open: UInt8, _ close: UInt8, count: Int, element: (inout JSONWriter, Int) throws -> Void
  ) throws {
    let depth = path.count
    bytes.append(open)
    for index in 0..<count {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      breakLine(depth + 1)
      try element(&self, index)
    }
    if count > 0 { breakLine(depth) }
    bytes.append(close)
  }

  private mutating func breakLine(_ depth: Int) {
    guard isPretty else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(0x20, count: 2 * depth))
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func append(quoted text: String) {
    bytes.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: append("\\\"")
      case 0x5C: append("\\\\")
      case 0x08: append("\\b")
      case 0x09: append("\\t")
      case 0x0A: append("\\n")
      case 0x0C: append("\\f")
      case 0x0D: append("\\r")
      case 0..<0x20: append("\\u" + hexadecimal(scalar.value, digits: 4))
      case 0x26, 0x3C, 0x3E, 0x2028, 0x2029:
        if escapesMarkup {
          append("\\u" + hexadecimal(scalar.value, digits: 4))
        } else {
          bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
      case 0x20..<0x80: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      default:
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
