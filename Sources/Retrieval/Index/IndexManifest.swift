import Basics
public import Models
public import SystemPackage

/// What the vectors of an index were made from.
public struct IndexSource: Sendable, Hashable {
  /// Identity of the model that embedded them.
  public var model: String
  /// Generation of the store they were read from.
  public var corpusGeneration: Int
  /// Checksum of the store's content, because a store that was made anew counts from 0 again.
  public var corpusChecksum: String

  /// A model and the content of a store.
  ///
  /// - Parameters:
  ///   - model: Identity of the model.
  ///   - corpusGeneration: Generation of the store.
  ///   - corpusChecksum: Checksum of the store's content.
  public init(model: String, corpusGeneration: Int, corpusChecksum: String) {
    self.model = model
    self.corpusGeneration = corpusGeneration
    self.corpusChecksum = corpusChecksum
  }
}

/// The file beside an index file that says what it is and how its bytes sum up.
///
/// It ends with a checksum of its own, so that a changed byte is noticed here too.
public struct IndexManifest: Sendable, Equatable {
  /// The version of this format that is written and the highest that is read.
  public static let currentVersion = 1
  /// Its name in the directory of the index.
  public static let fileName = "index.json"

  /// FAISS version that wrote the index file.
  public var faissVersion: String
  /// Kind of index.
  public var kind: IndexKind
  /// How vectors are compared.
  public var similarity: Similarity
  /// Values in each vector.
  public var dimension: Int
  /// Number of vectors.
  public var count: Int
  /// The highest id, -1 for an empty index.
  public var highestID: Int64
  /// What the vectors were made from.
  public var source: IndexSource
  /// Size of the index file.
  public var bytes: Int
  /// SHA-256 of the index file, hexadecimal.
  public var sha256: String

  /// The manifest as JSON with its checksum.
  ///
  /// - Returns: UTF-8 text that ends with a newline.
  /// - Throws: Never for a manifest whose numbers are whole.
  public func serialized() throws -> String {
    var object = JSONObject()
    object["format"] = .string(Self.formatName)
    object["version"] = JSONValue(Self.currentVersion)
    object["faiss"] = .string(faissVersion)
    object["kind"] = .string(kind.description)
    object["similarity"] = .string(similarity.rawValue)
    object["dimension"] = JSONValue(dimension)
    object["count"] = JSONValue(count)
    object["highest_id"] = .integer(highestID)
    object["model"] = .string(source.model)
    object["corpus_generation"] = JSONValue(source.corpusGeneration)
    object["corpus_checksum"] = .string(source.corpusChecksum)
    object["bytes"] = JSONValue(bytes)
    object["sha256"] = .string(sha256)
    object["checksum"] = .string(try Self.checksum(of: object))
    return try JSONValue.object(object).serialized(pretty: true) + "\n"
  }

  /// Reads the manifest in a directory.
  ///
  /// - Parameters:
  ///   - directory: The directory of the index.
  ///   - rebuild: The command that makes the index anew, for the error.
  /// - Returns: A manifest whose own checksum is right.
  /// - Throws: `VectorIndexError.file` if it is missing, damaged or of a later version, `FileError`
  ///   if it cannot be read.
  public static func read(from directory: FilePath, rebuild: String) throws -> IndexManifest {
    let path = directory.appending(fileName)
    func refused(_ reason: String) -> VectorIndexError {
      .file(path.shown, reason: reason, rebuild: rebuild)
    }
    do {
      let bytes = try FileBytes.read(path, limit: 1 << 16)
      return try parse(try JSONParser.parse(bytes), refused: refused)
    } catch let error as InputError {
      throw refused(error.message)
    } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
      throw refused("the manifest is missing")
    }
  }

  private static let formatName = "ragbench-index"

  private static func checksum(of object: JSONObject) throws -> String {
    Checksum.sha256(try JSONValue.object(object).serialized())
  }

  private static func parse(
    _ value: JSONValue, refused: (String) -> VectorIndexError
  ) throws -> IndexManifest {
    let object = try value.requiredObject()
    guard try UTF8Key(object.string("format")) == UTF8Key(formatName) else {
      throw refused("it is no manifest of an index")
    }
    let version = try object.int("version")
    guard version == currentVersion else {
      throw refused("format version \(version), this program reads version \(currentVersion)")
    }
    var unsigned = object
    unsigned["checksum"] = nil
    guard try UTF8Key(object.string("checksum")) == UTF8Key(checksum(of: unsigned)) else {
      throw refused("the manifest does not match its own checksum")
    }
    let similarity = try object.string("similarity")
    guard let similarity = Similarity(rawValue: similarity) else {
      throw refused("unknown similarity '\(TerminalText.escaped(similarity))'")
    }
    do {
      let manifest = IndexManifest(
        faissVersion: try object.string("faiss"),
        kind: try IndexKind(parsing: try object.string("kind")),
        similarity: similarity,
        dimension: try object.int("dimension"),
        count: try object.int("count"),
        highestID: Int64(try object.int("highest_id")),
        source: IndexSource(
          model: try object.string("model"),
          corpusGeneration: try object.int("corpus_generation"),
          corpusChecksum: try object.string("corpus_checksum")),
        bytes: try object.int("bytes"),
        sha256: try object.string("sha256"))
      try manifest.kind.validate(dimension: manifest.dimension)
      return manifest
    } catch let error as VectorIndexError {
      throw refused(error.description)
    }
  }
}
