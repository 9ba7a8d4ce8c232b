/// How normalised text falls into words.
enum PreTokenizer: Sendable {
  /// The whole text is one word.
  case none
  /// Splits at white space, which goes, and around each punctuation mark, which stays.
  case bert
  /// Rules one after another, each within the words of the one before; nothing is lost.
  case splits([WordSplitter])

  /// Calls `body` with the byte range of each word, in order; none is empty.
  @inline(__always)
  func forEachWord(in bytes: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    switch self {
    case .none:
      if !bytes.isEmpty { body(0..<bytes.count) }
    case .bert:
      let tables = ScalarTables.shared
      var start = 0
      var index = 0
      while index < bytes.count {
        let (scalar, length) = decodeScalar(bytes, at: index)
        let flags = tables.flags(of: scalar)
        if !flags.isDisjoint(with: [.space, .punctuation]) {
          if start < index { body(start..<index) }
          start = index + length
          if !flags.contains(.space) { body(index..<start) }
        }
        index += length
      }
      if start < index { body(start..<index) }
    case .splits(let rules):
      if !bytes.isEmpty { Self.split(bytes, 0..<bytes.count, by: rules[...], body) }
    }
  }

  private static func split(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, by rules: ArraySlice<WordSplitter>,
    _ body: (Range<Int>) -> Void
  ) {
    guard let rule = rules.first else { return body(range) }
    rule.forEachWord(in: bytes, range) { split(bytes, $0, by: rules.dropFirst(), body) }
  }
}
