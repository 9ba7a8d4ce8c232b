import Basics

/// A body that is put together part by part, and remembers where the payload is.
struct ConcatenatedText {
  private(set) var text = ""
  /// In bytes of UTF-8.
  private(set) var payloadRanges: [Range<Int>] = []
  private let separator: String
  private var isEmpty = true

  init(separator: String) { self.separator = separator }

  mutating func append(_ part: String) {
    if !isEmpty { text += separator }
    isEmpty = false
    text += part
  }

  mutating func append(payload: String) {
    append(payload)
    let end = text.utf8.count
    payloadRanges.append((end - payload.utf8.count)..<end)
  }

  /// Appends a filling until the encoder, at its limit, sees nothing of the payload behind it.
  ///
  /// - Parameters:
  ///   - filling: What is repeated.
  ///   - limit: Tokens that the encoder sees of a body; a title takes some of them away, which
  ///     hides the payload all the more.
  ///   - meter: Counts tokens.
  ///   - payload: What will be appended next.
  /// - Returns: How often the filling was added.
  /// - Throws: `InputError` if the filling adds no tokens.
  mutating func fill(
    with filling: String, to limit: Int, by meter: TokenMeter, before payload: String
  ) throws -> Int {
    var added = 0
    var count = meter.count(text)
    while count < limit || !hides(payload, behind: limit, by: meter) {
      append(filling)
      added += 1
      let longer = meter.count(text)
      // As long as tokens are added, the limit is passed before the payload at some time.
      guard longer > count else {
        throw InputError(
          "'\(TerminalText.excerpt(filling))' does not fill the \(limit) tokens of the encoder")
      }
      count = longer
    }
    return added
  }

  private func hides(_ payload: String, behind limit: Int, by meter: TokenMeter) -> Bool {
    var whole = self
    whole.append(payload: payload)
    return meter.sees(onlyWithin: text, of: whole.text, limit: limit)
  }
}

/// Where a payload is parted to take the query into its middle.
enum PayloadSplit {
  /// The two parts of a payload, without the white space between them.
  ///
  /// Parted at the end of the sentence, else of the word, that is nearest to the middle in bytes; of
  /// two equally near the first.
  ///
  /// - Parameter payload: The text.
  /// - Returns: Both parts; the second is `nil` for a single word.
  static func halves(of payload: String) -> (first: String, second: String?) {
    let scalars = payload.unicodeScalars
    var gaps: [(end: String.Index, start: String.Index, isSentence: Bool)] = []
    var position = scalars.startIndex
    var previous: Unicode.Scalar?
    while position < scalars.endIndex {
      guard scalars[position].properties.isWhitespace else {
        previous = scalars[position]
        position = scalars.index(after: position)
        continue
      }
      let end = position
      while position < scalars.endIndex, scalars[position].properties.isWhitespace {
        position = scalars.index(after: position)
      }
      if let previous, position < scalars.endIndex {
        gaps.append((end, position, ".?!".unicodeScalars.contains(previous)))
      }
    }
    let sentences = gaps.filter(\.isSentence)
    let middle = payload.utf8.count / 2
    func distance(_ end: String.Index) -> Int {
      abs(payload.utf8.distance(from: payload.startIndex, to: end) - middle)
    }
    guard
      let gap = (sentences.isEmpty ? gaps : sentences).min(by: {
        distance($0.end) < distance($1.end)
      })
    else { return (payload, nil) }
    return (String(scalars[..<gap.end]), String(scalars[gap.start...]))
  }
}
