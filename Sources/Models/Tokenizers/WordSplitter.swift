/// A rule by which byte-level tokenizers cut text into words; the words tile the text.
///
/// Each is the regular expression of a reference, written out; `\p{L}`, `\p{N}` and `\s` are those of
/// ``ScalarTables``.
enum WordSplitter: Sendable, Equatable {
  /// Sets numbers apart, each for itself or run by run: `Digits` of `tokenizers`.
  case digits(individually: Bool)
  /// GPT-2's expression, which ByteLevel of `tokenizers` uses.
  case gpt2
  /// That of cl100k and Llama 3 (numbers of at most 3 digits) or Qwen 2 (of 1).
  case cl100k(digits: Int)

  /// ``gpt2`` as it is written in files.
  static let gpt2Expression =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// ``cl100k(digits:)`` as it is written in files.
  static func cl100kExpression(digits: Int) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
      + (digits == 1 ? "" : "{1,\(digits)}")
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// Calls `body` with each word of a range, in order; none is empty.
  func forEachWord(
    in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ body: (Range<Int>) -> Void
  ) {
    let text = ScalarRuns(bytes: bytes, end: range.upperBound)
    var start = range.lowerBound
    while start < range.upperBound {
      let end =
        switch self {
        case .digits(let individually): text.digitsEnd(start, individually)
        case .gpt2: text.gpt2End(start)
        case .cl100k(let digits): text.cl100kEnd(start, digits)
        }
      body(start..<end)
      start = end
    }
  }
}

/// Runs of scalars of one class, and the ends of words that they make.
private struct ScalarRuns {
  let bytes: UnsafeBufferPointer<UInt8>
  /// Where the text ends for this rule.
  let end: Int
  private let tables = ScalarTables.shared

  init(bytes: UnsafeBufferPointer<UInt8>, end: Int) {
    self.bytes = bytes
    self.end = end
  }

  /// The class of the scalar at an index, and where the next one begins; nothing at the end.
  @inline(__always)
  private func scalar(at index: Int) -> (flags: ScalarFlags, next: Int)? {
    guard index < end else { return nil }
    let (scalar, length) = decodeScalar(bytes, at: index)
    return (tables.flags(of: scalar), index + length)
  }

  /// Where a run of at most `limit` scalars that satisfy the predicate ends.
  @inline(__always)
  private func runEnd(
    _ start: Int, limit: Int = .max, while isMember: (ScalarFlags) -> Bool
  ) -> Int {
    var index = start
    var count = 0
    while count < limit, let (flags, next) = scalar(at: index), isMember(flags) {
      index = next
      count += 1
    }
    return index
  }

  /// Where a run of CR and LF ends.
  @inline(__always)
  private func lineEnd(_ start: Int) -> Int {
    var index = start
    while index < end, bytes[index] == 0x0A || bytes[index] == 0x0D { index += 1 }
    return index
  }

  private static let classes: ScalarFlags = [.letter, .number, .regexSpace]

  func digitsEnd(_ start: Int, _ individually: Bool) -> Int {
    guard let (flags, next) = scalar(at: start) else { return end }
    let isNumeric = flags.contains(.numeric)
    if isNumeric, individually { return next }
    return runEnd(next) { $0.contains(.numeric) == isNumeric }
  }

  func gpt2End(_ start: Int) -> Int {
    if let end = contractionEnd(start, foldsCase: false) { return end }
    let begin = bytes[start] == 0x20 && start + 1 < end ? start + 1 : start
    guard let (flags, next) = scalar(at: begin) else { return end }
    if flags.contains(.letter) { return runEnd(next) { $0.contains(.letter) } }
    if flags.contains(.number) { return runEnd(next) { $0.contains(.number) } }
    if !flags.contains(.regexSpace) { return runEnd(next) { $0.isDisjoint(with: Self.classes) } }
    return spaceEnd(start)
  }

  func cl100kEnd(_ start: Int, _ digits: Int) -> Int {
    if let end = contractionEnd(start, foldsCase: true) { return end }
    guard let (flags, next) = scalar(at: start) else { return end }
    if flags.contains(.letter) { return runEnd(next) { $0.contains(.letter) } }
    if flags.contains(.number) {
      return runEnd(next, limit: digits - 1) { $0.contains(.number) }
    }
    let isLineBreak = bytes[start] == 0x0A || bytes[start] == 0x0D
    if !isLineBreak, let (second, after) = scalar(at: next), second.contains(.letter) {
      return runEnd(after) { $0.contains(.letter) }
    }
    let begin = bytes[start] == 0x20 ? start + 1 : start
    let marks = runEnd(begin) { $0.isDisjoint(with: Self.classes) }
    if marks > begin { return lineEnd(marks) }
    // White space up to its last line break, if it has one.
    let spaces = runEnd(start) { $0.contains(.regexSpace) }
    if let last = bytes[start..<spaces].lastIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
      return last + 1
    }
    return spaceEnd(start)
  }

  /// `\s+(?!\S)|\s+`: the run of white space, without its last scalar where a word follows.
  private func spaceEnd(_ start: Int) -> Int {
    var index = start
    var last = start
    while let (flags, next) = scalar(at: index), flags.contains(.regexSpace) {
      last = index
      index = next
    }
    return index == end || last == start ? index : last
  }

  /// The end of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d`.
  @inline(__always)
  private func contractionEnd(_ start: Int, foldsCase: Bool) -> Int? {
    guard bytes[start] == UInt8(ascii: "'"), start + 1 < end else { return nil }
    let fold: UInt8 = foldsCase ? 0x20 : 0
    let first = bytes[start + 1] | fold
    if first == UInt8(ascii: "s") || first == UInt8(ascii: "t") || first == UInt8(ascii: "m")
      || first == UInt8(ascii: "d")
    {
      return start + 2
    }
    guard start + 2 < end else { return nil }
    // The long s U+017F is an s in another case.
    if foldsCase, bytes[start + 1] == 0xC5, bytes[start + 2] == 0xBF { return start + 3 }
    let second = bytes[start + 2] | fold
    let isPair =
      first == UInt8(ascii: "l") && second == UInt8(ascii: "l")
      || second == UInt8(ascii: "e") && (first == UInt8(ascii: "r") || first == UInt8(ascii: "v"))
    return isPair ? start + 3 : nil
  }
}
