extension JSONValue {
  /// The JSON text: members in their order, shortest numbers that read back, always the same.
  ///
  /// - Parameter pretty: Whether to break lines and indent by two spaces what does not fit into one
  ///   of 100 bytes.
  /// - Returns: The text, without a newline at the end.
  /// - Throws: `InputError` with the dotted key for a number that is not finite.
  public func serialized(pretty: Bool = false) throws -> String {
    var writer = JSONWriter(isPretty: pretty, escapes: .needed)
    try writer.write(self)
    return writer.text
  }

  /// The JSON text for one line of a stream.
  ///
  /// U+0085, U+2028 and U+2029 are written as `\u` escapes: some readers of lines end one there, and
  /// a text from outside must not be able to begin a line of its own.
  ///
  /// - Returns: The text, without a newline in it or at its end.
  /// - Throws: `InputError` with the dotted key for a number that is not finite.
  public func serializedAsLine() throws -> String {
    var writer = JSONWriter(isPretty: false, escapes: .lineEnds)
    try writer.write(self)
    return writer.text
  }

  /// The JSON text for a block inside an HTML page.
  ///
  /// `<`, `>`, `&`, U+2028 and U+2029 are written as `\u` escapes, so that no text can close the
  /// block or begin a comment, and the result is still JSON with the same value.
  ///
  /// - Parameter pretty: Whether to break lines.
  /// - Returns: The text, without a newline at the end.
  /// - Throws: `InputError` with the dotted key for a number that is not finite.
  public func serializedForHTML(pretty: Bool = false) throws -> String {
    var writer = JSONWriter(isPretty: pretty, escapes: .markup)
    try writer.write(self)
    return writer.text
  }
}

extension JSONObject {
  /// The JSON text; see ``JSONValue/serialized(pretty:)``.
  ///
  /// - Parameter pretty: Whether to break lines.
  /// - Returns: The text, without a newline at the end.
  /// - Throws: `InputError` with the dotted key for a number that is not finite.
  public func serialized(pretty: Bool = false) throws -> String {
    try JSONValue.object(self).serialized(pretty: pretty)
  }
}

private struct JSONWriter {
  /// What is escaped beside what JSON asks for.
  enum Escapes {
    case needed
    case lineEnds
    case markup

    func covers(_ scalar: UInt32) -> Bool {
      switch self {
      case .needed: false
      case .lineEnds: scalar == 0x85 || scalar == 0x2028 || scalar == 0x2029
      case .markup:
        scalar == 0x26 || scalar == 0x3C || scalar == 0x3E || scalar == 0x2028 || scalar == 0x2029
      }
    }
  }

  private static let lineWidth = 100

  let isPretty: Bool
  let escapes: Escapes
  private var bytes: [UInt8] = []
  private var path: [String] = []
  /// Where the present line begins.
  private var lineStart = 0
  /// While it is tried whether a list fits into the line: where the line would be full.
  private var flatLimit: Int?

  init(isPretty: Bool, escapes: Escapes) {
    self.isPretty = isPretty
    self.escapes = escapes
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
    if isPretty, flatLimit == nil, count > 0 {
      let start = bytes.count
      let limit = lineStart + Self.lineWidth
      flatLimit = limit
      try writeElements(open, close, count: count, element: element)
      flatLimit = nil
      if bytes.count <= limit { return }
      bytes.removeSubrange(start...)
    }
    try writeElements(open, close, count: count, element: element)
  }

  private mutating func writeElements(
    _ open: UInt8, _ close: UInt8, count: Int, element: (inout JSONWriter, Int) throws -> Void
  ) throws {
    let depth = path.count
    bytes.append(open)
    for index in 0..<count {
      if let flatLimit, bytes.count > flatLimit { return }
      if index > 0 {
        bytes.append(UInt8(ascii: ","))
        if flatLimit != nil { bytes.append(0x20) }
      }
      breakLine(depth + 1)
      try element(&self, index)
    }
    if count > 0 { breakLine(depth) }
    bytes.append(close)
  }

  private mutating func breakLine(_ depth: Int) {
    guard isPretty, flatLimit == nil else { return }
    bytes.append(0x0A)
    lineStart = bytes.count
    bytes.append(contentsOf: repeatElement(0x20, count: 2 * depth))
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func append(quoted text: String) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { append(escaping: UnsafeRawBufferPointer($0)) }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Nearly all bytes need no escape and are copied in runs.
  private mutating func append(escaping text: UnsafeRawBufferPointer) {
    var runStart = 0
    var position = 0
    while position < text.count {
      let byte = text[position]
      // Beyond ASCII only a few scalars are of interest; their first bytes are C2 and E2.
      let isPlain =
        byte >= 0x20 && byte != 0x22 && byte != 0x5C
        && (byte < 0x80
          ? escapes != .markup || (byte != 0x26 && byte != 0x3C && byte != 0x3E)
          : escapes == .needed || (byte != 0xC2 && byte != 0xE2))
      if isPlain {
        position += 1
        continue
      }
      let (scalar, length) = Self.scalar(in: text, at: position)
      if scalar >= 0x80, !escapes.covers(scalar) {
        position += length
        continue
      }
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart..<position]))
      append(escape(of: scalar))
      position += length
      runStart = position
    }
    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: text[runStart...]))
  }

  private func escape(of scalar: UInt32) -> String {
    switch scalar {
    case 0x22: "\\\""
    case 0x5C: "\\\\"
    case 0x08: "\\b"
    case 0x09: "\\t"
    case 0x0A: "\\n"
    case 0x0C: "\\f"
    case 0x0D: "\\r"
    default: "\\u" + hexadecimal(scalar, digits: 4)
    }
  }

  /// The scalar at a position of valid UTF-8 with one, two (C2) or three (E2) bytes.
  private static func scalar(
    in text: UnsafeRawBufferPointer, at position: Int
  ) -> (scalar: UInt32, length: Int) {
    func tail(_ offset: Int) -> UInt32 { UInt32(text[position + offset] & 0x3F) }
    switch text[position] {
    case 0xC2: return (0x80 | tail(1), 2)
    case 0xE2: return (0x2000 | tail(1) << 6 | tail(2), 3)
    default: return (UInt32(text[position]), 1)
    }
  }
}
