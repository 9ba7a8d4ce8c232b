/// Turns token ids back into text.
///
/// Bytes that are no UTF-8 become U+FFFD, one for each maximal part of a scalar, as in `tokenizers`.
public struct TokenDecoder: Sendable {
  /// The bytes of all tokens, one after another.
  private let bytes: [UInt8]
  /// Where each token begins in `bytes`; one entry more than tokens.
  private let starts: [Int]
  private let isSpecial: [Bool]

  /// A decoder.
  ///
  /// - Parameters:
  ///   - tokens: The bytes of each token, by id.
  ///   - isSpecial: For each token, whether it is special.
  init(tokens: some Sequence<[UInt8]>, isSpecial: [Bool]) {
    var bytes: [UInt8] = []
    var starts = [0]
    for token in tokens {
      bytes += token
      starts.append(bytes.count)
    }
    self.bytes = bytes
    self.starts = starts
    self.isSpecial = isSpecial
  }

  /// The bytes of a token; none outside the vocabulary.
  public func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0, id < starts.count - 1 else { return [] }
    return bytes[starts[Int(id)]..<starts[Int(id) + 1]]
  }

  /// Whether a token is special: it never comes from text.
  public func isSpecial(_ id: Int32) -> Bool {
    id >= 0 && id < isSpecial.count && isSpecial[Int(id)]
  }

  /// The text of tokens.
  ///
  /// - Parameters:
  ///   - ids: Token ids; those outside the vocabulary give nothing.
  ///   - keepsSpecialTokens: Whether special tokens are written out, as `<|im_end|>`.
  /// - Returns: Text.
  public func text(_ ids: some Sequence<Int32>, keepsSpecialTokens: Bool = true) -> String {
    var result: [UInt8] = []
    for id in ids where keepsSpecialTokens || !isSpecial(id) { result += bytes(of: id) }
    return String(decoding: result, as: UTF8.self)
  }

  /// A decoder of tokens that come one by one.
  public func stream(keepsSpecialTokens: Bool = false) -> TokenStream {
    TokenStream(decoder: self, keepsSpecialTokens: keepsSpecialTokens)
  }
}

/// Text of tokens that come one by one; the pieces joined are the text of all.
public struct TokenStream: Sendable {
  private let decoder: TokenDecoder
  private let keepsSpecialTokens: Bool
  /// The beginning of a scalar whose end has not come.
  private var pending: [UInt8] = []

  fileprivate init(decoder: TokenDecoder, keepsSpecialTokens: Bool) {
    self.decoder = decoder
    self.keepsSpecialTokens = keepsSpecialTokens
  }

  /// Takes a token.
  ///
  /// - Parameter id: A token id.
  /// - Returns: The text that is complete now, often empty while a scalar of several bytes comes.
  public mutating func append(_ id: Int32) -> String {
    guard keepsSpecialTokens || !decoder.isSpecial(id) else { return "" }
    pending += decoder.bytes(of: id)
    let kept = Self.openBytes(pending)
    defer { pending.removeFirst(pending.count - kept) }
    return String(decoding: pending.dropLast(kept), as: UTF8.self)
  }

  /// Ends the text: a scalar that was never completed becomes U+FFFD.
  public mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end begin a scalar that further bytes could complete.
  private static func openBytes(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let lead = bytes[bytes.count - count]
      if isContinuation(lead) { continue }
      let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
      guard (0xC2...0xF4).contains(lead), count < length else { return 0 }
      // The second byte decides whether the sequence can be one at all.
      if count > 1 {
        let second = bytes[bytes.count - count + 1]
        let isPossible =
          switch lead {
          case 0xE0: second >= 0xA0
          case 0xED: second < 0xA0
          case 0xF0: second >= 0x90
          case 0xF4: second < 0x90
          default: true
          }
        if !isPossible { return 0 }
      }
      return count
    }
    return 0
  }
}
