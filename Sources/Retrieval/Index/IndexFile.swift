import Basics
import CFaiss
public import Models
public import SystemPackage

/// What an index file must be to be used.
public struct IndexExpectation: Sendable, Hashable {
  /// The model and the store generation of today.
  public var source: IndexSource
  /// Values in each vector.
  public var dimension: Int
  /// How vectors are compared.
  public var similarity: Similarity
  /// The command that makes the index anew; every refusal names it.
  public var rebuild: String

  /// What is expected.
  ///
  /// - Parameters:
  ///   - source: The model and the store generation of today.
  ///   - dimension: Values in each vector.
  ///   - similarity: How vectors are compared.
  ///   - rebuild: The command that makes the index anew.
  public init(source: IndexSource, dimension: Int, similarity: Similarity, rebuild: String) {
    self.source = source
    self.dimension = dimension
    self.similarity = similarity
    self.rebuild = rebuild
  }
}

/// The name of the index file in its directory.
public enum IndexFile {
  /// `index.faiss`; the manifest stands beside it.
  public static let fileName = "index.faiss"
}

extension FaissIndex {
  /// Writes `index.faiss`, then its manifest; see ``EmbeddingIndex/save(to:source:)``.
  ///
  /// A crash between the two leaves a manifest that does not fit, which is refused at loading: the
  /// index is derived data and is built anew.
  @discardableResult
  public func save(to directory: FilePath, source: IndexSource) throws -> IndexManifest {
    try save(to: directory, source: source, files: LiveFileSystem())
  }

  func save(
    to directory: FilePath, source: IndexSource, files: any FileSystem
  ) throws -> IndexManifest {
    let output = IndexOutput(
      try AtomicFile.Writer(
        directory.appending(IndexFile.fileName), bufferBytes: 0, files: files))
    let manifest = try change("save") {
      // Written with FAISS's own parameters, so ours have to be set again.
      defer { state.parameter = nil }
      let status = withExtendedLifetime(output) {
        rbf_write(handle, IndexOutput.sink, Unmanaged.passUnretained(output).toOpaque())
      }
      if let error = output.error { throw error }
      try FaissLibrary.check(status, "save the index")
      return IndexManifest(
        faissVersion: FaissLibrary.version, kind: kind, similarity: similarity,
        dimension: dimension, count: state.ids.count, highestID: state.ids.max() ?? -1,
        source: source, bytes: output.writer.count, sha256: output.checksum.finish())
    }
    let text = try manifest.serialized()
    try output.writer.commit()
    try AtomicFile.write(text, to: directory.appending(IndexManifest.fileName), files: files)
    return manifest
  }

