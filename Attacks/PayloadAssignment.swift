import Basics
import Corpus
import Tensors

/// Which payloads a query gets: a permutation of all payloads that depends on the seed and on the
/// query's id alone, so that neither the other targets nor the order of a file matter.
struct PayloadAssignment {
  /// Where a document's payloads come from.
  enum Source: String {
    /// The seeded permutation of all payloads.
    case assigned
    /// The payloads written for this query.
    case own
  }

  private let seed: UInt64
  /// In the order of kind and id, by bytes.
  private let payloads: [Payload]
  private let positions: [UTF8Key: [Int]]

  init(_ payloads: [Payload], seed: UInt64) {
    self.seed = seed
    self.payloads = payloads.sorted { left, right in
      utf8Equal(left.kind, right.kind)
        ? utf8Precedes(left.id, right.id) : utf8Precedes(left.kind, right.kind)
    }
    var positions: [UTF8Key: [Int]] = [:]
    for (position, payload) in self.payloads.enumerated() {
      positions[UTF8Key(payload.id), default: []].append(position)
    }
    self.positions = positions
  }

  /// All payloads in the order in which the query's documents use them.
  func permutation(for query: String) -> [Payload] {
    var order = payloads
    var generator = Self.generator(seed: seed, for: "payload", query)
    // Fisher and Yates by hand: the standard library does not promise how it shuffles.
    for last in stride(from: order.count - 1, to: 0, by: -1) {
      order.swapAt(last, Int(generator.next() % UInt64(last + 1)))
    }
    return order
  }

  /// The payloads written for the query, those with ids `query-1`, `query-2`, …, by number.
  func own(of query: String) -> [Payload] {
    var found: [Payload] = []
    var number = 1
    while let places = positions[UTF8Key("\(query)-\(number)")] {
      found.append(contentsOf: places.map { payloads[$0] })
      number += 1
    }
    return found
  }

  /// A stream of random numbers of its own for a purpose and a query.
  static func generator(seed: UInt64, for purpose: String, _ query: String) -> Philox {
    let digest = Checksum.sha256(purpose + "\n" + query)
    return Philox(
      seed: seed,
      stream: UInt64(
        digest.utf8.prefix(16).reduce(0) { number, digit in
          number << 4 | UInt64(digit >= UInt8(ascii: "a") ? digit - 87 : digit - 48)
        }))
  }
}

/// Payloads of an exact length.
enum PayloadLength {
  /// The payloads' texts one after another, as often as needed, cut to a number of tokens.
  ///
  /// - Parameters:
  ///   - payloads: The payload, then those to go on with; at least one.
  ///   - tokens: The number of tokens, at least 1.
  ///   - meter: Counts them.
  /// - Returns: A text of exactly that many tokens, and how many payloads are in it.
  /// - Throws: `InputError` if the payloads have no tokens or none of their cuts has the number.
  static func text(
    of payloads: [Payload], tokens: Int, by meter: TokenMeter
  ) throws -> (text: String, used: Int) {
    var text = payloads[0].text
    var used = 1
    var count = meter.count(text)
    while count < tokens {
      text += " " + payloads[used % payloads.count].text
      used += 1
      let longer = meter.count(text)
      if longer == count, used > payloads.count {
        throw InputError(
          "the payload has no tokens to reach \(tokens) with", at: Place(record: payloads[0].id))
      }
      count = longer
    }
    if count == tokens { return (text, used) }
    // A cut inside a word can count differently than it did in the whole: look around it.
    for shift in [0, -1, 1, -2, 2, -3, 3, -4, 4] where tokens + shift > 0 {
      let cut = meter.prefix(text, tokens: tokens + shift)
      if meter.count(cut) == tokens { return (cut, used) }
    }
    // A scalar of several byte tokens may span the limit: end before it and fill up with dots.
    for shift in 1...min(8, tokens) {
      let cut = meter.prefix(text, tokens: tokens - shift)
      for filling in [".", " ."] {
        var filled = cut
        for _ in 0..<shift where meter.count(filled) < tokens { filled += filling }
        if meter.count(filled) == tokens { return (filled, used) }
      }
    }
    throw InputError(
      "the payload cannot be cut to exactly \(tokens) tokens", at: Place(record: payloads[0].id))
  }
}
