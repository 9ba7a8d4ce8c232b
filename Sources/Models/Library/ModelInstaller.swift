import Basics
import Foundation
import Glibc
public import SystemPackage

/// Puts models into the library: whole, checked and recorded, or not at all.
///
/// A model is put together in a temporary folder beside its place, checked there, and renamed. A
/// kill at any time leaves the library as it was; what had been downloaded is used again.
public struct ModelInstaller: Sendable {
  /// What an installation is doing.
  public enum Progress: Sendable {
    /// The next step, as a phrase.
    case step(String)
    /// Bytes of a file that is coming, and of the whole file if known.
    case bytes(file: String, done: Int, total: Int?)
  }

  /// The library.
  public let library: ModelLibrary
  let catalogue: ModelCatalogue
  let downloader: HTTPDownloader
  let packageDownloader: PackageDownloader
  let report: @Sendable (Progress) -> Void
  let validate: @Sendable (FilePath) throws -> Void

  /// An installer.
  ///
  /// - Parameters:
  ///   - library: Where models go.
  ///   - catalogue: What can be fetched.
  ///   - downloader: For files over HTTP.
  ///   - packageDownloader: For Python packages.
  ///   - report: Told what is going on, also from other threads.
  ///   - validate: The last check: throws if the model in the folder, card included, cannot be
  ///     loaded.
  public init(
    library: ModelLibrary, catalogue: ModelCatalogue, downloader: HTTPDownloader = .init(),
    packageDownloader: PackageDownloader = .init(),
    report: @escaping @Sendable (Progress) -> Void = { _ in },
    validate: @escaping @Sendable (FilePath) throws -> Void
  ) {
    self.library = library
    self.catalogue = catalogue
    self.downloader = downloader
    self.packageDownloader = packageDownloader
    self.report = report
    self.validate = validate
  }

  /// The card that a folder suggests: its own if it has one, else what the files tell.
  ///
  /// - Parameters:
  ///   - directory: The folder of a model.
  ///   - name: The name it will be installed under.
  /// - Returns: A card whose settings may be changed before ``importModel(from:queryFrom:card:pooling:force:)``.
  /// - Throws: `InputError` if the folder's own card is malformed, `FileError` (66) if there is no
  ///   such folder.
  public func proposedCard(for directory: FilePath, name: String) throws -> ModelCard {
    try ModelName.check(name)
    guard directory.appending(ModelCard.fileName).exists else {
      let files = try ModelFiles(in: directory, queryDirectory: nil)
      return ModelCard(name: name, source: directory.shown, kind: files.kind)
    }
    var card = try ModelCard.read(directory)
    card.name = name
    return card
  }

  /// Copies a model from a folder into the library.
  ///
  /// Only the files that a model consists of are copied; weights in other formats stay behind.
  ///
  /// - Parameters:
  ///   - directory: The folder, of Hugging Face's or sentence-transformers' layout.
  ///   - queryDirectory: A second folder with the query encoder, for models of two encoders.
  ///   - card: Name and settings. If it records files, they must be as recorded.
  ///   - pooling: The pooling, for models whose files do not say it.
  ///   - force: Whether a model of this name may be replaced.
  /// - Returns: The card as installed, with a record of every file.
  /// - Throws: `UsageError` (64) for a bad or taken name; `InputError` (65) for a folder without a
  ///   whole model, or what `validate` throws; `FileError`; `LockedError` (75).
  public func importModel(
    from directory: FilePath, queryFrom queryDirectory: FilePath? = nil, card: ModelCard,
    pooling: Pooling? = nil, force: Bool = false
  ) throws -> ModelCard {
    try ModelName.check(card.name)
    var card = card
    if queryDirectory != nil, card.queryDirectory == nil { card.queryDirectory = "query" }
    for folder in [directory, queryDirectory].compactMap({ $0 }) where !folder.isDirectory {
      throw FileError(
        cannot: "read", folder, reason: folder.exists ? "it is no folder" : "it does not exist",
        exitStatus: .noInput)
    }
    let lock = try lockLibrary()
    defer { withExtendedLifetime(lock) {} }
    try refuseTaken(card.name, force: force)
    let inside = queryDirectory == nil ? card.queryDirectory : nil
    let source = try ModelFiles(in: directory, queryDirectory: inside)
    // Before the copy takes its time, and where weights of other formats can be seen.
    try source.checkComplete(kind: card.kind)
    let queries = try queryDirectory.map { try ModelFiles(in: $0, queryDirectory: nil) }
    try queries?.checkComplete(kind: card.kind)
    return try install(card, pooling: pooling) { staging in
      for path in source.paths {
        try copy(directory.appending(path), to: staging.appending(path))
      }
      if let queries, let name = card.queryDirectory {
        for path in queries.paths {
          try copy(queries.directory.appending(path), to: staging.appending(name).appending(path))
        }
      }
    }
  }