  /// Reads an index after its size, its SHA-256 and its manifest have been checked.
  ///
  /// FAISS 1.7.3 reads damaged files without complaint and crashes when they are searched, so
  /// nothing reaches it that differs by one bit from what was written.
  ///
  /// - Parameters:
  ///   - directory: The directory of the index.
  ///   - expected: What it must be.
  /// - Returns: The index.
  /// - Throws: `VectorIndexError.file`, exit status 65, with the command that rebuilds it;
  ///   `FileError` if it cannot be read.
  public static func load(
    from directory: FilePath, expecting expected: IndexExpectation
  ) throws -> FaissIndex {
    let manifest = try IndexManifest.read(from: directory, rebuild: expected.rebuild)
    let path = directory.appending(IndexFile.fileName)
    func refused(_ reason: String) -> VectorIndexError {
      .file(path.shown, reason: reason, rebuild: expected.rebuild)
    }
    if let difference = manifest.difference(from: expected) { throw refused(difference) }
    let file: MappedFile
    do {
      file = try MappedFile(path)
    } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
      throw refused("the index file is missing")
    }
    guard file.bytes.count == manifest.bytes, let start = file.bytes.baseAddress else {
      throw refused("it has \(file.bytes.count) bytes, the manifest says \(manifest.bytes)")
    }
    let sum = Checksum.sha256(file.bytes)
    guard UTF8Key(sum) == UTF8Key(manifest.sha256) else {
      throw refused("its SHA-256 is \(sum), the manifest says \(manifest.sha256)")
    }
    var read: OpaquePointer?
    do {
      try FaissLibrary.check(rbf_read(start, file.bytes.count, &read), "read the index")
    } catch let error as VectorIndexError {
      throw refused(error.description)
    }
    guard let handle = read else { throw refused("no index was read") }
    do {
      let ids = try checkedIDs(handle, manifest: manifest, refused: refused)
      return FaissIndex(reading: handle, manifest: manifest, ids: ids)
    } catch {
      rbf_free(handle)
      throw error
    }
  }

  /// Compares what FAISS read with the manifest.
  private static func checkedIDs(
    _ handle: OpaquePointer, manifest: IndexManifest, refused: (String) -> VectorIndexError
  ) throws -> Set<Int64> {
    let dimension = Int(rbf_dimension(handle))
    guard dimension == manifest.dimension else {
      throw refused("it has \(dimension) dimensions, the manifest says \(manifest.dimension)")
    }
    let count = Int(rbf_count(handle))
    guard count == manifest.count, count >= 0 else {
      throw refused("it has \(count) vectors, the manifest says \(manifest.count)")
    }
    var metric = RBF_L2
    let expected = manifest.similarity == .l2 ? RBF_L2 : RBF_INNER_PRODUCT
    guard rbf_metric_of(handle, &metric) == RBF_OK, metric == expected else {
      throw refused("its metric is not \(manifest.similarity.rawValue)")
    }
    guard (rbf_is_graph(handle) != 0) == manifest.kind.isGraph else {
      throw refused("its kind is not \(manifest.kind)")
    }
    var ids = [Int64](repeating: 0, count: count)
    try FaissLibrary.check(rbf_ids(handle, &ids), "list the ids")
    let distinct = Set(ids)
    guard distinct.count == count else { throw refused("an id stands twice in it") }
    let lowest = distinct.min() ?? 0
    let highest = distinct.max() ?? -1
    guard lowest >= 0, highest == manifest.highestID else {
      throw refused(
        "its ids are \(lowest) to \(highest), the manifest says 0 to"
          + " \(manifest.highestID)")
    }
    return distinct
  }
}

extension IndexManifest {
  /// The first difference from what is expected, with both values, or nil.
  fileprivate func difference(from expected: IndexExpectation) -> String? {
    func differ(_ what: String, _ found: some Any, _ wanted: some Any) -> String {
      "\(what) is \(TerminalText.escaped("\(found)")), expected"
        + " \(TerminalText.escaped("\(wanted)"))"
    }
    if UTF8Key(source.model) != UTF8Key(expected.source.model) {
      return differ("model", source.model, expected.source.model)
    }
    if source.corpusGeneration != expected.source.corpusGeneration {
      return differ(
        "corpus generation", source.corpusGeneration, expected.source.corpusGeneration)
    }
    if UTF8Key(source.corpusChecksum) != UTF8Key(expected.source.corpusChecksum) {
      return differ("corpus checksum", source.corpusChecksum, expected.source.corpusChecksum)
    }
    if dimension != expected.dimension {
      return differ("dimension", dimension, expected.dimension)
    }
    if similarity != expected.similarity {
      return differ("similarity", similarity.rawValue, expected.similarity.rawValue)
    }
    if UTF8Key(faissVersion) != UTF8Key(FaissLibrary.version) {
      return differ("FAISS version", faissVersion, FaissLibrary.version)
    }
    return nil
  }
}

/// Where the shim's bytes go: to the file and into the checksum.
private final class IndexOutput {
  let writer: AtomicFile.Writer
  var checksum = Checksum.Stream()
  var error: (any Error)?

  init(_ writer: AtomicFile.Writer) { self.writer = writer }

  static let sink: @convention(c) (UnsafeMutableRawPointer?, UnsafeRawPointer, Int) -> Int32 = {
    context, bytes, count in
    guard let context else { return 1 }
    let output = Unmanaged<IndexOutput>.fromOpaque(context).takeUnretainedValue()
    let piece = UnsafeRawBufferPointer(start: bytes, count: count)
    do {
      try output.writer.write(piece)
      output.checksum.update(piece)
      return 0
    } catch {
      output.error = error
      return 1
    }
  }
}
