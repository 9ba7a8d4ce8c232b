import Basics
public import SystemPackage

/// Public corpora that are known by the checksums of their files: `Corpora/catalogue.json`.
public struct Catalogue: Sendable {
  /// A file that can be obtained.
  public struct File: Sendable, Equatable {
    /// Its key in the catalogue.
    public var key: String
    /// The name under which it is published here.
    public var name: String
    /// Its size in bytes.
    public var bytes: Int
    /// Its SHA-256.
    public var sha256: String
    /// The licence.
    public var licence: String
    /// Where to obtain it.
    public var origin: String
  }

  /// A use of a file.
  public struct Source: Sendable, Equatable {
    /// The set or kind it gives, empty for passages.
    public var name: String
    /// The file.
    public var file: String
    /// Its format, `nil` for judgements.
    public var reader: ReaderKind?
    /// The set or member in the file.
    public var key: String?
    /// Put before the identifier of every record; for judgements before that of every query.
    public var prefix: String
    /// Whether only queries with a judgement are kept.
    public var isJudgedOnly: Bool
  }

  /// A corpus that can be made of files.
  public struct Corpus: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// What it is, in a few words.
    public var title: String
    /// What it is, in sentences.
    public var description: String
    /// What stands between title and text.
    public var titleSeparator: String
    /// The passages.
    public var passages: [Source]
    /// The query sets.
    public var queries: [Source]
    /// The judgements, by query set.
    public var judgements: [Source]
  }

  /// The files.
  public let files: [File]
  /// The corpora.
  public let corpora: [Corpus]
  /// The payload kinds that every corpus gets.
  public let payloads: [Source]

  /// Reads a catalogue.
  ///
  /// - Parameter path: `catalogue.json`.
  /// - Throws: `FileError` if it is missing, `InputError` if it is malformed or names a file that
  ///   it does not list.
  public init(contentsOf path: FilePath) throws {
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    let files = try object.object("files", at: place)
    self.files = try files.keys.map { key in
      let here = place.inside("files").inside(key)
      let file = try files.object(key, at: place.inside("files"))
      return File(
        key: key, name: try file.string("name", at: here), bytes: try file.int("bytes", at: here),
        sha256: try file.string("sha256", at: here), licence: try file.string("licence", at: here),
        origin: try file.string("origin", at: here))
    }
    let known = Set(files.keys.map { UTF8Key($0) })
    func sources(_ object: JSONObject, _ key: String, at place: Place) throws -> [Source] {
      let named = try object.optionalObject(key, at: place) ?? JSONObject()
      return try named.keys.map { name in
        try Source(
          name, named.object(name, at: place.inside(key)), files: known,
          at: place.inside(key).inside(name))
      }
    }
    corpora = try object.objects("corpora", at: place).enumerated().map { index, corpus in
      let here = place.inside("corpora").inside(String(index))
      let passages = try corpus.objects("passages", at: here).enumerated().map {
        try Source("", $1, files: known, at: here.inside("passages").inside(String($0)))
      }
      return Corpus(
        name: try corpus.string("name", at: here), title: try corpus.string("title", at: here),
        description: try corpus.string("description", at: here),
        titleSeparator: try corpus.string("titleSeparator", at: here), passages: passages,
        queries: try sources(corpus, "queries", at: here),
        judgements: try sources(corpus, "judgements", at: here))
    }
    payloads = try sources(object, "payloads", at: place)
  }

  /// The file of a key.
  func file(_ key: String) -> File? { files.first { utf8Equal($0.key, key) } }
}

extension Catalogue.Source {
  fileprivate init(
    _ name: String, _ object: JSONObject, files: Set<UTF8Key>, at place: Place
  ) throws {
    self.name = name
    file = try object.string("file", at: place)
    guard files.contains(UTF8Key(file)) else {
      throw InputError("'file': '\(TerminalText.excerpt(file))' is not among the files", at: place)
    }
    let readerName = try object.optionalString("reader", at: place)
    reader = readerName.flatMap(ReaderKind.init(rawValue:))
    if let readerName, reader == nil {
      throw InputError(
        "'reader': there is no reader '\(TerminalText.excerpt(readerName))'", at: place)
    }
    key = try object.optionalString("key", at: place)
    prefix = try object.optionalString("prefix", at: place) ?? ""
    isJudgedOnly = try object["judgedOnly"] != nil && object.bool("judgedOnly", at: place)
  }
}
