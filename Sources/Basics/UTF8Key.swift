import Glibc

/// A string that is compared and hashed by its UTF-8 bytes.
///
/// Swift compares `String` by canonical equivalence, so a `[String: Int]` keeps one of `é` and
/// `e` + U+0301. Identifiers and vocabularies must keep both.
public struct UTF8Key: Hashable, Comparable, Sendable, ExpressibleByStringLiteral {
  /// The string itself.
  public let string: String

  /// A key for a string.
  public init(_ string: String) { self.string = string }
  /// A key for a literal.
  public init(stringLiteral value: String) { self.init(value) }

  /// Equality of bytes.
  public static func == (left: UTF8Key, right: UTF8Key) -> Bool {
    utf8Equal(left.string, right.string)
  }

  /// Order of bytes, which is the order of scalars.
  public static func < (left: UTF8Key, right: UTF8Key) -> Bool {
    utf8Precedes(left.string, right.string)
  }

  /// Feeds the bytes and a terminator, as the standard library does for strings.
  public func hash(into hasher: inout Hasher) {
    withUTF8Bytes(of: string) { hasher.combine(bytes: $0) }
    hasher.combine(0xFF as UInt8)
  }
}

extension UTF8Key: CustomStringConvertible {
  /// The string itself.
  public var description: String { string }
}

/// Whether two strings have the same UTF-8 bytes.
public func utf8Equal(_ left: String, _ right: String) -> Bool {
  withUTF8Bytes(of: left) { a in
    withUTF8Bytes(of: right) { b in bytesEqual(a, b) }
  }
}

/// Whether one string's UTF-8 bytes come before another's.
public func utf8Precedes(_ left: String, _ right: String) -> Bool {
  withUTF8Bytes(of: left) { a in
    withUTF8Bytes(of: right) { b in a.lexicographicallyPrecedes(b) }
  }
}

/// Calls a closure with the string's UTF-8 bytes, without a copy for native strings.
func withUTF8Bytes<Result>(
  of string: String, _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
  if let result = string.utf8.withContiguousStorageIfAvailable({
    body(UnsafeRawBufferPointer($0))
  }) {
    return result
  }
  return Array(string.utf8).withUnsafeBytes(body)
}

/// Whether two byte ranges hold the same bytes.
func bytesEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count else { return false }
  guard let a = left.baseAddress, let b = right.baseAddress else { return true }
  return memcmp(a, b, left.count) == 0
}
