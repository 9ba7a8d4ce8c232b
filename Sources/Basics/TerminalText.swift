/// Text from outside made safe for a terminal.
public enum TerminalText {
  /// The text with every scalar that a terminal acts on, or that cannot be seen, as `U+XXXX`.
  ///
  /// Shown escaped: controls (also tab and newline), bidirectional marks and overrides, zero-width
  /// and other format characters, line and paragraph separators, tags, variation selectors beyond
  /// the first sixteen, private use and unassigned scalars. All else stays as it is.
  public static func escaped(_ text: String) -> String {
    if !text.unicodeScalars.contains(where: needsEscape) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if needsEscape(scalar) {
        result.append(contentsOf: ("U+" + hexadecimal(scalar.value, digits: 4)).unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  /// The escaped text, cut after `limit` scalars with the length of the whole.
  ///
  /// - Parameters:
  ///   - text: Text of any length.
  ///   - limit: Scalars that are kept.
  /// - Returns: The text safe for one line of a message.
  public static func excerpt(_ text: String, limit: Int = 80) -> String {
    let head = text.unicodeScalars.prefix(limit)
    if head.endIndex == text.unicodeScalars.endIndex { return escaped(text) }
    return escaped(String(head)) + "… (\(text.utf8.count) bytes)"
  }

  /// Whether a terminal acts on the scalar or shows nothing of its own for it.
  static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
    if (0x20..<0x7F).contains(scalar.value) { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
      .unassigned:
      return true
    default:
      // Variation selectors supplement, the joiner U+034F and blank Hangul and Khmer letters.
      return (0xE0100...0xE01EF).contains(scalar.value)
        || [0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0].contains(scalar.value)
    }
  }
}
