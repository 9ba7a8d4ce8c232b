import Basics
import Foundation
import GRDB
import SystemPackage

extension DocumentStore {
  /// Reads everything and compares it with what it should be.
  ///
  /// SQLite's `integrity_check` and `foreign_key_check`; each document with its digest and its
  /// chunks; their sum with the recorded checksum and counts; each vector with its checksum and
  /// length; the full-text index with the documents, if the store is open for writing. Nothing is
  /// repaired.
  ///
  /// - Parameter limit: The most findings to return.
  /// - Returns: One sentence a finding, none for a sound store.
  /// - Throws: `StoreError` if the file cannot be read at all; damage is a finding.
  public func verify(limit: Int = 100) throws -> [String] {
    var findings: [String] = []
    let checks: [(String, (Database, inout [String]) throws -> Void)] = [
      ("structure", checkStructure), ("documents", checkDocuments), ("vectors", checkVectors),
    ]
    for (name, check) in checks where findings.count < limit {
      do {
        try read { try check($0, &findings) }
      } catch let error as StoreError where error.exitStatus == .badData {
        findings.append("\(name): \(error)")
      }
    }
    if access == .writing, findings.isEmpty {
      do {
        try write { database in
          try database.execute(
            // Rank 1 compares with the documents, not just the index with itself.
            sql: "INSERT INTO documents_text (documents_text, rank) VALUES ('integrity-check', 1)")
        }
      } catch let error as StoreError where error.exitStatus == .badData {
        findings.append("full-text index: \(error)")
      }
    }
    return Array(findings.prefix(limit))
  }

  private func checkStructure(_ database: Database, _ findings: inout [String]) throws {
    for line in try String.fetchAll(database, sql: "PRAGMA integrity_check") where line != "ok" {
      findings.append("integrity_check: \(TerminalText.escaped(line))")
    }
    for row in try Row.fetchAll(database, sql: "PRAGMA foreign_key_check") {
      let (table, parent): (String, String) = try (row.value(0), row.value(2))
      findings.append("foreign_key_check: a row of \(table) has no \(parent)")
    }
  }

  private func checkDocuments(_ database: Database, _ findings: inout [String]) throws {
    var sum = ContentChecksum()
    var (documents, chunks) = (0, 0)
    for key in try Int64.fetchAll(database, sql: "SELECT key FROM documents ORDER BY key") {
      do {
        guard let document = try Self.document(key: key, in: database, path: path) else { continue }
        // Also refuses what only damage can bring in, bounds past the text for one.
        try document.check()
        let digest = try String.fetchOne(
          database.cachedStatement(sql: "SELECT digest FROM documents WHERE key = ?"),
          arguments: [key])
        if let digest = digest.flatMap(ContentChecksum.init) { sum.add(digest) }
        documents += 1
        chunks += document.chunks.count
      } catch let error as any ReportableError where error.exitStatus == .badData {
        findings.append("\(error)")
      }
    }
    let state = try Self.state(in: database, path: path)
    let found = StoreState(
      generation: state.generation, checksum: sum.digits, documents: documents, chunks: chunks)
    if findings.isEmpty, found != state {
      findings.append(
        "the state names \(state.documents) documents and \(state.chunks) chunks with checksum "
          + "\(state.checksum.prefix(16)), the tables hold \(documents) and \(chunks) with "
          + "\(sum.digits.prefix(16))")
    }
  }

  private func checkVectors(_ database: Database, _ findings: inout [String]) throws {
    let rows = try Row.fetchCursor(
      database,
      sql: """
        SELECT chunk, dimension, checksum, vector
        FROM embeddings JOIN retrievers ON retrievers.key = retriever WHERE vector IS NOT NULL
        """)
    while let row = try rows.next() {
      let (chunk, dimension): (Int64, Int) = try (row.value(0), row.value(1))
      let checksum: Int64 = try row.value(2)
      let isSound = try row.withUnsafeData(atIndex: 3) { data in
        guard let data, data.count == 4 * dimension else { return false }
        return data.withUnsafeBytes { VectorChecksum.of($0) } == checksum
      }
      if !isSound { findings.append("the vector of chunk \(chunk) is not as stored") }
    }
  }
}
