import Basics
public import Corpus
public import SystemPackage

extension CorpusIndexBuilder {
  /// Adds passages of a file to the store of a corpus; the corpus itself stays as it is.
  ///
  /// The file is read to its end first: if a record is malformed, nothing is added. A passage that
  /// is there with the same content is left alone, so an interrupted call is resumed by repeating
  /// it. Vectors of the new passages are made by the next `build`.
  ///
  /// - Parameters:
  ///   - file: BEIR JSON Lines: `_id`, `title`, `text`, `metadata`; `.gz` is read.
  ///   - bundle: The corpus.
  ///   - indexes: The folder of all indexes.
  ///   - replacing: Whether a passage of another content under the same id is replaced.
  ///   - wait: How long to wait for another process that writes.
  /// - Returns: How many were new, unchanged or replaced.
  /// - Throws: `ImportRefused` with the malformed records; `StoreError.conflict`; `LockedError`.
  public static func addPassages(
    of file: FilePath, to bundle: CorpusBundle, in indexes: FilePath, replacing: Bool = false,
    wait: Duration = .zero
  ) throws -> AdditionReport {
    let rejects = RejectLog()
    var lines: [UTF8Key: Int] = [:]
    var documents: [StoredDocument] = []
    let reader = ReaderKind.beir.reader
    try reader.forEachPassage(in: file, key: nil, rejects: rejects) { passage, place in
      let place = place.inRecord(passage.id)
      if let first = lines.updateValue(place.line ?? 0, forKey: UTF8Key(passage.id)) {
        throw InputError("the id stands in line \(first) already", at: place)
      }
      let document = StoredDocument(
        id: passage.id, title: passage.title, text: passage.text, metadata: passage.metadata,
        line: place.line)
      do {
        try document.check()
      } catch let error as StoreError {
        throw InputError(error.description, at: place)
      }
      documents.append(document)
    }
    try rejects.finish()
    let store = try writableStore(of: bundle, in: indexes, wait: wait)
    defer { try? store.close() }
    return try store.addDocuments(
      documents, from: ImportOrigin(run: "index add", source: file.string), replacing: replacing)
  }

  /// Removes passages from the store of a corpus; the corpus itself stays as it is.
  ///
  /// - Parameters:
  ///   - ids: Ids of passages.
  ///   - bundle: The corpus.
  ///   - indexes: The folder of all indexes.
  ///   - wait: How long to wait for another process that writes.
  /// - Returns: How many were removed, and the ids that no passage has.
  /// - Throws: `LockedError` if another process writes; `StoreError`.
  public static func removePassages(
    _ ids: [String], from bundle: CorpusBundle, in indexes: FilePath, wait: Duration = .zero
  ) throws -> RemovalReport {
    let store = try writableStore(of: bundle, in: indexes, wait: wait)
    defer { try? store.close() }
    return try store.remove(ids)
  }

  /// Makes the postings of BM25 and stores them, unless they are of the present content.
  ///
  /// - Parameters:
  ///   - bundle: The corpus.
  ///   - indexes: The folder of all indexes.
  ///   - wait: How long to wait for another process that writes.
  /// - Throws: `LockedError` if another process writes; `StoreError`.
  public static func updatePostings(
    of bundle: CorpusBundle, in indexes: FilePath, wait: Duration = .zero
  ) throws {
    let directory = directory(of: bundle, in: indexes)
    if DocumentStore.exists(in: directory), isImported(directory) {
      let store = try DocumentStore.open(in: directory)
      defer { try? store.close() }
      if try store.hasCurrentPostings() { return }
    }
    let store = try writableStore(of: bundle, in: indexes, wait: wait)
    defer { try? store.close() }
    try store.updatePostings()
  }
}
