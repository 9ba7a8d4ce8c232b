public import Basics

/// A document as the store keeps it.
public struct StoredDocument: Sendable, Equatable {
  /// Its id in the corpus, compared by bytes.
  public var id: String
  /// Its title, empty if it has none.
  public var title: String
  /// Its text, unchanged.
  public var text: String
  /// Whatever else the corpus says about it.
  public var metadata: JSONObject
  /// Its chunks as ranges of Unicode scalars of `text`, in their order.
  public var chunks: [Range<Int>]
  /// The line of the imported file it came from, counted from 1.
  public var line: Int?

  /// A document.
  ///
  /// - Parameters:
  ///   - id: Not empty, at most 1024 bytes, without NUL, tab or line break.
  ///   - title: Without NUL.
  ///   - text: Without NUL.
  ///   - metadata: Members that JSON can hold.
  ///   - chunks: Ranges of scalars of `text`; `nil` makes the whole text one chunk.
  ///   - line: The line of the imported file.
  public init(
    id: String, title: String = "", text: String, metadata: JSONObject = [:],
    chunks: [Range<Int>]? = nil, line: Int? = nil
  ) {
    self.id = id
    self.title = title
    self.text = text
    self.metadata = metadata
    self.chunks = chunks ?? [0..<text.unicodeScalars.count]
    self.line = line
  }
}

/// Where documents came from.
public struct ImportOrigin: Sendable, Equatable {
  /// The run that imported them, a run directory's name for one.
  public var run: String
  /// The file or corpus they were read from.
  public var source: String

  /// An origin.
  public init(run: String, source: String) {
    self.run = run
    self.source = source
  }
}

/// What adding documents did.
public struct AdditionReport: Sendable, Equatable {
  /// Documents that were not there before.
  public var added = 0
  /// Documents that were there with the same content; nothing was done.
  public var unchanged = 0
  /// Documents that took the place of another content.
  public var replaced = 0

  /// A report of nothing done.
  public init() {}
}

/// What removing documents did.
public struct RemovalReport: Sendable, Equatable {
  /// How many documents were removed.
  public var removed = 0
  /// Ids that no document has.
  public var unknown: [String] = []

  /// A report of nothing done.
  public init() {}
}

/// A chunk with the text it stands for.
public struct StoredChunk: Sendable, Equatable {
  /// Its key; never given to another chunk of this store.
  public var key: Int64
  /// The id of its document.
  public var documentID: String
  /// Its position among the document's chunks, from 0.
  public var ordinal: Int
  /// The range of scalars of the document's text.
  public var range: Range<Int>
  /// The title of the document.
  public var title: String
  /// The text of the chunk.
  public var text: String
}

/// A chunk with what its document says beside the text.
public struct StoredPassage: Sendable, Equatable {
  /// The chunk.
  public var chunk: StoredChunk
  /// The document's metadata as JSON text.
  public var metadata: String
  /// Where the document came from.
  public var origin: ImportOrigin
  /// The line of the imported file, if it was read from one.
  public var line: Int?
}

/// The content of a store at one moment.
public struct StoreState: Sendable, Equatable {
  /// Counts the transactions that changed documents; derived files name the one they were made of.
  public var generation: Int
  /// Checksum of all documents and chunk bounds, whatever the order they came in.
  public var checksum: String
  /// The number of documents.
  public var documents: Int
  /// The number of chunks.
  public var chunks: Int

  /// A state.
  public init(generation: Int, checksum: String, documents: Int, chunks: Int) {
    self.generation = generation
    self.checksum = checksum
    self.documents = documents
    self.chunks = chunks
  }
}

extension StoredDocument {
  static let maximumIDBytes = 1024

  /// Refuses what the store or a TREC file cannot hold.
  ///
  /// GRDB would cut a text at a NUL, so stored and embedded text would differ.
  func check() throws {
    guard !id.utf8.isEmpty else { throw StoreError.record(id: "", reason: "the id is empty") }
    guard id.utf8.count <= Self.maximumIDBytes else {
      throw StoreError.record(
        id: id, reason: "the id has \(id.utf8.count) bytes, at most \(Self.maximumIDBytes) can be")
    }
    for byte in id.utf8 where byte == 0 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      let name = [0: "a NUL", 0x09: "a tab", 0x0A: "a line feed"][byte] ?? "a carriage return"
      throw StoreError.record(id: id, reason: "the id holds \(name)")
    }
    for (field, value) in [("title", title), ("text", text)] {
      if let offset = offsetOfNUL(value) {
        throw StoreError.record(id: id, reason: "the \(field) holds a NUL at byte \(offset)")
      }
    }
    if let line, line < 1 {
      throw StoreError.record(id: id, reason: "the line is \(line), lines count from 1")
    }
    guard !chunks.isEmpty else {
      throw StoreError.record(id: id, reason: "it has no chunk; an empty text is one empty chunk")
    }
    let scalars = text.unicodeScalars.count
    for range in chunks where range.lowerBound < 0 || range.upperBound > scalars {
      throw StoreError.record(
        id: id, reason: "the chunk \(range) is not within the \(scalars) scalars of the text")
    }
  }
}

/// The position of the first NUL byte.
func offsetOfNUL(_ text: String) -> Int? {
  let found = text.utf8.withContiguousStorageIfAvailable { bytes in
    bytes.firstIndex(of: 0)
  }
  if let found { return found }
  return text.utf8.enumerated().first { $0.element == 0 }?.offset
}

/// The scalars of a range, `nil` if the text has not so many.
func scalars(of text: String, lower: Int, upper: Int) -> String? {
  guard 0 <= lower, lower <= upper else { return nil }
  // As many scalars as bytes: ASCII, and the common case of one chunk a document.
  if lower == 0, upper == text.utf8.count { return text }
  let scalars = text.unicodeScalars
  guard
    let start = scalars.index(scalars.startIndex, offsetBy: lower, limitedBy: scalars.endIndex),
    let end = scalars.index(start, offsetBy: upper - lower, limitedBy: scalars.endIndex)
  else { return nil }
  return String(scalars[start..<end])
}
