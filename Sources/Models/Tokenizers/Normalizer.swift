/// What happens to the text before it is split, one step of a chain.
enum Normalizer: Sendable {
  case bert(BertNormalizer)
  /// Puts UTF-8 before a text that is not empty.
  case prepend([UInt8])
  /// Puts a space before a text that is not empty and does not begin with one.
  case prefixSpace
  /// Puts `content` for each `pattern`, both UTF-8; `pattern` is not empty.
  case replace(pattern: [UInt8], content: [UInt8])

  func callAsFunction(_ text: AlignedText) -> AlignedText {
    switch self {
    case .bert(let normalizer): return normalizer(text)
    case .prepend(let prefix): return Self.prepending(prefix, to: text)
    case .prefixSpace:
      return text.bytes.first == 0x20 ? text : Self.prepending([0x20], to: text)
    case .replace(let pattern, let content):
      return Self.replacing(pattern, by: content, in: text)
    }
  }

  private static func prepending(_ prefix: [UInt8], to text: AlignedText) -> AlignedText {
    guard !text.bytes.isEmpty, !prefix.isEmpty else { return text }
    var result = AlignedText(capacity: prefix.count + text.bytes.count)
    // The first scalar lends its place to what stands before it.
    for byte in prefix { result.append(byte: byte, text.bounds(at: 0)) }
    for index in text.bytes.indices {
      result.append(byte: text.bytes[index], text.bounds(at: index))
    }
    return result
  }

  private static func replacing(
    _ pattern: [UInt8], by content: [UInt8], in text: AlignedText
  ) -> AlignedText {
    guard text.bytes.contains(pattern[0]) else { return text }
    var result = AlignedText(capacity: text.bytes.count + text.bytes.count / 2)
    var index = 0
    let bytes = text.bytes
    while index < bytes.count {
      let end = index + pattern.count
      if bytes[index] == pattern[0], end <= bytes.count,
        pattern.indices.allSatisfy({ bytes[index + $0] == pattern[$0] })
      {
        let place = text.bounds(at: end - 1)
        for byte in content { result.append(byte: byte, place) }
        index = end
      } else {
        result.append(byte: bytes[index], text.bounds(at: index))
        index += 1
      }
    }
    return result
  }
}
