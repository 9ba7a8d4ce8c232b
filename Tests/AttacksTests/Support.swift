import Attacks
import Basics
import Corpus
import Tensors

/// Words of at most four letters: a stand-in for subword tokens.
let quarters = meter(ofPieces: 4, limit: 20)

func meter(ofPieces size: Int, limit: Int?) -> TokenMeter {
  TokenMeter(limit: limit) { text, maximum in
    var ends: [Int] = []
    var length = 0
    for (offset, scalar) in text.unicodeScalars.enumerated() {
      if scalar.properties.isWhitespace {
        length = 0
      } else {
        if length % size == 0 { ends.append(offset) }
        length += 1
        ends[ends.count - 1] = offset + 1
      }
    }
    return Array(ends.prefix(maximum ?? .max))
  }
}

/// Every byte is a token, as in a byte-level vocabulary without merges.
let bytes = TokenMeter(limit: 64) { text, maximum in
  var ends: [Int] = []
  for (offset, scalar) in text.unicodeScalars.enumerated() {
    ends += Array(repeating: offset + 1, count: UTF8.width(scalar))
  }
  return Array(ends.prefix(maximum ?? .max))
}

func payloads(_ texts: [String], kind: String = "pii") -> [Payload] {
  texts.enumerated().map { Payload(id: "p\($0)", kind: kind, text: $1) }
}

func contains(_ text: String, _ part: String) -> Bool {
  let text = Array(text.utf8)
  let part = Array(part.utf8)
  guard part.count <= text.count else { return false }
  return (0...(text.count - part.count)).contains { text[$0...].starts(with: part) }
}

func occurrences(of part: String, in text: String) -> Int {
  let text = Array(text.utf8)
  let part = Array(part.utf8)
  guard !part.isEmpty, part.count <= text.count else { return 0 }
  var found = 0
  var position = 0
  while position + part.count <= text.count {
    if text[position...].starts(with: part) {
      found += 1
      position += part.count
    } else {
      position += 1
    }
  }
  return found
}

extension Attack {
  /// Poisons with little to say.
  func poison(
    _ targets: [Query], _ payloads: [Payload], seed: UInt64 = 1,
    _ surroundings: AttackSurroundings = AttackSurroundings()
  ) throws -> [PoisonedDocument] {
    try poison(targets, payloads: payloads, seed: seed, surroundings: surroundings)
  }
}
