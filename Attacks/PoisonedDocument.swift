public import Basics
public import Corpus
public import SystemPackage

/// A document that an attack wrote, with where it comes from.
public struct PoisonedDocument: Sendable, Equatable {
  /// Identifier, distinct within a run and from clean passages: `poison:attack:kind:query:copy`.
  public var id: String
  /// Title, empty if there is none.
  public var title: String
  /// Body.
  public var text: String
  /// The name of the attack.
  public var attack: String
  /// The version of the attack.
  public var version: Int
  /// The seed it was made with.
  public var seed: UInt64
  /// The queries that it is to be retrieved for.
  public var targetQueryIDs: [String]
  /// The kind of the payload.
  public var payloadKind: String
  /// The id of the payload, the first one where several were joined.
  public var payloadID: String
  /// The attack's parameters and what it chose for this document.
  public var parameters: JSONObject

  /// A poisoned document.
  public init(
    id: String, title: String = "", text: String, attack: String, version: Int, seed: UInt64,
    targetQueryIDs: [String], payloadKind: String, payloadID: String, parameters: JSONObject
  ) {
    self.id = id
    self.title = title
    self.text = text
    self.attack = attack
    self.version = version
    self.seed = seed
    self.targetQueryIDs = targetQueryIDs
    self.payloadKind = payloadKind
    self.payloadID = payloadID
    self.parameters = parameters
  }

  /// Equality by bytes, where `String` would compare by canonical equivalence.
  public static func == (left: PoisonedDocument, right: PoisonedDocument) -> Bool {
    left.passage == right.passage
  }

  /// An identifier of the form that every attack uses.
  ///
  /// - Parameters:
  ///   - attack: The name of the attack.
  ///   - kind: The payload kind.
  ///   - query: The query's id; one of more than 512 bytes is replaced by its SHA-256.
  ///   - copy: The number among the documents of the query, from 1.
  /// - Returns: The identifier; distinct for distinct arguments, since attack and kind hold no `:`.
  public static func identifier(
    attack: String, kind: String, query: String, copy: Int
  ) -> String {
    let query = query.utf8.count > 512 ? "sha256-" + Checksum.sha256(query) : query
    return "poison:\(attack):\(kind):\(query):\(copy)"
  }

  /// What the document contains of the payload, as the attack recorded it in `payload_ranges`.
  ///
  /// Parts before and behind the query are joined by a space. `nil` if it is not recorded.
  public var payloadText: String? {
    guard let ranges = parameters["payload_ranges"]?.arrayValue else { return nil }
    let bytes = Array(text.utf8)
    var parts: [String] = []
    for range in ranges {
      guard let ends = range.arrayValue, ends.count == 2, let start = ends[0].intValue,
        let end = ends[1].intValue, 0 <= start, start <= end, end <= bytes.count,
        let part = String(validating: bytes[start..<end], as: UTF8.self)
      else { return nil }
      parts.append(part)
    }
    return parts.joined(separator: " ")
  }
}

// The form in files: a passage of BEIR whose metadata holds the provenance.
extension PoisonedDocument {
  /// The document as a passage; its metadata holds the provenance.
  public var passage: Passage {
    Passage(
      id: id, title: title, text: text,
      metadata: [
        "attack": .string(attack), "version": JSONValue(version),
        // JSON integers end at 2^63 - 1 for many readers, ours among them.
        "seed": Int64(exactly: seed).map { .integer($0) } ?? .string(String(seed)),
        "target_query_ids": .array(targetQueryIDs.map { .string($0) }),
        "payload_kind": .string(payloadKind), "payload_id": .string(payloadID),
        "parameters": .object(parameters),
      ])
  }

  /// Reads the provenance from a passage's metadata.
  ///
  /// - Parameters:
  ///   - passage: The passage.
  ///   - place: Where it stands.
  /// - Throws: `InputError` for missing or wrong provenance, a blank id, or NUL in id or text.
  public init(_ passage: Passage, at place: Place = Place()) throws {
    let place = place.inRecord(passage.id)
    try TextCheck.identifier(passage.id, at: place)
    try TextCheck.withoutNUL(passage.title, "title", at: place)
    try TextCheck.withoutNUL(passage.text, "text", at: place)
    let metadata = passage.metadata
    let inside = place.inside("metadata")
    let seed: UInt64
    switch metadata["seed"] {
    case .integer(let number)? where number >= 0: seed = UInt64(number)
    case .string(let digits)?:
      guard let number = UInt64(digits) else { fallthrough }
      seed = number
    default:
      throw InputError("'metadata.seed': expected an integer from 0 to 2^64 - 1", at: place)
    }
    self.init(
      id: passage.id, title: passage.title, text: passage.text,
      attack: try metadata.string("attack", at: inside),
      version: try metadata.int("version", at: inside), seed: seed,
      targetQueryIDs: try metadata.strings("target_query_ids", at: inside),
      payloadKind: try metadata.string("payload_kind", at: inside),
      payloadID: try metadata.string("payload_id", at: inside),
      parameters: try metadata.object("parameters", at: inside))
  }
}

/// Files of poisoned documents: JSON Lines that are a valid BEIR corpus.
public enum PoisonedDocuments {
  /// Writes documents; the file appears whole or not at all.
  ///
  /// - Parameters:
  ///   - documents: The documents; ids must be distinct.
  ///   - path: The file.
  /// - Throws: `FileError`: 73 if it cannot be created, 74 if writing fails; `InputError` for an id
  ///   that stands twice.
  public static func write(_ documents: [PoisonedDocument], to path: FilePath) throws {
    var seen: Set<UTF8Key> = []
    let writer = try AtomicFile.Writer(path)
    for document in documents {
      guard seen.insert(UTF8Key(document.id)).inserted else {
        throw InputError(
          "two poisoned documents have one id", at: Place(record: document.id))
      }
      try writer.write(document.passage.beirObject.serialized() + "\n")
    }
    try writer.commit()
  }

  /// Reads documents.
  ///
  /// - Parameter path: A file of JSON Lines, plain or gzip.
  /// - Returns: The documents in the order of the file.
  /// - Throws: `FileError` if it cannot be read; `InputError` with the line of a row that is no
  ///   poisoned document, or whose id stands twice.
  public static func read(_ path: FilePath) throws -> [PoisonedDocument] {
    var lines = try LineReader(path)
    var documents: [PoisonedDocument] = []
    var firstLines: [UTF8Key: Int] = [:]
    while let line = try lines.next() {
      if line.isBlank { continue }
      let place = Place(file: lines.name, line: line.number)
      let row = try JSONParser.parse(line, file: lines.name).requiredObject(at: place)
      let document = try PoisonedDocument(Passage(beir: row, at: place), at: place)
      if let first = firstLines.updateValue(line.number, forKey: UTF8Key(document.id)) {
        throw InputError("the id stands in line \(first) already", at: place.inRecord(document.id))
      }
      documents.append(document)
    }
    return documents
  }
}
