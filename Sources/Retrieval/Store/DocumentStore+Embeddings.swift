import Basics
import Foundation
import GRDB

/// A retriever that the store holds embeddings of.
public struct StoredRetriever: Sendable, Equatable {
  /// Its identity.
  public var identity: RetrieverIdentity
  /// Chunks with a vector.
  public var embedded: Int
  /// Chunks without anything to embed.
  public var unembeddable: Int
  /// Chunks that have neither yet.
  public var pending: Int
}

/// All vectors of a retriever, with the state of the content they belong to.
public struct LoadedEmbeddings: Sendable, Equatable {
  /// The key of each row's chunk, ascending.
  public var chunks: [Int64]
  /// Chunks that have no vector yet; an index made now would lack them.
  public var pending: Int
  /// The content they are of.
  public var state: StoreState
}

extension DocumentStore {
  /// Vectors in one transaction.
  static let transactionVectors = 2000

  /// The retrievers that were given embeddings, in the order of their first.
  ///
  /// - Returns: Each with its counts.
  /// - Throws: `StoreError`.
  public func retrievers() throws -> [StoredRetriever] {
    try read { database in
      let chunks = try Self.state(in: database, path: path).chunks
      // A range of keys each: a join would make SQLite build an index that copies every vector.
      let counts = try database.cachedStatement(
        sql: "SELECT count(vector), count(*) FROM embeddings WHERE key >= ? AND key < ?")
      return try Row.fetchAll(
        database, sql: "SELECT key, identity FROM retrievers ORDER BY key"
      ).map { row in
        let key: Int64 = try row.value(0)
        guard
          let count = try Row.fetchOne(
            counts, arguments: [EmbeddingKey.base(key), EmbeddingKey.base(key + 1)])
        else { throw StoreError.damaged(path, reason: "its embeddings cannot be counted") }
        let (embedded, known): (Int, Int) = try (count.value(0), count.value(1))
        return StoredRetriever(
          identity: try RetrieverIdentity(canonicalText: row.value(1)), embedded: embedded,
          unembeddable: known - embedded, pending: chunks - known)
      }
    }
  }

  /// The chunks a retriever has neither embedded nor found without text, by ascending key.
  ///
  /// What an interrupted run stored is not among them, so a repeated run goes on where it stopped.
  ///
  /// - Parameter retriever: Any retriever, known to the store or not.
  /// - Returns: The keys.
  /// - Throws: `StoreError`.
  public func pendingChunks(of retriever: RetrieverIdentity) throws -> [Int64] {
    let identity = try retriever.canonicalText
    return try read { database in
      guard let key = try Self.key(of: identity, in: database) else {
        return try Int64.fetchAll(database, sql: "SELECT key FROM chunks ORDER BY key")
      }
      return try Int64.fetchAll(
        database,
        sql: """
          SELECT key FROM chunks
          WHERE NOT EXISTS (SELECT 1 FROM embeddings WHERE embeddings.key = ? + chunks.key)
          ORDER BY key
          """, arguments: [EmbeddingKey.base(key)])
    }
  }

  /// Stores vectors, in transactions of at most two thousand.
  ///
  /// - Parameters:
  ///   - retriever: The retriever that computed them.
  ///   - chunks: The keys of the chunks.
  ///   - vectors: One row a chunk, `[chunks, dimension]`, row-major.
  /// - Throws: `StoreError.vector` for a number that is not finite, before anything is stored;
  ///   `.request` if the counts disagree; `.unknownChunk`.
  public func storeEmbeddings(
    of retriever: RetrieverIdentity, chunks: [Int64], vectors: UnsafeBufferPointer<Float>
  ) throws {
    let dimension = retriever.dimension
    guard (1...65_536).contains(dimension) else {
      throw StoreError.request("the dimension is \(dimension), expected 1 to 65536")
    }
    let (expected, overflow) = chunks.count.multipliedReportingOverflow(by: dimension)
    guard !overflow, vectors.count == expected else {
      throw StoreError.request(
        "\(vectors.count) numbers for \(chunks.count) chunks of dimension \(dimension)")
    }
    if let bad = vectors.firstIndex(where: { !$0.isFinite }) {
      let chunk = chunks[bad / dimension]
      throw StoreError.vector(
        chunk: chunk, document: try documentIDs(ofChunks: [chunk])[0],
        reason: "holds \(vectors[bad]) at position \(bad % dimension)")
    }
    let identity = try retriever.canonicalText
    for start in stride(from: 0, to: chunks.count, by: Self.transactionVectors) {
      let end = min(start + Self.transactionVectors, chunks.count)
      try write { database in
        let key = try registered(identity, dimension: dimension, in: database)
        for position in start..<end {
          let vector = UnsafeBufferPointer(
            rebasing: vectors[(position * dimension)..<((position + 1) * dimension)])
          try insertEmbedding(retriever: key, chunk: chunks[position], vector, in: database)
        }
      }
    }
  }

