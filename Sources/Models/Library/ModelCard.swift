import Basics
public import SystemPackage

/// What ragbench knows of an installed model beside the model's own files: `ragbench.json`.
///
/// A model lies in `$RAGBENCH_HOME/models/<name>/` with its files as they were published.
public struct ModelCard: Sendable, Equatable {
  /// What the model does.
  public enum Kind: String, Sendable, CaseIterable {
    /// A transformer encoder, which turns text into vectors.
    case transformer
    /// One vector a token, pooled; no context.
    case `static`
    /// A language model, which writes text and makes no vectors.
    case generator
  }

  /// A file of the model, as it was when it was installed.
  public struct FileRecord: Sendable, Equatable {
    /// Path relative to the model's folder, parts separated by `/`.
    public var path: String
    /// Size in bytes.
    public var bytes: Int
    /// SHA-256 as 64 lower-case hexadecimal digits.
    public var sha256: String

    /// A record.
    public init(path: String, bytes: Int, sha256: String) {
      self.path = path
      self.bytes = bytes
      self.sha256 = sha256
    }

    /// Whether the file is more than a text for people: no Markdown, licence or notice.
    var decidesEmbeddings: Bool {
      let name = path.split(separator: "/").last ?? ""
      if name.hasSuffix(".safetensors") || name.hasSuffix(".json") { return true }
      return !name.lowercased().hasSuffix(".md") && !name.hasPrefix("LICENSE")
        && !name.hasPrefix("NOTICE")
    }
  }

  /// The version of the format that this ragbench reads and writes.
  public static let currentFormat = 1
  /// The name of the file in the model's folder.
  public static let fileName = "ragbench.json"
  /// Bytes of a card that are accepted.
  public static let maximumBytes = 4 << 20

  /// The version of the format, 1.
  public var format: Int
  /// The name that `--retriever` takes; see ``ModelName``. Compared in another way than its own, the
  /// model is called `NAME@SIMILARITY`.
  public var name: String
  /// A title for people.
  public var title: String
  /// The licence, `unknown` if none is known.
  public var licence: String
  /// Where the files came from.
  public var source: String
  /// What the model does.
  public var kind: Kind
  /// The similarity the model was trained for; `nil`: as `config_sentence_transformers.json` says,
  /// else cosine when the model normalises, else the inner product.
  public var similarity: Similarity?
  /// How title and text of a passage become the model's input.
  public var passageForm: PassageForm
  /// A sub-folder with a query encoder of its own, `nil` if one encoder does both.
  public var queryDirectory: String?
  /// Tokens after which a query is cut; `nil`: as the model's files say.
  public var queryMaximumTokens: Int?
  /// Tokens after which a passage is cut; `nil`: as the model's files say.
  public var passageMaximumTokens: Int?
  /// Text put before a query; `nil`: as the model's files say.
  public var queryPrompt: String?
  /// Text put before a passage; `nil`: as the model's files say.
  public var passagePrompt: String?
  /// Whether NaN and infinities in weights are let through, for studies.
  public var allowsNonFinite = false
  /// The model's files without the card, sorted by path.
  public var files: [FileRecord]

  /// A card of the current format.
  ///
  /// - Parameters:
  ///   - name: The name that `--retriever` takes.
  ///   - title: A title for people; the name if `nil`.
  ///   - licence: The licence.
  ///   - source: Where the files came from.
  ///   - kind: What the model does.
  ///   - similarity: The similarity; `nil` as the model's files say.
  ///   - passageForm: How a passage becomes the model's input.
  ///   - queryDirectory: A sub-folder with a query encoder.
  ///   - queryMaximumTokens: Tokens after which a query is cut.
  ///   - passageMaximumTokens: Tokens after which a passage is cut.
  ///   - queryPrompt: Text put before a query.
  ///   - passagePrompt: Text put before a passage.
  ///   - files: The model's files.
  public init(
    name: String, title: String? = nil, licence: String = "unknown", source: String = "unknown",
    kind: Kind = .transformer, similarity: Similarity? = nil, passageForm: PassageForm = .joined,
    queryDirectory: String? = nil, queryMaximumTokens: Int? = nil,
    passageMaximumTokens: Int? = nil, queryPrompt: String? = nil, passagePrompt: String? = nil,
    files: [FileRecord] = []
  ) {
    format = Self.currentFormat
    self.name = name
    self.title = title ?? name
    self.licence = licence
    self.source = source
    self.kind = kind
    self.similarity = similarity
    self.passageForm = passageForm
    self.queryDirectory = queryDirectory
    self.queryMaximumTokens = queryMaximumTokens
    self.passageMaximumTokens = passageMaximumTokens
    self.queryPrompt = queryPrompt
    self.passagePrompt = passagePrompt
    self.files = files
  }

  /// Reads the card in a model's folder; the other files are not looked at.
  ///
  /// - Parameter directory: The model's folder.
  /// - Returns: The card.
  /// - Throws: `FileError` (66) if there is none; `InputError` (65) naming the key for a card that
  ///   is malformed, of another format, or has an unknown key.
  public static func read(_ directory: FilePath) throws -> ModelCard {
    let path = directory.appending(fileName)
    let bytes = try FileBytes.read(path, limit: maximumBytes)
    let place = Place(file: path.shown)
    let value = try JSONParser.parse(bytes, file: path.shown)
    return try ModelCard(json: value.requiredObject(at: place), at: place)
  }

  /// Writes the card into a model's folder; a reader sees the old card or this one.
  ///
  /// - Parameter directory: The model's folder.
  /// - Throws: `FileError`; `InputError` if the card is not one that `read` would take.
  public func write(to directory: FilePath) throws {
    let path = directory.appending(Self.fileName)
    // What cannot be read back must not be written.
    _ = try ModelCard(json: json, at: Place(file: path.shown))
    try AtomicFile.write(JSONValue.object(json).serialized(pretty: true) + "\n", to: path)
  }
}
