import Basics
import Glibc
import SystemPackage

/// A corpus being written: a directory beside its place that appears there whole or not at all.
final class BundleWriter {
  /// Where the corpus will be.
  let target: FilePath
  private let parent: FilePath
  private let name: String
  private let directory: FilePath
  private let lock: FileLock
  private var isFinished = false

  /// Takes the lock of the name and creates the temporary directory.
  ///
  /// - Throws: `LockedError` if another import of this name is running; `FileError` if nothing can
  ///   be created there.
  init(name: String, in parent: FilePath) throws {
    try DirectoryListing.create(parent)
    self.parent = parent
    self.name = name
    target = parent.appending(name)
    lock = try FileLock(parent.appending(".\(name).lock"))
    directory = parent.appending(".\(name).importing-\(getpid())")
    // The lock says that whoever left such a directory is gone.
    try Self.recover(name: name, in: parent)
    try DirectoryListing.create(directory)
  }

  deinit { abandon() }

  /// Starts a file; missing directories are made.
  func file(_ path: String) throws -> AtomicFile.Writer {
    let file = directory.appending(path)
    try DirectoryListing.create(file.removingLastComponent())
    return try AtomicFile.Writer(file)
  }

  /// Ends a file and measures it.
  func commit(_ writer: AtomicFile.Writer, path: String, count: Int) throws -> BundleFile {
    try writer.commit()
    return try BundleFile(measuring: path, in: directory, count: count)
  }

  /// Writes the manifest, makes the directory durable and puts it in its place.
  ///
  /// - Parameters:
  ///   - manifestName: The manifest's file.
  ///   - manifest: Its content.
  /// - Throws: `FileError`; then what was there before is there still.
  func publish(_ manifestName: String, _ manifest: JSONObject) throws {
    try AtomicFile.write(
      manifest.serialized(pretty: true) + "\n", to: directory.appending(manifestName))
    for folder in try folders(below: directory) { try DirectoryTree.syncDirectory(folder) }
    let old = parent.appending(".\(name).replaced-\(getpid())")
    if target.exists { try DirectoryTree.rename(target, to: old) }
    do {
      try DirectoryTree.rename(directory, to: target)
    } catch {
      if old.exists { try? DirectoryTree.rename(old, to: target) }
      throw error
    }
    isFinished = true
    try DirectoryTree.syncDirectory(parent)
    try DirectoryTree.remove(old)
  }

  /// Removes what was written; does nothing after `publish`.
  func abandon() {
    guard !isFinished else { return }
    isFinished = true
    try? DirectoryTree.remove(directory)
  }

  /// Clears up after imports that were killed: half-written directories are removed, and a corpus
  /// that was set aside when its successor had not yet taken its place is put back.
  private static func recover(name: String, in parent: FilePath) throws {
    let target = parent.appending(name)
    for entry in try DirectoryListing.names(in: parent) {
      let path = parent.appending(entry)
      if entry.hasPrefix(".\(name).replaced-"), !target.exists {
        try DirectoryTree.rename(path, to: target)
      } else if entry.hasPrefix(".\(name).replaced-") || entry.hasPrefix(".\(name).importing-") {
        try DirectoryTree.remove(path)
      }
    }
  }

  private func folders(below folder: FilePath) throws -> [FilePath] {
    try DirectoryListing.names(in: folder).map { folder.appending($0) }
      .filter(\.isDirectory).flatMap { try folders(below: $0) } + [folder]
  }
}
