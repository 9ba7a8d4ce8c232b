public import Basics
public import SystemPackage

/// One data file of a bundle, with what it must be.
public struct BundleFile: Sendable, Equatable {
  /// Path below the bundle's directory, with `/`.
  public var path: String
  /// Records in it.
  public var count: Int
  /// Its size in bytes as it lies on disk.
  public var bytes: Int
  /// Its SHA-256 as it lies on disk.
  public var sha256: String

  /// A file of a bundle.
  public init(path: String, count: Int, bytes: Int, sha256: String) {
    self.path = path
    self.count = count
    self.bytes = bytes
    self.sha256 = sha256
  }

  /// Measures a file that lies in a directory.
  ///
  /// - Parameters:
  ///   - path: Path below the directory.
  ///   - directory: The bundle's directory.
  ///   - count: Records in the file.
  /// - Throws: `FileError` if the file cannot be read.
  public init(measuring path: String, in directory: FilePath, count: Int) throws {
    let file = directory.appending(path)
    self.init(
      path: path, count: count, bytes: try Self.size(of: file),
      sha256: try Checksum.sha256(of: file))
  }

  /// The size of a file in bytes; throws if nothing lies there.
  static func size(of path: FilePath) throws -> Int {
    guard let size = path.fileSize else {
      throw FileError(
        cannot: "read", path, errno: .noSuchFileOrDirectory, exitStatus: .noInput)
    }
    return size
  }

  init(json object: JSONObject, at place: Place) throws {
    path = try object.string("file", at: place)
    count = try object.int("count", at: place)
    bytes = try object.int("bytes", at: place)
    sha256 = try object.string("sha256", at: place)
    // A manifest from elsewhere must not lead out of its directory.
    let parts = FilePath(path)
    guard parts.isRelative, !path.isEmpty, !path.utf8.contains(0),
      parts.components.allSatisfy({ $0.kind == .regular })
    else {
      throw InputError(
        "'file': '\(TerminalText.excerpt(path))' leads out of the bundle", at: place)
    }
    guard count >= 0, bytes >= 0 else {
      throw InputError("'\(TerminalText.excerpt(path))': a negative count or size", at: place)
    }
  }

  var json: JSONObject {
    [
      "file": .string(path), "count": JSONValue(count), "bytes": JSONValue(bytes),
      "sha256": .string(sha256),
    ]
  }
}

/// The content of `bundle.json`.
public struct BundleManifest: Sendable, Equatable {
  /// The version of the format that is written.
  public static let format = 1
  /// The name of the manifest's file.
  public static let fileName = "bundle.json"

  /// The name of the corpus.
  public var name: String
  /// What it is, in a few words.
  public var title: String
  /// The licence of the texts.
  public var licence: String
  /// What stands between a passage's title and text where they are embedded as one.
  public var titleSeparator: String
  /// What it is, in sentences.
  public var description: String
  /// The passages.
  public var passages: BundleFile
  /// The query sets in their order.
  public var queries: [(set: String, file: BundleFile)]
  /// The judgements of query sets.
  public var qrels: [(set: String, file: BundleFile)]
  /// The payload kinds that the bundle brings itself.
  public var payloads: [(kind: String, file: BundleFile)]
  /// How the bundle was made: sources with checksums, reader, chunking, sample.
  public var provenance: JSONObject

  /// Equality of everything, in order.
  public static func == (left: BundleManifest, right: BundleManifest) -> Bool {
    left.json == right.json && left.queries.map(\.set) == right.queries.map(\.set)
  }

  var allFiles: [BundleFile] {
    [passages] + queries.map(\.file) + qrels.map(\.file) + payloads.map(\.file)
  }

