/// Columns that text takes on a terminal, approximately.
public enum TextWidth {
  /// The columns of a text: marks 0, East Asian wide letters and emoji 2, all else 1.
  public static func columns(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + columns($1) }
  }

  /// The text cut to a width, with `…` where something was cut off.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - width: Columns, at least 1.
  /// - Returns: The text, or its beginning and `…`.
  public static func truncated(_ text: String, to width: Int) -> String {
    if columns(text) <= width { return text }
    var kept = String.UnicodeScalarView()
    var used = 0
    for scalar in text.unicodeScalars {
      used += columns(scalar)
      if used > width - 1 { break }
      kept.append(scalar)
    }
    return String(kept) + "…"
  }

  static func columns(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // The blocks of Unicode 15's EastAsianWidth.txt that are wide throughout.
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
      0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18D08, 0x1B000...0x1B2FF, 0x20000...0x3FFFD:
      return 2
    default: return scalar.properties.isEmojiPresentation ? 2 : 1
    }
  }
}
