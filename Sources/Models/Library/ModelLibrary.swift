public import Basics
import Foundation
public import SystemPackage

/// A model found in the library or at a path, ready to be loaded.
public struct ModelDirectory: Sendable, Equatable {
  /// The folder.
  public let path: FilePath
  /// Its card, with a record of every file.
  public fileprivate(set) var card: ModelCard

  /// SHA-256 over the card, which has the checksum of every file: what a run that is resumed compares.
  public var fingerprint: String {
    Checksum.sha256((try? JSONValue.object(card.json).serialized()) ?? card.name)
  }

  /// A folder whose card is at hand.
  public init(path: FilePath, card: ModelCard) {
    self.path = path
    self.card = card
  }
}

/// A folder of the library.
public struct InstalledModel: Sendable {
  /// The folder's name.
  public let name: String
  /// The folder.
  public let path: FilePath
  /// The card, `nil` if it cannot be used.
  public let card: ModelCard?
  /// Why the model cannot be used, `nil` if it can.
  public let fault: String?
  /// Bytes of all files as the card records them, 0 without a card.
  public var bytes: Int { card?.files.reduce(0) { $0 + $1.bytes } ?? 0 }
}

/// A file of an installed model that is not as the card records it.
public struct ModelFileFault: Sendable, Equatable, CustomStringConvertible {
  /// What is wrong.
  public enum Kind: Sendable, Equatable {
    /// It is not there or no regular file.
    case missing
    /// It has another size.
    case size(expected: Int, found: Int)
    /// It has the right size and another content.
    case checksum(expected: String, found: String)
  }

  /// Path relative to the model's folder.
  public let path: String
  /// What is wrong.
  public let kind: Kind

  /// One clause with both values.
  public var description: String {
    let shown = "'\(TerminalText.escaped(path))'"
    return switch kind {
    case .missing: "\(shown) is missing"
    case .size(let expected, let found): "\(shown) has \(found) bytes, expected \(expected)"
    case .checksum(let expected, let found):
      "\(shown) has SHA-256 \(found), expected \(expected)"
    }
  }
}

/// The installed models: one folder each, with the model's files and its card.
public struct ModelLibrary: Sendable {
  /// The folder of all models.
  public let directory: FilePath

  /// A library in a folder, which need not exist yet.
  public init(directory: FilePath) { self.directory = directory }

  /// The library of the user.
  public init(_ locations: Locations) { self.init(directory: locations.models) }

  /// The folder of a model, whether it is there or not.
  public func path(of name: String) -> FilePath { directory.appending(name) }

  /// Whether something is installed under a name.
  public func contains(_ name: String) -> Bool {
    ModelName.fault(name) == nil && path(of: name).appending(ModelCard.fileName).exists
  }

  /// The card of an installed model.
  ///
  /// Sizes of all files are compared with the card; contents only by ``verify(_:)``, because
  /// reading the weights would take longer than a query.
  ///
  /// - Parameter name: The model's name.
  /// - Returns: The card.
  /// - Throws: `UsageError` (64) if it is not installed, `InputError` (65) if it is damaged.
  public func card(named name: String) throws -> ModelCard {
    try ModelName.check(name)
    guard contains(name) else {
      throw UsageError(
        "the model '\(name)' is not installed" + NearestName.hint(for: name, in: names()))
    }
    return try Self.checkedCard(path(of: name), name: name)
  }

  /// The names of all installed models, sorted by bytes.
  public func names() -> [String] {
    let names = (try? DirectoryListing.names(in: directory)) ?? []
    return names.filter { contains($0) }
  }

  /// All installed models, damaged ones with what is wrong, sorted by name.
  ///
  /// - Returns: The models; none if the library does not exist.
  public func list() -> [InstalledModel] {
    names().map { name in
      let path = path(of: name)
      do {
        let card = try Self.checkedCard(path, name: name)
        return InstalledModel(name: name, path: path, card: card, fault: nil)
      } catch {
        return InstalledModel(name: name, path: path, card: nil, fault: "\(error)")
      }
    }
  }

  /// Reads every file of a model and compares it with the card.
  ///
  /// - Parameter name: The model's name.
  /// - Returns: What differs, in the order of the card; empty if all is as it was installed.
  /// - Throws: `UsageError` (64) if it is not installed; `InputError` (65) if the card is damaged;
  ///   `FileError` if a file cannot be read.
  public func verify(_ name: String) throws -> [ModelFileFault] {
    guard contains(name) else {
      throw UsageError(
        "the model '\(TerminalText.escaped(name))' is not installed"
          + NearestName.hint(for: name, in: names()))
    }
    let path = path(of: name)
    return try Self.faults(of: ModelCard.read(path), in: path, readingContents: true)
  }

