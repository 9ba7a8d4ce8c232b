import Basics
import Foundation
import GRDB

extension DocumentStore {
  /// Whether the stored postings are of the present content and analyser.
  ///
  /// - Returns: `false` also if there are none.
  /// - Throws: `StoreError`.
  public func hasCurrentPostings() throws -> Bool {
    try read { try hasCurrentPostings($0) }
  }

  func hasCurrentPostings(_ database: Database) throws -> Bool {
    let state = try Self.state(in: database, path: path)
    let row = try Row.fetchOne(
      database, sql: "SELECT generation, content, analyzer FROM lexical WHERE key = 1")
    guard let row else { return false }
    let generation: Int = try row.value(0)
    return try generation == state.generation && utf8Equal(row.value(1), state.checksum)
      && utf8Equal(row.value(2), LexicalAnalyzer.name)
  }

  /// Makes the postings of the present content and stores them, unless they are there already.
  ///
  /// - Throws: `StoreError`.
  public func updatePostings() throws {
    guard try !hasCurrentPostings() else { return }
    let postings = try PostingsBuilder.build(from: self, analyzer: try LexicalAnalyzer())
    let units = postings.units
    try write { database in
      try database.execute(sql: "DELETE FROM lexical_terms; DELETE FROM lexical")
      for (position, entry) in postings.terms.enumerated() {
        try database.cachedStatement(
          sql: "INSERT INTO lexical_terms (key, term, frequency, postings) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [position + 1, entry.term, entry.frequency, Data(entry.bytes)])
      }
      try database.execute(
        sql: """
          INSERT INTO lexical (
            key, generation, content, analyzer, chunks, lengths, documents, ids, offsets
          ) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          postings.state.generation, postings.state.checksum, LexicalAnalyzer.name,
          Self.littleEndian(units.chunks), Self.littleEndian(units.lengths),
          Self.littleEndian(units.documents), Data(units.idBytes),
          Self.littleEndian(units.idEnds),
        ])
    }
  }

  /// The units of the stored postings, `nil` if the postings are not current.
  func storedUnits() throws -> (units: LexicalUnits, state: StoreState)? {
    try read { database in
      guard try hasCurrentPostings(database),
        let row = try Row.fetchOne(
          database, sql: "SELECT chunks, lengths, documents, ids, offsets FROM lexical")
      else { return nil }
      let units = try LexicalUnits(
        chunks: Self.integers(row.value(0)), lengths: Self.integers(row.value(1)),
        documents: Self.integers(row.value(2)), idBytes: Array(row.value(3) as Data),
        idEnds: Self.integers(row.value(4)))
      guard units.isConsistent else {
        throw StoreError.damaged(path, reason: "the table of lexical units is inconsistent")
      }
      return (units, try Self.state(in: database, path: path))
    }
  }

  /// The stored postings of a term, empty ones for a term that does not occur.
  ///
  /// - Parameters:
  ///   - term: The term.
  ///   - state: The content that the caller's units belong to.
  ///   - unitCount: The number of those units.
  /// - Returns: The postings.
  /// - Throws: `StoreError`; `.request` if the store has other content by now.
  func storedPostings(of term: String, at state: StoreState, unitCount: Int) throws -> Postings {
    try read { database in
      // Another process may have changed the store since the units were read.
      guard try hasCurrentPostings(database),
        try Self.state(in: database, path: path) == state
      else { throw StoreError.request("the store has changed; open its BM25 index again") }
      let statement = try database.cachedStatement(
        sql: "SELECT frequency, postings FROM lexical_terms WHERE term = ?")
      guard let row = try Row.fetchOne(statement, arguments: [term]) else { return Postings() }
      let frequency: Int = try row.value(0)
      let postings = try row.withUnsafeData(atIndex: 1) { data in
        data?.withUnsafeBytes {
          Postings.unpack($0, frequency: frequency, unitCount: unitCount)
        }
      }
      guard let postings else {
        throw StoreError.damaged(path, reason: "the postings of '\(term)' are not as stored")
      }
      return postings
    }
  }

  private static func littleEndian<Number: FixedWidthInteger>(_ numbers: [Number]) -> Data {
    numbers.map(\.littleEndian).withUnsafeBytes { Data($0) }
  }

  private static func integers<Number: FixedWidthInteger>(_ data: Data) -> [Number] {
    let width = MemoryLayout<Number>.size
    return data.withUnsafeBytes { bytes in
      (0..<(bytes.count / width)).map {
        Number(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * width, as: Number.self))
      }
    }
  }
}
