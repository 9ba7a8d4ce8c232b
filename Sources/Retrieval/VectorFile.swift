import Basics
import SystemPackage

/// The vectors of one retriever at one state of a store, in a file that is mapped rather than read.
///
/// Derived data: the store is the truth, the file names the state it was made of and the SHA-256 of
/// its content, and one that is missing, of another state or damaged is not used. Layout: a line of
/// JSON padded to a multiple of 64 bytes, `[rows, dimension]` little-endian Float32, `rows` keys of
/// chunks, ascending, little-endian Int64.
struct VectorFile {
  /// `<retriever>.vectors`.
  static let suffix = ".vectors"
  private static let formatName = "ragbench-vectors"
  private static let currentVersion = 1
  private static let alignment = 64
  /// No header is longer.
  private static let headerLimit = 1 << 16

  /// `[rows, dimension]`, mapped.
  let vectors: VectorMatrix
  /// The chunk of each row, ascending.
  let chunks: [Int64]

  /// The file of a retriever.
  ///
  /// - Parameters:
  ///   - retriever: The retriever's name.
  ///   - directory: The corpus's folder.
  /// - Returns: A path in that folder.
  static func path(retriever: String, in directory: FilePath) -> FilePath {
    directory.appending(retriever + suffix)
  }

  /// Maps the file of a retriever.
  ///
  /// - Parameters:
  ///   - identity: The retriever.
  ///   - state: The state of the store.
  ///   - directory: The corpus's folder.
  /// - Returns: nil for a file that is missing, of another identity or state, or damaged: then the
  ///   store has to be read.
  static func current(
    _ identity: RetrieverIdentity, _ state: StoreState, in directory: FilePath
  ) -> VectorFile? {
    let path = path(retriever: identity.model, in: directory)
    guard let file = try? read(path, of: source(identity, state)) else { return nil }
    return file.vectors.dimension == identity.dimension ? file : nil
  }

  /// Writes the file of a retriever.
  ///
  /// - Parameters:
  ///   - vectors: `[chunks, dimension]`.
  ///   - chunks: The chunk of each row, ascending.
  ///   - identity: The retriever.
  ///   - state: The state of the store that they are of.
  ///   - directory: The corpus's folder.
  /// - Throws: `FileError`.
  static func write(
    _ vectors: VectorMatrix, chunks: [Int64], _ identity: RetrieverIdentity, _ state: StoreState,
    in directory: FilePath
  ) throws {
    precondition(chunks.count == vectors.rows, "\(vectors.rows) vectors, \(chunks.count) chunks")
    let keys = chunks.map(\.littleEndian)
    var header = try source(identity, state)
    header["rows"] = JSONValue(vectors.rows)
    header["dimension"] = JSONValue(vectors.dimension)
    var checksum = Checksum.Stream()
    vectors.withValues { checksum.update(UnsafeRawBufferPointer($0)) }
    keys.withUnsafeBytes { checksum.update($0) }
    header["sha256"] = .string(checksum.finish())
    var line = Array(try JSONValue.object(header).serialized().utf8)
    line += repeatElement(UInt8(ascii: " "), count: alignment - 1 - line.count % alignment)
    line.append(UInt8(ascii: "\n"))
    let writer = try AtomicFile.Writer(
      path(retriever: identity.model, in: directory), bufferBytes: 0)
    try line.withUnsafeBytes { try writer.write($0) }
    try vectors.withValues { try writer.write(UnsafeRawBufferPointer($0)) }
    try keys.withUnsafeBytes { try writer.write($0) }
    try writer.commit()
  }

  /// What decides the content; every member is compared.
  private static func source(
    _ identity: RetrieverIdentity, _ state: StoreState
  ) throws -> JSONObject {
    [
      "format": .string(formatName), "version": JSONValue(currentVersion),
      "retriever": .string(try identity.canonicalText),
      "generation": JSONValue(state.generation), "checksum": .string(state.checksum),
    ]
  }

  /// Maps a file and compares it with its checksum.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - source: What it has to be made of; another one is refused before the content is read.
  /// - Returns: The vectors.
  /// - Throws: `InputError` with what is wrong; `FileError` if it cannot be read.
  static func read(_ path: FilePath, of source: JSONObject? = nil) throws -> VectorFile {
    let mapping = try MappedFile(path)
    let place = Place(file: path.shown)
    let newline = UInt8(ascii: "\n")
    guard let end = mapping.bytes.prefix(headerLimit).firstIndex(of: newline) else {
      throw InputError("the file has no header", at: place)
    }
    let header = try JSONParser.parse(Array(mapping.bytes[..<end])).requiredObject(at: place)
    guard try utf8Equal(header.string("format", at: place), formatName),
      try header.int("version", at: place) == currentVersion
    else { throw InputError("no vectors of version \(currentVersion)", at: place) }
    if let source, let other = source.members.first(where: { header[$0] != $1 }) {
      throw InputError("its \(other.0) is another one", at: place)
    }
    let rows = try header.int("rows", at: place)
    let dimension = try header.int("dimension", at: place)
    let start = end + 1
    let content = UnsafeRawBufferPointer(rebasing: mapping.bytes[start...])
    // Bounded, so that the products below cannot overflow.
    guard rows >= 0, dimension > 0, dimension <= 1 << 16, rows < 1 << 40,
      content.count == rows * (4 * dimension + 8), start % alignment == 0
    else {
      throw InputError(
        "\(rows) rows of \(dimension) dimensions do not fill its \(content.count) bytes", at: place)
    }
    guard try utf8Equal(Checksum.sha256(content), header.string("sha256", at: place)) else {
      throw InputError("its content is not as written: the checksum differs", at: place)
    }
    let keys = UnsafeRawBufferPointer(rebasing: content[(4 * rows * dimension)...])
    let chunks = (0..<rows).map {
      Int64(littleEndian: keys.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self))
    }
    let vectors = try VectorMatrix(
      mapping: mapping, byteOffset: start, rows: rows, dimension: dimension)
    return VectorFile(vectors: vectors, chunks: chunks)
  }
}
