public import Basics
import Corpus
import Glibc
import Models
import SystemPackage

/// Examines everything that is installed and was made on this machine.
///
/// Nothing is repaired; only temporary files of processes that are gone are removed, as every
/// writer does.
public struct Doctor: Sendable {
  /// What kind of thing was examined.
  public enum Area: String, Sendable, CaseIterable {
    /// Installed models against their checksums.
    case models
    /// Bundled and installed corpora against their checksums.
    case corpora
    /// Stores and index files.
    case indexes
    /// The cache of embeddings.
    case caches
    /// Run directories.
    case runs
    /// Files that processes left which are gone.
    case temporaries
  }

  /// Something that is not as it should be.
  public struct Finding: Sendable, Equatable {
    /// What kind of thing it is.
    public let area: Area
    /// Its name or path, safe for a terminal.
    public let subject: String
    /// What is wrong.
    public let problem: String
    /// What to do.
    public let advice: String
    /// Whether data is damaged; else something waits to be done or can be tidied up.
    public let isDamage: Bool
  }

  private let locations: Locations

  /// A doctor for the data at these locations.
  public init(_ locations: Locations) { self.locations = locations }

  /// Examines one area.
  ///
  /// - Parameters:
  ///   - area: What to examine.
  ///   - begin: Called with the name of each thing before it is examined.
  /// - Returns: What was found, none if all is sound.
  /// - Throws: `FileError` if a folder cannot be listed.
  public func examine(_ area: Area, begin: (String) -> Void = { _ in }) throws -> [Finding] {
    switch area {
    case .models: models(begin)
    case .corpora: try corpora(begin)
    case .indexes: try indexes(begin)
    case .caches: caches(begin)
    case .runs: try runs(begin)
    case .temporaries: temporaries()
    }
  }

  private func models(_ begin: (String) -> Void) -> [Finding] {
    let library = ModelLibrary(locations)
    return library.names().flatMap { name in
      begin(name)
      func damage(_ problem: String) -> Finding {
        Finding(
          area: .models, subject: TerminalText.escaped(name), problem: problem,
          advice: "ragbench model fetch \(name) --force, or import it again with --force",
          isDamage: true)
      }
      do {
        return try library.verify(name).map { damage($0.description) }
      } catch {
        return [damage("\(error)")]
      }
    }
  }

  private func corpora(_ begin: (String) -> Void) throws -> [Finding] {
    let library = CorpusLibrary(locations)
    return try library.names().compactMap { name in
      begin(name)
      do {
        try library.bundle(named: name).verify()
        return nil
      } catch {
        let isInstalled = library.installedDirectory.appending(name).exists
        return Finding(
          area: .corpora, subject: TerminalText.escaped(name), problem: "\(error)",
          advice: isInstalled
            ? "ragbench corpus import \(name) … --force" : "install ragbench again",
          isDamage: true)
      }
    }
  }

  private func indexes(_ begin: (String) -> Void) throws -> [Finding] {
    let library = CorpusLibrary(locations)
    let bundles = try library.list()
    return try IndexFolder.all(in: locations.indexes).flatMap { folder -> [Finding] in
      let name = folder.path.lastComponent?.string ?? folder.path.string
      begin(name)
      let bundle = bundles.first {
        CorpusIndexBuilder.directory(of: $0, in: locations.indexes) == folder.path
      }
      let build = "ragbench index build --corpus \(bundle?.name ?? "…")"
      func finding(_ problem: String, _ advice: String, isDamage: Bool) -> Finding {
        Finding(
          area: .indexes, subject: TerminalText.escaped(name), problem: problem, advice: advice,
          isDamage: isDamage)
      }
      var findings: [Finding] = []
      do {
        findings = try folder.verify().map { found in
          let file = found.path.lastComponent?.string ?? ""
          let isStore = file == DocumentStore.fileName
          let advice =
            !found.isDamage
            ? build
            : isStore
              ? "remove '\(folder.path.shown)', then \(build)"
              : "remove '\(found.path.shown)', then \(build)"
                + (file.hasSuffix(VectorFile.suffix) ? "" : " --kind …")
          return finding(
            "\(TerminalText.escaped(file)): \(found.problem)", advice, isDamage: found.isDamage)
        }
      } catch {
        findings = [finding("\(error)", "try again later", isDamage: false)]
      }
      if bundle == nil {
        findings.append(
          finding(
            "no corpus has the passages it was made of",
            "remove '\(folder.path.shown)' if that corpus is not coming back", isDamage: false))
      }
      return findings
    }
  }

  private func caches(_ begin: (String) -> Void) -> [Finding] {
    let path = locations.caches.appending(EmbeddingCache.fileName)
    begin(EmbeddingCache.fileName)
    do {
      return try EmbeddingCache.verify(path).map {
        Finding(
          area: .caches, subject: EmbeddingCache.fileName, problem: $0,
          advice: "remove '\(path.shown)'; embeddings are computed again", isDamage: true)
      }
    } catch {
      return [
        Finding(
          area: .caches, subject: EmbeddingCache.fileName, problem: "not checked: \(error)",
          advice: "run the command as a user who may write there", isDamage: false)
      ]
    }
  }

  private func runs(_ begin: (String) -> Void) throws -> [Finding] {
    guard locations.runs.isDirectory else { return [] }
    return try DirectoryListing.names(in: locations.runs).compactMap { name in
      let path = locations.runs.appending(name)
      guard path.appending("run.json").exists else { return nil }
      begin(name)
      do {
        let record = try RunRecord(path)
        guard !record.isFinished, !Self.isRunning(path) else { return nil }
        return Finding(
          area: .runs, subject: TerminalText.escaped(name), problem: "the run is not finished",
          advice: "repeat its command with --output '\(path.shown)' to go on, or remove it",
          isDamage: false)
      } catch {
        return Finding(
          area: .runs, subject: TerminalText.escaped(name), problem: "\(error)",
          advice: "repeat its command with --force, or remove '\(path.shown)'", isDamage: true)
      }
    }
  }

  /// Whether a process holds the lock of a run directory; asking leaves the file as it is.
  private static func isRunning(_ path: FilePath) -> Bool {
    let descriptor = path.appending("lock").withPlatformString {
      open($0, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    }
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }

  private func temporaries() -> [Finding] {
    let folders = [
      locations.home, locations.models, locations.indexes, locations.caches, locations.runs,
      locations.home.appending("corpora"),
    ]
    var removed: [FilePath] = []
    for folder in folders where folder.isDirectory {
      removed += AtomicFile.removeAbandoned(in: folder)
      for name in (try? DirectoryListing.names(in: folder)) ?? [] {
        let inner = folder.appending(name)
        guard inner.isDirectory, !inner.isSymbolicLink else { continue }
        removed += AtomicFile.removeAbandoned(in: inner)
        for name in (try? DirectoryListing.names(in: inner)) ?? []
        where inner.appending(name).isDirectory && !inner.appending(name).isSymbolicLink {
          removed += AtomicFile.removeAbandoned(in: inner.appending(name))
        }
      }
    }
    // A folder of the list may stand inside another one.
    return Array(Set(removed.map { UTF8Key($0.shown) })).sorted().map {
      Finding(
        area: .temporaries, subject: $0.string, problem: "a process that ended left this file",
        advice: "nothing: it was removed", isDamage: false)
    }
  }
}
