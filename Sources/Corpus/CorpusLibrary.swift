public import Basics
public import SystemPackage

/// The corpora of this machine: those that ship with ragbench and those that were imported.
///
/// An imported corpus replaces the bundled one of the same name.
public struct CorpusLibrary: Sendable {
  /// The directory of the corpora that ship with ragbench, `nil` if it was not found.
  public let bundledDirectory: FilePath?
  /// The directory of the imported corpora; it need not exist.
  public let installedDirectory: FilePath

  /// A library over two directories.
  public init(bundled: FilePath?, installed: FilePath) {
    bundledDirectory = bundled
    installedDirectory = installed
  }

  /// The library at the given locations: `corpora` in the home over the corpora that ship.
  public init(_ locations: Locations) {
    self.init(
      bundled: try? locations.shipped("Corpora"), installed: locations.home.appending("corpora"))
  }

  /// The library of this process.
  ///
  /// - Returns: The library.
  /// - Throws: `UsageError` if no home directory is known.
  public static func current() throws -> CorpusLibrary { try CorpusLibrary(Locations.current()) }

  /// All corpora of this process that can be opened, sorted by name.
  public static func list() throws -> [CorpusBundle] { try current().list() }

  /// A corpus of this process by its name.
  ///
  /// - Parameter name: The name.
  /// - Returns: The imported corpus of this name, else the bundled one.
  /// - Throws: `UsageError` for an unknown name; `InputError` or `FileError` if it is damaged.
  public static func bundle(named name: String) throws -> CorpusBundle {
    try current().bundle(named: name)
  }

  /// All corpora that can be opened, sorted by name.
  ///
  /// - Returns: The corpora; one that is damaged is left out (asking for it by its name says
  ///   what is wrong with it).
  /// - Throws: `FileError` if a directory cannot be listed.
  public func list() throws -> [CorpusBundle] {
    try names().compactMap { try? bundle(named: $0) }
  }

  /// The names of all corpora, sorted by bytes.
  ///
  /// - Returns: The names, of damaged corpora too.
  /// - Throws: `FileError` if a directory cannot be listed.
  public func names() throws -> [String] {
    var names: Set<UTF8Key> = []
    for directory in [bundledDirectory, installedDirectory].compactMap({ $0 })
    where directory.isDirectory {
      for name in try DirectoryListing.names(in: directory)
      where CorpusName.isValid(name) && manifestPath(name, in: directory).exists {
        names.insert(UTF8Key(name))
      }
    }
    return names.sorted().map(\.string)
  }

  /// A corpus by its name, the imported one before the bundled one.
  ///
  /// - Parameter name: The name.
  /// - Returns: The corpus.
  /// - Throws: `UsageError` for an unknown name, with the nearest one; `InputError` or `FileError`
  ///   if the corpus is damaged.
  public func bundle(named name: String) throws -> CorpusBundle {
    if CorpusName.isValid(name) {
      let places: [(FilePath?, CorpusBundle.Origin)] = [
        (installedDirectory, .installed), (bundledDirectory, .bundled),
      ]
      for case (let directory?, let origin) in places
      where manifestPath(name, in: directory).exists {
        return try CorpusBundle(
          directory: directory.appending(name), origin: origin, shared: sharedPayloads())
      }
    }
    let names = try names()
    let known =
      names.isEmpty
      ? "; there is none at all, because the directory Corpora that ships with ragbench was not found"
      : NearestName.hint(for: name, in: names) + " (there are: \(names.joined(separator: ", ")))"
    throw UsageError("there is no corpus '\(TerminalText.excerpt(name))'" + known)
  }

  /// The payloads of no corpus: the imported ones, then the bundled ones.
  ///
  /// - Returns: None, one or both.
  /// - Throws: `InputError` or `FileError` if a manifest is damaged.
  public func sharedPayloads() throws -> [SharedPayloads] {
    try [installedDirectory, bundledDirectory].compactMap { directory in
      guard let directory = directory?.appending(SharedPayloads.directoryName),
        directory.appending(SharedPayloads.fileName).exists
      else { return nil }
      return try SharedPayloads(directory: directory)
    }
  }

  private func manifestPath(_ name: String, in directory: FilePath) -> FilePath {
    directory.appending(name).appending(BundleManifest.fileName)
  }
}
