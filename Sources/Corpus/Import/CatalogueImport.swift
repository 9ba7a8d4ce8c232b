import Basics
import Glibc
public import SystemPackage

/// Imports what a folder holds of the catalogue's files, recognised by checksum, wherever they lie
/// and whatever they are called.
public struct CatalogueImport: Sendable {
  /// What became of one corpus.
  public enum Outcome: Sendable {
    /// It was imported.
    case imported(ImportReport)
    /// It is installed already and was left as it is.
    case present
    /// Files of its passages are missing.
    case incomplete(missing: [Catalogue.File])
  }

  /// What was done.
  public struct Report: Sendable {
    /// The corpora in the order of the catalogue.
    public var corpora: [(name: String, outcome: Outcome)] = []
    /// The payload kinds installed for every corpus.
    public var payloadKinds: [String] = []
    /// The catalogue's files that were found.
    public var found: [(file: Catalogue.File, path: FilePath)] = []
    /// Query sets left out because a file is missing, as `corpus/set`.
    public var missingSets: [String] = []
  }

  /// Files that are looked at.
  public static let maximumFiles = 100_000
  /// How deep folders may lie in each other.
  public static let maximumDepth = 32

  /// The catalogue.
  public let catalogue: Catalogue
  /// Installs the corpora.
  public let importer: CorpusImporter

  /// An import by a catalogue.
  public init(catalogue: Catalogue, importer: CorpusImporter) {
    self.catalogue = catalogue
    self.importer = importer
  }

  /// Imports every corpus whose passages are all there.
  ///
  /// - Parameters:
  ///   - directory: The folder; links in it are not followed.
  ///   - replacesExisting: Whether corpora that are installed are imported again.
  ///   - progress: Called as reading goes on, with the corpus before the phase.
  /// - Returns: What was done.
  /// - Throws: `FileError` if the folder cannot be read, and what the importer throws.
  public func run(
    _ directory: FilePath, replacesExisting: Bool = false,
    progress: @escaping CorpusImporter.Progress = { _, _ in }
  ) throws -> Report {
    var report = Report()
    report.found = try recognise(directory)
    let found = report.found
    func path(_ key: String) -> FilePath? {
      found.first { utf8Equal($0.file.key, key) }?.path
    }
    func source(_ entry: Catalogue.Source) -> ImportRequest.Source? {
      path(entry.file).map {
        ImportRequest.Source($0, key: entry.key, reader: entry.reader, idPrefix: entry.prefix)
      }
    }

    for corpus in catalogue.corpora {
      let missing = corpus.passages.compactMap {
        path($0.file) == nil ? catalogue.file($0.file) : nil
      }
      guard missing.isEmpty else {
        report.corpora.append((corpus.name, .incomplete(missing: missing)))
        continue
      }
      let target = importer.library.installedDirectory.appending(corpus.name)
      if target.exists, !replacesExisting {
        report.corpora.append((corpus.name, .present))
        continue
      }
      var request = ImportRequest(name: corpus.name, passages: corpus.passages.compactMap(source))
      request.title = corpus.title
      request.description = corpus.description
      request.titleSeparator = corpus.titleSeparator
      request.replacesExisting = replacesExisting
      var used = corpus.passages
      for set in corpus.queries {
        let judgements = corpus.judgements.first { utf8Equal($0.name, set.name) }
        guard let queries = source(set), judgements.map({ path($0.file) != nil }) ?? true else {
          report.missingSets.append("\(corpus.name)/\(set.name)")
          continue
        }
        request.queries.append(ImportRequest.NamedSource(set.name, queries))
        if let judgements, let file = path(judgements.file) {
          request.judgements.append(
            ImportRequest.Judgements(set: set.name, path: file, queryPrefix: judgements.prefix))
          if set.isJudgedOnly { request.judgedOnly.append(set.name) }
        }
        used.append(set)
      }
      request.licence = licences(of: used)
      let imported = try importer.run(request) { progress("\(corpus.name): \($0)", $1) }
      report.corpora.append((corpus.name, .imported(imported)))
    }

    let payloads = catalogue.payloads.compactMap { entry in
      source(entry).map { ImportRequest.NamedSource(entry.name, $0) }
    }
    if !payloads.isEmpty {
      var provenance = JSONObject()
      for entry in catalogue.payloads {
        if let file = catalogue.file(entry.file), path(entry.file) != nil {
          provenance[entry.name] = .string("\(file.origin), \(file.licence)")
        }
      }
      try importer.installSharedPayloads(payloads, provenance: provenance)
      report.payloadKinds = payloads.map(\.name)
    }
    return report
  }

  private func licences(of sources: [Catalogue.Source]) -> String {
    var seen: Set<UTF8Key> = []
    return sources.compactMap { catalogue.file($0.file)?.licence }
      .filter { seen.insert(UTF8Key($0)).inserted }.joined(separator: "; ")
  }

  /// The catalogue's files below a folder; only files of a size that occurs are read.
  private func recognise(_ directory: FilePath) throws -> [(file: Catalogue.File, path: FilePath)] {
    guard directory.isDirectory else {
      throw FileError(
        cannot: "read", directory, errno: directory.exists ? .notDirectory : .noSuchFileOrDirectory,
        exitStatus: .noInput)
    }
    let sizes = Set(catalogue.files.map(\.bytes))
    var paths: [FilePath] = []
    try collect(directory, depth: 0, sizes: sizes, into: &paths)
    var found: [(file: Catalogue.File, path: FilePath)] = []
    for path in paths {
      let sum = try Checksum.sha256(of: path)
      for file in catalogue.files
      where utf8Equal(file.sha256, sum) && !found.contains(where: { $0.file == file }) {
        found.append((file, path))
      }
    }
    return found
  }

  private func collect(
    _ folder: FilePath, depth: Int, sizes: Set<Int>, into paths: inout [FilePath]
  ) throws {
    guard depth <= Self.maximumDepth else {
      throw InputError(
        "more than \(Self.maximumDepth) folders in each other", at: Place(file: folder.shown))
    }
    for name in try DirectoryListing.names(in: folder) {
      let path = folder.appending(name)
      var information = Glibc.stat()
      guard path.withPlatformString({ lstat($0, &information) }) == 0 else { continue }
      switch information.st_mode & S_IFMT {
      case S_IFDIR: try collect(path, depth: depth + 1, sizes: sizes, into: &paths)
      case S_IFREG where sizes.contains(Int(information.st_size)):
        guard paths.count < Self.maximumFiles else {
          throw InputError(
            "more than \(Self.maximumFiles) candidate files", at: Place(file: folder.shown))
        }
        paths.append(path)
      default: continue
      }
    }
  }
}
