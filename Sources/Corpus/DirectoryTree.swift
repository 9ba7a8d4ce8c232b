import Basics
import Glibc
import SystemPackage

/// Renaming and removing our own directories.
enum DirectoryTree {
  /// Removes a directory with everything in it; links are removed, not followed.
  static func remove(_ path: FilePath) throws {
    var information = stat()
    guard path.withPlatformString({ lstat($0, &information) }) == 0 else { return }
    if information.st_mode & S_IFMT == S_IFDIR {
      for name in try DirectoryListing.names(in: path) { try remove(path.appending(name)) }
      try check(path.withPlatformString { rmdir($0) }, "remove", path)
    } else {
      try check(path.withPlatformString { unlink($0) }, "remove", path)
    }
  }

  /// Renames within a file system.
  static func rename(_ source: FilePath, to target: FilePath) throws {
    let result = source.withPlatformString { from in
      target.withPlatformString { to in Glibc.rename(from, to) }
    }
    try check(result, "rename to '\(target.shown)' the directory", source)
  }

  /// Makes the names in a directory durable.
  static func syncDirectory(_ path: FilePath) throws {
    let descriptor = path.withPlatformString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    try check(descriptor, "open", path)
    defer { close(descriptor) }
    // Some file systems cannot sync a directory and say so with EINVAL.
    if fsync(descriptor) != 0, errno != EINVAL { try check(-1, "sync", path) }
  }

  private static func check(_ result: Int32, _ action: String, _ path: FilePath) throws {
    guard result < 0 else { return }
    throw FileError(
      cannot: action, path, errno: Errno(rawValue: errno), exitStatus: .cannotCreate)
  }
}
