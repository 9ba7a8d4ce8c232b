import Basics

/// The rules for names of models: they are folder names and parts of index names.
public enum ModelName {
  /// Bytes of a name that are accepted.
  public static let maximumBytes = 64

  /// Why a text cannot be the name of a model, `nil` if it can.
  ///
  /// A name has 1 to 64 ASCII letters, digits, `.`, `_` and `-` and begins with a letter or digit.
  public static func fault(_ name: String) -> String? {
    let shown = "'\(TerminalText.escaped(String(name.prefix(80))))'"
    guard (1...maximumBytes).contains(name.utf8.count) else {
      return "the name \(shown) has \(name.utf8.count) bytes, expected 1 to \(maximumBytes)"
    }
    guard let first = name.utf8.first, isAlphanumeric(first) else {
      return "the name \(shown) does not begin with a letter or digit"
    }
    let allowed = name.utf8.allSatisfy { isAlphanumeric($0) || ".-_".utf8.contains($0) }
    guard allowed else {
      return "the name \(shown) has more than ASCII letters, digits, '.', '_' and '-'"
    }
    return nil
  }

  /// Refuses a text that cannot be the name of a model.
  ///
  /// - Parameter name: The text.
  /// - Throws: `UsageError` (64).
  public static func check(_ name: String) throws {
    if let fault = fault(name) { throw UsageError(fault) }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }
}

/// Paths from cards, catalogues and archives, which must stay inside the model's folder.
enum RelativeName {
  /// Why a text cannot be a path inside a folder, `nil` if it can.
  static func fault(_ path: String) -> String? {
    let shown = "'\(TerminalText.escaped(String(path.prefix(200))))'"
    guard (1...512).contains(path.utf8.count) else {
      return "the path \(shown) has \(path.utf8.count) bytes, expected 1 to 512"
    }
    let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    for part in parts {
      if part.isEmpty { return "the path \(shown) is absolute or has an empty part" }
      if part.elementsEqual(".".utf8) || part.elementsEqual("..".utf8) {
        return "the path \(shown) has a part '.' or '..'"
      }
      if part.count > 255 { return "the path \(shown) has a part of more than 255 bytes" }
    }
    if path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) {
      return "the path \(shown) has a control character or a backslash"
    }
    return nil
  }
}
