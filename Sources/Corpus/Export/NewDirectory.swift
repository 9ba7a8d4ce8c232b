import Basics
import Glibc
import SystemPackage

/// A directory being written beside its place, where it appears whole or not at all.
final class NewDirectory {
  private static let prefix = ".ragbench-export-"

  private let target: FilePath
  private let parent: FilePath
  private let directory: FilePath
  private var isFinished = false

  /// Creates the temporary directory, and removes those of processes that are gone.
  ///
  /// - Parameter target: Where it will be.
  /// - Throws: `FileError` with 73 if nothing can be created there.
  init(_ target: FilePath) throws {
    guard let name = target.lastComponent, name.kind == .regular else {
      throw FileError(
        cannot: "create", target, reason: "it names no folder", exitStatus: .cannotCreate)
    }
    self.target = target
    let above = target.removingLastComponent()
    parent = above.isEmpty ? "." : above
    if let status = try? LiveFileSystem().linkStatus(target), status.kind != .directory {
      throw FileError(
        cannot: "replace", target, reason: "it is \(status.kind.rawValue), not a directory",
        exitStatus: .cannotCreate)
    }
    if name.string.utf8.count > 255 {
      throw FileError(
        cannot: "create", target, errno: .fileNameTooLong, exitStatus: .cannotCreate)
    }
    try DirectoryListing.create(parent)
    try Self.recover(target, in: parent)
    Self.removeAbandoned(in: parent)
    directory = parent.appending("\(Self.prefix)\(getpid())-\(UInt64.random(in: .min ... .max))")
    try DirectoryListing.create(directory)
  }

  deinit {
    if !isFinished { try? DirectoryTree.remove(directory) }
  }

  /// Starts a file; missing directories are made.
  func file(_ path: String) throws -> AtomicFile.Writer {
    let file = directory.appending(path)
    try DirectoryListing.create(file.removingLastComponent())
    return try AtomicFile.Writer(file)
  }

  /// Puts the directory in its place; one that lies there is exchanged for it and then removed.
  ///
  /// - Throws: `FileError`; then what was there before is there still.
  func publish() throws {
    try DirectoryTree.syncDirectory(directory)
    if target.exists {
      try exchange()
    } else {
      try DirectoryTree.rename(directory, to: target)
      isFinished = true
    }
    try DirectoryTree.syncDirectory(parent)
  }

  /// Sets the old directory aside for the moment between two renames; a kill in it is made good by
  /// the next export to the same place.
  private func exchange() throws {
    let old = aside
    try DirectoryTree.rename(target, to: old)
    do {
      try DirectoryTree.rename(directory, to: target)
    } catch {
      try? DirectoryTree.rename(old, to: target)
      throw error
    }
    isFinished = true
    try DirectoryTree.remove(old)
  }

  private var aside: FilePath {
    parent.appending(".\(target.lastComponent?.string ?? "").replaced-\(getpid())")
  }

  /// Puts back what an export that was killed had set aside.
  private static func recover(_ target: FilePath, in parent: FilePath) throws {
    let prefix = ".\(target.lastComponent?.string ?? "").replaced-"
    for name in try DirectoryListing.names(in: parent) where name.hasPrefix(prefix) {
      guard isAbandoned(name.dropFirst(prefix.count)) else { continue }
      if target.exists {
        try DirectoryTree.remove(parent.appending(name))
      } else {
        try DirectoryTree.rename(parent.appending(name), to: target)
      }
    }
  }

  private static func removeAbandoned(in parent: FilePath) {
    for name in (try? DirectoryListing.names(in: parent)) ?? []
    where name.hasPrefix(prefix) && isAbandoned(name.dropFirst(prefix.count)) {
      try? DirectoryTree.remove(parent.appending(name))
    }
  }

  /// Whether the process whose number the text begins with is gone.
  private static func isAbandoned(_ text: Substring) -> Bool {
    guard let owner = text.split(separator: "-").first.flatMap({ pid_t($0) }), owner > 0 else {
      return false
    }
    return kill(owner, 0) != 0 && errno == ESRCH
  }
}