  /// Reads a manifest.
  ///
  /// - Parameter path: The file.
  /// - Throws: `FileError` if it is missing; `InputError` if it is damaged, of a later format, or
  ///   names a file outside its directory.
  public init(contentsOf path: FilePath) throws {
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    let format = try object.int("format", at: place)
    guard format == Self.format else {
      throw InputError(
        "the bundle has format \(format), this version reads \(Self.format)", at: place)
    }
    name = try object.string("name", at: place)
    try CorpusName.check(name, at: place)
    title = try object.string("title", at: place)
    licence = try object.string("licence", at: place)
    titleSeparator = try object.string("titleSeparator", at: place)
    description = try object.string("description", at: place)
    passages = try BundleFile(
      json: object.object("passages", at: place), at: place.inside("passages"))
    queries = try Self.files(object, "queries", at: place).map { (set: $0, file: $1) }
    qrels = try Self.files(object, "qrels", at: place).map { (set: $0, file: $1) }
    payloads = try Self.files(object, "payloads", at: place).map { (kind: $0, file: $1) }
    provenance = try object.optionalObject("provenance", at: place) ?? JSONObject()
  }

  /// A manifest.
  public init(
    name: String, title: String, licence: String, titleSeparator: String, description: String,
    passages: BundleFile, queries: [(set: String, file: BundleFile)],
    qrels: [(set: String, file: BundleFile)], payloads: [(kind: String, file: BundleFile)],
    provenance: JSONObject
  ) {
    self.name = name
    self.title = title
    self.licence = licence
    self.titleSeparator = titleSeparator
    self.description = description
    self.passages = passages
    self.queries = queries
    self.qrels = qrels
    self.payloads = payloads
    self.provenance = provenance
  }

  static func files(
    _ object: JSONObject, _ key: String, at place: Place
  ) throws -> [(String, BundleFile)] {
    guard let files = try object.optionalObject(key, at: place) else { return [] }
    let place = place.inside(key)
    return try files.keys.map { name in
      try CorpusName.check(name, at: place)
      return (name, try BundleFile(json: files.object(name, at: place), at: place.inside(name)))
    }
  }

  static func json(of files: [(String, BundleFile)]) -> JSONValue {
    .object(JSONObject(files.map { ($0, .object($1.json)) }))
  }

  /// The manifest as it is written.
  public var json: JSONObject {
    var object: JSONObject = [
      "format": JSONValue(Self.format), "name": .string(name), "title": .string(title),
      "licence": .string(licence), "titleSeparator": .string(titleSeparator),
      "description": .string(description), "passages": .object(passages.json),
      "queries": Self.json(of: queries.map { ($0.set, $0.file) }),
      "qrels": Self.json(of: qrels.map { ($0.set, $0.file) }),
      "payloads": Self.json(of: payloads.map { ($0.kind, $0.file) }),
    ]
    if !provenance.isEmpty { object["provenance"] = .object(provenance) }
    return object
  }
}

/// Names of corpora, query sets and payload kinds: they become names of files and directories.
public enum CorpusName {
  /// The longest name in bytes.
  public static let maximumBytes = 64

  /// Whether the name has only lower-case letters, digits, `-`, `.` and `_`, begins with a letter
  /// or digit, and has at most 64 bytes.
  public static func isValid(_ name: String) -> Bool {
    guard let first = name.utf8.first, isAlphanumeric(first),
      name.utf8.count <= maximumBytes
    else { return false }
    return name.utf8.allSatisfy { isAlphanumeric($0) || "-._".utf8.contains($0) }
  }

  /// Refuses a name that a user gave.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - what: What it names, for the message.
  /// - Throws: `UsageError` that states the rule.
  public static func check(_ name: String, of what: String) throws {
    guard isValid(name) else { throw UsageError(message(name, what)) }
  }

  /// Refuses a name that stands in a file.
  static func check(_ name: String, at place: Place) throws {
    guard isValid(name) else { throw InputError(message(name, "name"), at: place) }
  }

  private static func message(_ name: String, _ what: String) -> String {
    "the \(what) '\(TerminalText.excerpt(name))' is not valid: use 1 to \(maximumBytes) lower-case "
      + "letters, digits, '-', '.', '_', beginning with a letter or digit"
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
