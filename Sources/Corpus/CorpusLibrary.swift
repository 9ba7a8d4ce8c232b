import Basics
import Glibc
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

  /// The library of this process: `$RAGBENCH_HOME/corpora` over the corpora that ship.
  public static var standard: CorpusLibrary {
    CorpusLibrary(
      bundled: DataFolders.shipped?.appending("Corpora"),
      installed: DataFolders.home.appending("corpora"))
  }

  /// All corpora of ``standard``; see ``list()-swift.method``.
  public static func list() throws -> [CorpusBundle] { try standard.list() }

  /// A corpus of ``standard``; see ``bundle(named:)-swift.method``.
  public static func bundle(named name: String) throws -> CorpusBundle {
    try standard.bundle(named: name)
  }

  /// All corpora that can be opened, sorted by name.
  ///
  /// - Returns: The corpora; one that is damaged is left out (``bundle(named:)-swift.method`` says
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
    where LocalFiles.isDirectory(directory) {
      for name in try DirectoryListing.names(in: directory)
      where CorpusName.isValid(name) && LocalFiles.exists(manifestPath(name, in: directory)) {
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
      where LocalFiles.exists(manifestPath(name, in: directory)) {
        return try CorpusBundle(
          directory: directory.appending(name), origin: origin, shared: sharedPayloads())
      }
    }
    let names = try names()
    guard let nearest = Spelling.nearest(to: name, among: names) else {
      throw UsageError(
        "there is no corpus '\(TerminalText.excerpt(name))', nor any other; the directory Corpora "
          + "that ships with ragbench was not found")
    }
    throw UsageError(
      "there is no corpus '\(TerminalText.excerpt(name))'; nearest: '\(nearest)' "
        + "(there are: \(names.joined(separator: ", ")))")
  }

  /// The payloads of no corpus: the imported ones, then the bundled ones.
  ///
  /// - Returns: None, one or both.
  /// - Throws: `InputError` or `FileError` if a manifest is damaged.
  public func sharedPayloads() throws -> [SharedPayloads] {
    try [installedDirectory, bundledDirectory].compactMap { directory in
      guard let directory = directory?.appending(SharedPayloads.directoryName),
        LocalFiles.exists(directory.appending(SharedPayloads.fileName))
      else { return nil }
      return try SharedPayloads(directory: directory)
    }
  }

  private func manifestPath(_ name: String, in directory: FilePath) -> FilePath {
    directory.appending(name).appending(BundleManifest.fileName)
  }
}

/// Where the data of ragbench lies.
public enum DataFolders {
  /// `$RAGBENCH_HOME`, else `$XDG_DATA_HOME/ragbench`, else `~/.local/share/ragbench`.
  public static var home: FilePath {
    if let home = environment("RAGBENCH_HOME") { return FilePath(home) }
    if let data = environment("XDG_DATA_HOME") { return FilePath(data).appending("ragbench") }
    return FilePath(environment("HOME") ?? ".").appending(".local/share/ragbench")
  }

  /// What ships with the binary: `<prefix>/share/ragbench`, else the checkout that the binary was
  /// built in or that the process was started in; `nil` if neither is there.
  public static var shipped: FilePath? {
    var starts: [FilePath] = []
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let length = readlink("/proc/self/exe", &buffer, Int(PATH_MAX))
    if length > 0 { starts.append(FilePath(platformString: buffer).removingLastComponent()) }
    if getcwd(&buffer, buffer.count) != nil { starts.append(FilePath(platformString: buffer)) }
    for start in starts {
      var folder = start
      while true {
        for candidate in [folder, folder.appending("share/ragbench")]
        where LocalFiles.exists(candidate.appending("Corpora/catalogue.json")) {
          return candidate
        }
        guard folder.removeLastComponent() else { break }
      }
    }
    return nil
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }
}
