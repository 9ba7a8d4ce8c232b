import Basics
import GRDB

/// The postings of a whole store in packed form, with the content they were made of.
struct PackedPostings: Sendable {
  var state: StoreState
  var units: LexicalUnits
  /// By ascending bytes of the term.
  var terms: [(term: String, frequency: Int, bytes: [UInt8])]
}

/// Reads a store's chunks once and collects where each term occurs.
struct PostingsBuilder {
  private var table = TermTable()
  private var packed: [[UInt8]] = []
  private var frequencies: [Int] = []
  private var lastUnits: [Int64] = []
  private var units = LexicalUnits()
  private var lastID: String?

  // Of the current unit.
  private var counts: [UInt32] = []
  private var touched: [Int] = []
  private var length: UInt32 = 0

  /// The postings of a store as it is now.
  static func build(from store: DocumentStore, analyzer: LexicalAnalyzer) throws -> PackedPostings {
    let builder = Box(PostingsBuilder())
    return try analyzer.withTokenizer { forEachTerm in
      try store.read { database in
        let state = try DocumentStore.state(in: database, path: store.path)
        let rows = try Row.fetchCursor(
          database, sql: DocumentStore.chunkQuery + " ORDER BY documents.id, chunks.ordinal")
        while let row = try rows.next() {
          let chunk = try store.chunk(row)
          // "Flat": one field, title before text; a blank keeps the last word of one from the
          // first of the other.
          try forEachTerm(chunk.title + " " + chunk.text) { builder.value.add($0) }
          try builder.value.finishUnit(chunk)
        }
        return builder.value.finish(state)
      }
    }
  }

  private mutating func add(_ term: UnsafeRawBufferPointer) {
    let number = table.number(of: term)
    if number == counts.count {
      counts.append(0)
      packed.append([])
      frequencies.append(0)
      lastUnits.append(-1)
    }
    if counts[number] == 0 { touched.append(number) }
    counts[number] += 1
    length += 1
  }

  private mutating func finishUnit(_ chunk: StoredChunk) throws {
    let unit = UInt32(units.count)
    if lastID.map({ utf8Equal($0, chunk.documentID) }) != true {
      units.idBytes.append(contentsOf: chunk.documentID.utf8)
      guard let end = UInt32(exactly: units.idBytes.count) else {
        throw StoreError.request("the ids of the documents exceed 4 GiB")
      }
      units.idEnds.append(end)
      lastID = chunk.documentID
    }
    units.chunks.append(chunk.key)
    units.lengths.append(length)
    units.documents.append(UInt32(units.idEnds.count - 1))
    for number in touched {
      Postings.pack(
        unit: unit, count: counts[number], after: lastUnits[number], into: &packed[number])
      lastUnits[number] = Int64(unit)
      frequencies[number] += 1
      counts[number] = 0
    }
    touched.removeAll(keepingCapacity: true)
    length = 0
  }

  private func finish(_ state: StoreState) -> PackedPostings {
    let terms = (0..<table.count).map { number in
      (
        term: String(decoding: table.term(number), as: UTF8.self), frequency: frequencies[number],
        bytes: packed[number]
      )
    }.sorted { utf8Precedes($0.term, $1.term) }
    return PackedPostings(state: state, units: units, terms: terms)
  }

  /// Lets the closure that is called for each term change the builder.
  private final class Box {
    var value: PostingsBuilder

    init(_ value: PostingsBuilder) { self.value = value }
  }
}