  /// Stores vectors; see the version with one buffer.
  ///
  /// - Parameters:
  ///   - retriever: The retriever that computed them.
  ///   - rows: Chunk keys with their vectors.
  /// - Throws: `StoreError`.
  public func storeEmbeddings(
    of retriever: RetrieverIdentity, _ rows: [(chunk: Int64, vector: [Float])]
  ) throws {
    for row in rows where row.vector.count != retriever.dimension {
      throw StoreError.vector(
        chunk: row.chunk, document: try documentIDs(ofChunks: [row.chunk])[0],
        reason: "has \(row.vector.count) numbers, the retriever's dimension is "
          + "\(retriever.dimension)")
    }
    try rows.flatMap(\.vector).withUnsafeBufferPointer { vectors in
      try storeEmbeddings(of: retriever, chunks: rows.map(\.chunk), vectors: vectors)
    }
  }

  /// Records that chunks have nothing to embed: no text, or only blanks and controls.
  ///
  /// - Parameters:
  ///   - chunks: The keys.
  ///   - retriever: The retriever that found so.
  /// - Throws: `StoreError`.
  public func markUnembeddable(_ chunks: [Int64], for retriever: RetrieverIdentity) throws {
    let identity = try retriever.canonicalText
    try write { database in
      let key = try registered(identity, dimension: retriever.dimension, in: database)
      for chunk in chunks { try insertEmbedding(retriever: key, chunk: chunk, nil, in: database) }
    }
  }

  /// Removes a retriever with its embeddings.
  ///
  /// - Parameter retriever: The retriever.
  /// - Throws: `StoreError.unknownRetriever`.
  public func removeEmbeddings(of retriever: RetrieverIdentity) throws {
    let identity = try retriever.canonicalText
    try write { database in
      guard let key = try Self.key(of: identity, in: database) else {
        throw StoreError.unknownRetriever(identity)
      }
      try database.execute(
        sql: "DELETE FROM embeddings WHERE key >= ? AND key < ?",
        arguments: [EmbeddingKey.base(key), EmbeddingKey.base(key + 1)])
      try database.execute(sql: "DELETE FROM retrievers WHERE key = ?", arguments: [key])
    }
  }

  /// Loads a retriever's vectors into memory of the caller's, by ascending chunk key.
  ///
  /// Every vector is compared with its checksum on the way.
  ///
  /// - Parameters:
  ///   - retriever: The retriever.
  ///   - allocate: Given the number of chunks, which the rows cannot exceed; returns room for
  ///     `[chunks, dimension]`, row-major, which must stay valid until the call returns.
  /// - Returns: The chunk of each row and the content they belong to.
  /// - Throws: `StoreError.unknownRetriever`, `.damaged` with the chunk, and what `allocate` throws.
  public func loadEmbeddings(
    of retriever: RetrieverIdentity,
    into allocate: (_ chunks: Int) throws -> UnsafeMutableBufferPointer<Float>
  ) throws -> LoadedEmbeddings {
    let identity = try retriever.canonicalText
    let dimension = retriever.dimension
    return try read { database in
      guard let key = try Self.key(of: identity, in: database) else {
        throw StoreError.unknownRetriever(identity)
      }
      let state = try Self.state(in: database, path: path)
      // Counted, because memory is taken by this number.
      let limit = try Int.fetchOne(database, sql: "SELECT count(*) FROM chunks") ?? 0
      let target = try allocate(limit)
      precondition(
        target.count >= limit * dimension,
        "loadEmbeddings: room for \(target.count) numbers, \(limit) rows of \(dimension)")
      var chunks: [Int64] = []
      chunks.reserveCapacity(limit)
      var unembeddable = 0
      let cursor = try Row.fetchCursor(
        database,
        sql: """
          SELECT chunk, checksum, vector FROM embeddings WHERE key >= ? AND key < ? ORDER BY key
          """, arguments: [EmbeddingKey.base(key), EmbeddingKey.base(key + 1)])
      while let row = try cursor.next() {
        let chunk: Int64 = try row.value(0)
        if row.hasNull(atIndex: 2) {
          unembeddable += 1
          continue
        }
        guard chunks.count < limit else {
          throw StoreError.damaged(path, reason: "it holds more vectors than chunks")
        }
        let place = UnsafeMutableRawBufferPointer(
          UnsafeMutableBufferPointer(
            rebasing: target[(chunks.count * dimension)..<((chunks.count + 1) * dimension)]))
        // The blob is borrowed from SQLite and copied once, to its place.
        let isWhole = try row.withUnsafeData(atIndex: 2) { data in
          guard let data, data.count == place.count else { return false }
          data.copyBytes(to: place)
          return true
        }
        let checksum: Int64 = try row.value(1)
        guard isWhole, VectorChecksum.of(place) == checksum else {
          throw StoreError.damaged(path, reason: "the vector of chunk \(chunk) is not as stored")
        }
        chunks.append(chunk)
      }
      return LoadedEmbeddings(
        chunks: chunks, pending: limit - chunks.count - unembeddable, state: state)
    }
  }

