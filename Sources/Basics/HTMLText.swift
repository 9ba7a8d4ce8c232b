/// Text from outside made safe for HTML.
public enum HTMLText {
  /// The text for element content and for attribute values in quotes, escaped scalar by scalar.
  ///
  /// `&`, `<`, `>`, `"`, `'` and a back quote become references. Controls other than tab, newline
  /// and carriage return, which HTML cannot hold, become U+FFFD. An escaper over `Character` would
  /// let a quote through that a combining mark follows.
  public static func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count + 16)
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x26: bytes.append(contentsOf: "&amp;".utf8)
      case 0x3C: bytes.append(contentsOf: "&lt;".utf8)
      case 0x3E: bytes.append(contentsOf: "&gt;".utf8)
      case 0x22: bytes.append(contentsOf: "&quot;".utf8)
      case 0x27: bytes.append(contentsOf: "&#39;".utf8)
      case 0x60: bytes.append(contentsOf: "&#96;".utf8)
      case 0x09, 0x0A, 0x0D: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      case 0..<0x20, 0x7F..<0xA0: bytes.append(contentsOf: "\u{FFFD}".utf8)
      default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The text escaped for HTML with what cannot be seen shown as `U+XXXX`, as on a terminal.
  public static func escapedVisibly(_ text: String) -> String {
    escaped(TerminalText.escaped(text))
  }
}
