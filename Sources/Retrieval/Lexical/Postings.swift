/// Where a term occurs: unit numbers, ascending, and how often in each.
struct Postings: Sendable, Equatable {
  /// Unit numbers, ascending.
  var units: [UInt32] = []
  /// Occurrences in the unit of the same position, at least 1.
  var counts: [UInt32] = []

  /// Adds a unit to a list in its packed form: the distance from the unit before (from -1 for the
  /// first) and the count, each in base 128 with the lowest digits first.
  static func pack(unit: UInt32, count: UInt32, after previous: Int64, into bytes: inout [UInt8]) {
    for var value in [UInt32(truncatingIfNeeded: Int64(unit) - previous), count] {
      while value >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
        value >>= 7
      }
      bytes.append(UInt8(truncatingIfNeeded: value))
    }
  }

  /// Reads a packed list.
  ///
  /// - Parameters:
  ///   - bytes: The packed list.
  ///   - frequency: How many units it is said to hold.
  ///   - unitCount: Unit numbers are below this.
  /// - Returns: `nil` if it is not such a list.
  static func unpack(
    _ bytes: UnsafeRawBufferPointer, frequency: Int, unitCount: Int
  ) -> Postings? {
    // A unit takes two bytes at least, so a wrong frequency cannot ask for much memory.
    guard frequency >= 0, 2 * frequency <= bytes.count else { return nil }
    var postings = Postings()
    postings.units.reserveCapacity(frequency)
    postings.counts.reserveCapacity(frequency)
    var offset = 0
    func number() -> UInt64? {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while offset < bytes.count, shift <= 28 {
        let byte = bytes[offset]
        offset += 1
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    var previous: Int64 = -1
    for _ in 0..<frequency {
      guard let gap = number(), let count = number(), gap >= 1, count >= 1,
        let count = UInt32(exactly: count)
      else { return nil }
      previous += Int64(gap)
      guard previous < unitCount else { return nil }
      postings.units.append(UInt32(previous))
      postings.counts.append(count)
    }
    return offset == bytes.count ? postings : nil
  }
}

/// The units of a lexical index: chunks by ascending document id and position, so that the order of
/// unit numbers is the order of ids and breaks ties.
struct LexicalUnits: Sendable, Equatable {
  /// The key of each unit's chunk.
  var chunks: [Int64] = []
  /// Tokens of each unit: title and text.
  var lengths: [UInt32] = []
  /// The number of each unit's document, ascending.
  var documents: [UInt32] = []
  /// The ids of the documents, one after another.
  var idBytes: [UInt8] = []
  /// Where each id ends.
  var idEnds: [UInt32] = []

  /// The number of units.
  var count: Int { chunks.count }

  /// The id of a document number.
  func id(ofDocument number: Int) -> String {
    let start = number == 0 ? 0 : Int(idEnds[number - 1])
    return String(decoding: idBytes[start..<Int(idEnds[number])], as: UTF8.self)
  }

  /// Whether all parts fit together, which only damage can change.
  var isConsistent: Bool {
    guard lengths.count == count, documents.count == count else { return false }
    var end: UInt32 = 0
    for next in idEnds {
      guard next >= end else { return false }
      end = next
    }
    guard Int(end) == idBytes.count else { return false }
    var document: Int64 = -1
    for next in documents {
      guard Int64(next) == document || Int64(next) == document + 1 else { return false }
      document = Int64(next)
    }
    return document + 1 == Int64(idEnds.count)
  }
}
