/// A tokenizer of four stages: normalise, split into words, turn words into tokens, add the template.
struct PipelineTokenizer: Tokenizer {
  let normalizers: [Normalizer]
  let preTokenizer: PreTokenizer
  let model: any TokenModel
  let template: Template
  let trimming: OffsetTrimming?
  let specialTokens: SpecialTokens
  let decoder: TokenDecoder?

  var vocabularySize: Int { model.vocabulary.count }

  func tokenString(for id: Int32) -> String? { model.vocabulary.token(id) }

  func id(ofToken token: String) -> Int32? { model.vocabulary.id(of: token) }

  func encode(_ text: String, pair: String?, maximumTokens: Int?) -> Encoding {
    let first = tokens(of: text)
    let second = pair.map(tokens(of:))
    let parts = second == nil ? template.single : template.pair
    let added = Template.addedCount(parts)
    var counts = (first: first.pieces.count, second: second?.pieces.count ?? 0)
    if let maximumTokens {
      let limit = max(0, max(0, maximumTokens) - added)
      if second != nil {
        counts = Truncation.longestFirst(counts.first, counts.second, limit: limit)
      } else {
        counts.first = min(counts.first, limit)
      }
    }
    var encoding = Encoding(capacity: counts.first + counts.second + added)
    for part in parts {
      switch part {
      case .tokens(let ids, let typeID):
        for id in ids { encoding.append(id, typeID, 0..<0, isSpecial: true) }
      case .first(let typeID):
        encoding.append(first, count: counts.first, typeID, trimming)
      case .second(let typeID):
        if let second { encoding.append(second, count: counts.second, typeID, trimming) }
      }
    }
    return encoding
  }

  func encode(_ text: String, separatedFrom second: String, maximumTokens: Int?) -> Encoding? {
    guard let separator = specialTokens.sep else { return nil }
    let first = tokens(of: text)
    let second = tokens(of: second)
    let added = Template.addedCount(template.single)
    let limit = max(0, (maximumTokens ?? .max) - added)
    let count = min(first.pieces.count, limit)
    let hasSeparator = count < limit
    let rest = hasSeparator ? min(second.pieces.count, limit - count - 1) : 0
    var encoding = Encoding(capacity: count + 1 + rest + added)
    for part in template.single {
      switch part {
      case .tokens(let ids, let typeID):
        for id in ids { encoding.append(id, typeID, 0..<0, isSpecial: true) }
      case .first(let typeID):
        encoding.append(first, count: count, typeID, trimming)
        if hasSeparator { encoding.append(separator, typeID, 0..<0, isSpecial: true) }
        encoding.append(second, count: rest, typeID, trimming)
      case .second: break
      }
    }
    return encoding
  }

  func encodeWithoutTemplate(_ text: String, maximumTokens: Int?) -> Encoding {
    let tokens = tokens(of: text)
    let count = min(tokens.pieces.count, max(0, maximumTokens ?? .max))
    var encoding = Encoding(capacity: count)
    encoding.append(tokens, count: count, 0, trimming)
    return encoding
  }

  /// Tokens of one text, with what aligns them.
  fileprivate struct Tokens {
    var pieces: [TokenPiece]
    var text: AlignedText
  }

  private func tokens(of text: String) -> Tokens {
    let normalised = normalizers.reduce(AlignedText(text)) { $1($0) }
    var pieces: [TokenPiece] = []
    pieces.reserveCapacity(normalised.bytes.count / 4 + 8)
    normalised.bytes.withUnsafeBufferPointer {
      model.appendPieces(of: $0, splitBy: preTokenizer, to: &pieces)
    }
    return Tokens(pieces: pieces, text: normalised)
  }
}

extension Encoding {
  fileprivate init(capacity: Int) {
    self.init()
    ids.reserveCapacity(capacity)
    typeIDs.reserveCapacity(capacity)
    offsets.reserveCapacity(capacity)
    isSpecial.reserveCapacity(capacity)
  }

  fileprivate mutating func append(
    _ id: Int32, _ typeID: Int32, _ range: Range<Int>, isSpecial special: Bool
  ) {
    ids.append(id)
    typeIDs.append(typeID)
    offsets.append(range)
    isSpecial.append(special)
  }

  fileprivate mutating func append(
    _ tokens: PipelineTokenizer.Tokens, count: Int, _ typeID: Int32, _ trimming: OffsetTrimming?
  ) {
    for (index, piece) in tokens.pieces.prefix(count).enumerated() {
      let bytes = piece.lower..<piece.upper
      var scalars = tokens.text.scalars(of: bytes)
      if let trimming {
        scalars = trimming(scalars, tokens.text.bytes[bytes], isFirst: index == 0)
      }
      append(piece.id, typeID, scalars, isSpecial: false)
    }
  }
}