  /// Makes a model's folder with what `fill` puts into it, checks it and renames it into place.
  func install(
    _ card: ModelCard, pooling: Pooling?, fill: (FilePath) throws -> Void
  ) throws -> ModelCard {
    let staging = library.directory.appending("\(Self.stagingPrefix)\(getpid())-\(card.name)")
    try removeTree(staging)
    try DirectoryListing.create(staging)
    defer { try? removeTree(staging) }
    try fill(staging)
    try writePooling(pooling, into: staging)
    if let folder = card.queryDirectory {
      try writePooling(pooling, into: staging.appending(folder))
    }
    report(.step("checking \(card.name)"))
    let files = try ModelFiles(in: staging, queryDirectory: card.queryDirectory)
    try files.checkComplete(kind: card.kind)
    var card = card
    let records = try files.records()
    for expected in card.files where !records.contains(expected) {
      let found = records.first { UTF8Key($0.path) == UTF8Key(expected.path) }
      throw InputError(
        "'\(expected.path)' has SHA-256 \(found?.sha256 ?? "of no file"), the card records"
          + " \(expected.sha256)", at: Place(file: card.source))
    }
    card.files = records
    try card.write(to: staging)
    try validate(staging)
    try putInPlace(staging, name: card.name)
    return card
  }

  static let stagingPrefix = ".install-"
  static let asidePrefix = ".replaced-"
  static let downloadsFolder = ".downloads"

  /// Takes the library's lock and removes what dead processes left half done.
  func lockLibrary() throws -> FileLock {
    try DirectoryListing.create(library.directory)
    let lock = try FileLock(library.directory.appending(".lock"))
    if let warning = lock.warning { report(.step(warning)) }
    for name in try DirectoryListing.names(in: library.directory) {
      let path = library.directory.appending(name)
      if name.hasPrefix(Self.asidePrefix) {
        let target = library.path(of: String(name.dropFirst(Self.asidePrefix.count)))
        if target.exists {
          try removeTree(path)
        } else {
          try LiveFileSystem().rename(path, to: target)
        }
      } else if name.hasPrefix(Self.stagingPrefix) {
        try removeTree(path)
      }
    }
    return lock
  }

  private func refuseTaken(_ name: String, force: Bool) throws {
    if !force, library.path(of: name).exists {
      throw UsageError("a model '\(name)' is installed already; --force replaces it")
    }
  }

  /// Renames the new folder into place, an old one aside first.
  ///
  /// A kill between the two renames leaves the old folder aside; the next lock puts it back.
  private func putInPlace(_ staging: FilePath, name: String) throws {
    let files = LiveFileSystem()
    let target = library.path(of: name)
    let aside = library.directory.appending(Self.asidePrefix + name)
    do {
      if target.exists || target.isSymbolicLink { try files.rename(target, to: aside) }
      do {
        try files.rename(staging, to: target)
      } catch {
        try? files.rename(aside, to: target)
        throw error
      }
    } catch let error as Errno {
      throw FileError(cannot: "create", target, errno: error, exitStatus: .cannotCreate)
    }
    syncLibrary()
    try removeTree(aside)
  }

  private func syncLibrary() {
    guard let descriptor = try? FileDescriptor.open(library.directory, .readOnly) else { return }
    _ = fsync(descriptor.rawValue)
    try? descriptor.close()
  }

  /// Copies a regular file; links to it have been followed by the caller's wish.
  private func copy(_ source: FilePath, to target: FilePath) throws {
    try DirectoryListing.create(target.removingLastComponent())
    let file = try MappedFile(source)
    file.willReadSequentially()
    let writer = try AtomicFile.Writer(target)
    for start in stride(from: 0, to: file.bytes.count, by: 8 << 20) {
      let end = min(start + 8 << 20, file.bytes.count)
      try writer.write(UnsafeRawBufferPointer(rebasing: file.bytes[start..<end]))
      report(
        .bytes(
          file: source.lastComponent?.string ?? "", done: end, total: file.bytes.count))
    }
    try writer.commit()
  }

  func removeTree(_ path: FilePath) throws {
    guard path.exists || path.isSymbolicLink else { return }
    do {
      try FileManager.default.removeItem(atPath: path.string)
    } catch {
      throw FileError(
        cannot: "remove", path, reason: error.localizedDescription, exitStatus: .cannotCreate)
    }
  }
}