  /// What a user named: an installed model, the path of a folder if there is a `/` in it, or
  /// `run:DIR` for the model that a run trained.
  ///
  /// A folder without a card gets one made of its files, which are read whole for that. A name may
  /// end with `@cosine`, `@inner-product` or `@l2`: the same model, its vectors compared that way.
  ///
  /// - Parameters:
  ///   - name: A name or a path.
  ///   - catalogue: Models that could be fetched, for the message.
  /// - Returns: The folder and its card.
  /// - Throws: `UsageError` (64) with the nearest name if there is no such model; `InputError` (65)
  ///   if it is damaged or no model.
  public func resolve(
    _ name: String, catalogue: @autoclosure () throws -> ModelCatalogue? = nil
  ) throws -> ModelDirectory {
    if let (base, similarity) = Self.comparison(in: name), !FilePath(name).isDirectory {
      if Self.comparison(in: base) != nil {
        throw UsageError("'\(TerminalText.excerpt(name))' names two similarities")
      }
      var found = try resolve(base, catalogue: try catalogue())
      found.card.similarity = similarity
      found.card.name += "@" + similarity.rawValue
      return found
    }
    if name.utf8.starts(with: "run:".utf8) {
      let run = FilePath(String(decoding: name.utf8.dropFirst(4), as: UTF8.self))
      let folder = run.appending("model")
      guard run.appending(RunDirectory.resultsName).exists,
        folder.appending(ModelCard.fileName).exists
      else {
        let adapter = run.appending("adapter")
        throw UsageError(
          adapter.exists
            ? "the run '\(run.shown)' trained an adapter; use it with --adapter \(adapter.shown)"
            : "'\(run.shown)' is no finished run that trained a model")
      }
      return try Self.folder(folder)
    }
    if name.utf8.contains(UInt8(ascii: "/")) || name == "." || name == ".." {
      return try Self.folder(FilePath(name))
    }
    if contains(name) {
      return ModelDirectory(path: path(of: name), card: try card(named: name))
    }
    let shown = "'\(TerminalText.excerpt(name))'"
    let names = names()
    let catalogue = try catalogue()
    if let entry = catalogue?.entry(named: name) {
      throw UsageError(
        "the model \(shown) is not installed; 'ragbench model fetch \(entry.card.name)' gets it")
    }
    if FilePath(name).isDirectory {
      throw UsageError(
        "no model \(shown) is installed; for the folder of this name write './\(name)'")
    }
    let known = catalogue?.entries.map(\.card.name) ?? []
    var message = "unknown model \(shown)"
    if let nearest = NearestName.suggestion(for: name, in: names + known) {
      message += "; did you mean '\(nearest)'?"
      if !names.contains(nearest) { message += " 'ragbench model fetch \(nearest)' gets it" }
    } else {
      message += "; installed: " + (names.isEmpty ? "none" : names.joined(separator: ", "))
    }
    throw UsageError(message)
  }

  /// The generator that a user named.
  ///
  /// - Parameters:
  ///   - name: A name or a path, as for `resolve`.
  ///   - catalogue: Models that could be fetched, for the message.
  /// - Returns: The folder and its card.
  /// - Throws: As `resolve`; `UsageError` for a model that makes vectors.
  public func generator(
    _ name: String, catalogue: @autoclosure () throws -> ModelCatalogue? = nil
  ) throws -> ModelDirectory {
    let directory = try resolve(name, catalogue: try catalogue())
    guard directory.card.kind == .generator else {
      throw UsageError("the model '\(directory.card.name)' is no generator, it makes vectors")
    }
    return directory
  }

  /// The parts of `NAME@SIMILARITY`; nil for any other name.
  private static func comparison(in name: String) -> (base: String, similarity: Similarity)? {
    guard let mark = name.utf8.lastIndex(of: UInt8(ascii: "@")),
      let similarity = Similarity(rawValue: String(name[name.utf8.index(after: mark)...]))
    else { return nil }
    return (String(name[..<mark]), similarity)
  }

  private static func folder(_ path: FilePath) throws -> ModelDirectory {
    guard path.isDirectory else {
      throw UsageError("'\(path.shown)' is no folder of a model")
    }
    let absolute =
      path.isAbsolute
      ? path : FilePath(FileManager.default.currentDirectoryPath).appending(path.components)
    if path.appending(ModelCard.fileName).exists {
      return ModelDirectory(path: absolute, card: try checkedCard(absolute, name: nil))
    }
    let files = try ModelFiles(in: absolute, queryDirectory: nil)
    // The name goes into file names of indexes, so what a name cannot have is replaced.
    let raw = absolute.lexicallyNormalized().lastComponent?.string ?? "model"
    let name = ModelName.fault(raw) == nil ? raw : "model-" + Checksum.sha256(raw).prefix(12)
    var card = ModelCard(name: name, source: absolute.shown, kind: files.kind)
    try files.checkComplete(kind: card.kind)
    card.files = try files.records()
    return ModelDirectory(path: absolute, card: card)
  }

  private static func checkedCard(_ path: FilePath, name: String?) throws -> ModelCard {
    let card = try ModelCard.read(path)
    let place = Place(file: path.appending(ModelCard.fileName).shown)
    if let name, UTF8Key(card.name) != UTF8Key(name) {
      throw InputError("the card is of the model '\(card.name)', expected '\(name)'", at: place)
    }
    guard !card.files.isEmpty else { throw InputError("the card records no files", at: place) }
    if let fault = try faults(of: card, in: path, readingContents: false).first {
      throw InputError(
        "the model '\(card.name)' is damaged: \(fault); install it again with --force",
        at: Place(file: path.shown))
    }
    return card
  }

  static func faults(
    of card: ModelCard, in path: FilePath, readingContents: Bool
  ) throws -> [ModelFileFault] {
    let files = LiveFileSystem()
    var faults: [ModelFileFault] = []
    for record in card.files {
      let file = path.appending(record.path)
      guard let status = try? files.linkStatus(file), status.kind == .regular else {
        faults.append(ModelFileFault(path: record.path, kind: .missing))
        continue
      }
      guard status.size == record.bytes else {
        let kind = ModelFileFault.Kind.size(expected: record.bytes, found: status.size)
        faults.append(ModelFileFault(path: record.path, kind: kind))
        continue
      }
      guard readingContents else { continue }
      let found = try Checksum.sha256(of: file)
      if found != record.sha256 {
        let kind = ModelFileFault.Kind.checksum(expected: record.sha256, found: found)
        faults.append(ModelFileFault(path: record.path, kind: kind))
      }
    }
    return faults
  }
}