  /// Loads a retriever's vectors into an array.
  ///
  /// - Parameter retriever: The retriever.
  /// - Returns: The chunks, and `[rows, dimension]`, row-major.
  /// - Throws: `StoreError.unknownRetriever`, `.damaged` with the chunk.
  public func embeddings(
    of retriever: RetrieverIdentity
  ) throws -> (loaded: LoadedEmbeddings, vectors: [Float]) {
    var room = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)
    defer { room.deallocate() }
    let loaded = try loadEmbeddings(of: retriever) { chunks in
      // Once here and once as the array that is returned.
      try MemoryBudget.require(
        8 * chunks * retriever.dimension, for: "the vectors of \(retriever.model)")
      room = .allocate(capacity: chunks * retriever.dimension)
      return room
    }
    return (loaded, Array(room[..<(loaded.chunks.count * retriever.dimension)]))
  }

  // MARK: - Rows

  private static func key(of identity: String, in database: Database) throws -> Int64? {
    try Int64.fetchOne(
      database.cachedStatement(sql: "SELECT key FROM retrievers WHERE identity = ?"),
      arguments: [identity])
  }

  private func registered(
    _ identity: String, dimension: Int, in database: Database
  ) throws -> Int64 {
    if let key = try Self.key(of: identity, in: database) { return key }
    guard offsetOfNUL(identity) == nil else {
      throw StoreError.request("the identity of the retriever holds a NUL")
    }
    try database.execute(
      sql: "INSERT INTO retrievers (identity, dimension) VALUES (?, ?)",
      arguments: [identity, dimension])
    let key = database.lastInsertedRowID
    guard key < EmbeddingKey.retrieverLimit else {
      throw StoreError.request("the store has run out of retriever keys")
    }
    return key
  }

  private func insertEmbedding(
    retriever: Int64, chunk: Int64, _ vector: UnsafeBufferPointer<Float>?, in database: Database
  ) throws {
    let statement = try database.cachedStatement(
      sql: """
        INSERT INTO embeddings (key, retriever, chunk, vector, norm, checksum)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET
          vector = excluded.vector, norm = excluded.norm, checksum = excluded.checksum
        """)
    let bytes = vector.map { UnsafeRawBufferPointer($0) }
    let norm = vector.map { $0.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
    guard (1..<EmbeddingKey.chunkLimit).contains(chunk) else {
      throw StoreError.unknownChunk(chunk)
    }
    do {
      try statement.execute(arguments: [
        EmbeddingKey.base(retriever) + chunk, retriever, chunk, bytes.map { Data($0) }, norm,
        bytes.map(VectorChecksum.of),
      ])
    } catch let error as DatabaseError
      where error.extendedResultCode == .SQLITE_CONSTRAINT_FOREIGNKEY
    {
      throw StoreError.unknownChunk(chunk)
    }
  }
}

/// A checksum that catches any change within one 4-byte number, at a fraction of a copy's cost.
enum VectorChecksum {
  /// FNV-1a over little-endian words of 8 bytes, the last one of 4 if the length is odd.
  static func of(_ bytes: UnsafeRawBufferPointer) -> Int64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    let prime: UInt64 = 0x0000_0100_0000_01B3
    var offset = 0
    while offset + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      hash = (hash ^ UInt64(littleEndian: word)) &* prime
      offset += 8
    }
    while offset + 4 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      hash = (hash ^ UInt64(UInt32(littleEndian: word))) &* prime
      offset += 4
    }
    return Int64(bitPattern: hash)
  }

  /// The same for a buffer that is being filled.
  static func of(_ bytes: UnsafeMutableRawBufferPointer) -> Int64 {
    of(UnsafeRawBufferPointer(bytes))
  }
}
