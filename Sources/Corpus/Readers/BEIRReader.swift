public import Basics
public import SystemPackage

/// BEIR's `corpus.jsonl` and `queries.jsonl`; also the payload files of a bundle.
public struct BEIRReader: SourceReader {
  /// The format.
  public var kind: ReaderKind { .beir }

  /// Reads `{"_id", "title", "text", "metadata"}`; other members join the metadata.
  public func forEachPassage(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Passage, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
      try body(Passage(beir: object, at: place), place)
    }
  }

  /// Reads `{"_id", "text", "metadata"}`.
  public func forEachQuery(
    in path: FilePath, key: String?, rejects: RejectLog, _ body: (Query, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
      try body(Query(beir: object, at: place), place)
    }
  }

  /// Reads `{"_id", "text"}`.
  public func forEachPayload(
    in path: FilePath, key: String?, kind: String, rejects: RejectLog,
    _ body: (Payload, Place) throws -> Void
  ) throws {
    try refuse(key: key, path)
    try JSONRecords.forEach(in: path, rejects: rejects) { object, place in
      try body(Payload(beir: object, kind: kind, at: place), place)
    }
  }
}
