import Glibc
public import SystemPackage

/// The names of temporary files: they say which process made them.
enum TemporaryFileName {
  static let prefix = ".ragbench-"
  static let suffix = ".tmp"

  /// A new name, `.ragbench-<pid>-<16 hexadecimal digits>.tmp`.
  static func make() -> FilePath.Component {
    let unique = String(UInt64.random(in: .min ... .max), radix: 16)
    let padded = String(repeating: "0", count: 16 - unique.utf8.count) + unique
    let text = "\(prefix)\(getpid())-\(padded)\(suffix)"
    return FilePath.Component(text) ?? "temporary"
  }

  /// The process that made the file of this name, `nil` for any other name.
  static func owner(of name: String) -> pid_t? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    let parts = name.dropFirst(prefix.count).dropLast(suffix.count).split(
      separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].utf8.count == 16 else { return nil }
    return pid_t(parts[0])
  }
}

extension AtomicFile {
  /// Removes temporary files that processes left which are no longer running.
  ///
  /// - Parameter directory: The directory to look in, not below it.
  /// - Returns: The files removed, sorted by name.
  @discardableResult
  public static func removeAbandoned(in directory: FilePath) -> [FilePath] {
    guard let names = try? DirectoryListing.names(in: directory) else { return [] }
    var removed: [FilePath] = []
    for name in names {
      guard let owner = TemporaryFileName.owner(of: name), owner > 0,
        kill(owner, 0) != 0, errno == ESRCH,
        let component = FilePath.Component(name)
      else { continue }
      let path = directory.appending(component)
      if (try? LiveFileSystem().unlink(path)) != nil { removed.append(path) }
    }
    return removed
  }
}

/// The entries of a directory.
public enum DirectoryListing {
  /// The names in a directory without `.` and `..`, sorted by bytes.
  ///
  /// - Parameter directory: The directory.
  /// - Returns: The names; one that is not UTF-8 is left out.
  /// - Throws: `FileError` with exit status 66.
  public static func names(in directory: FilePath) throws -> [String] {
    try entries(of: directory).compactMap { String(validating: $0, as: UTF8.self) }
      .sorted(by: utf8Precedes)
  }

  /// The names in a directory that are not UTF-8, as a terminal may show them, sorted.
  ///
  /// - Parameter directory: The directory.
  /// - Returns: The names, repaired; none of them opens the file.
  /// - Throws: `FileError` with exit status 66.
  public static func undecodableNames(in directory: FilePath) throws -> [String] {
    try entries(of: directory).filter { String(validating: $0, as: UTF8.self) == nil }
      .map { TerminalText.escaped(String(decoding: $0, as: UTF8.self)) }.sorted(by: utf8Precedes)
  }

  private static func entries(of directory: FilePath) throws -> [[UInt8]] {
    guard let stream = directory.withPlatformString({ opendir($0) }) else {
      throw FileError(
        cannot: "list", directory, errno: Errno(rawValue: errno), exitStatus: .noInput)
    }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
    }
    return names
  }

  /// Creates a directory and the missing ones above it.
  ///
  /// - Parameters:
  ///   - directory: The directory; one that exists is left as it is.
  ///   - files: The system calls.
  /// - Throws: `FileError` with exit status 73.
  public static func create(
    _ directory: FilePath, files: any FileSystem = LiveFileSystem()
  ) throws {
    do {
      try files.makeDirectory(directory)
    } catch Errno.fileExists {
      var information = stat()
      let isDirectory =
        directory.withPlatformString { stat($0, &information) } == 0
        && information.st_mode & S_IFMT == S_IFDIR
      if isDirectory { return }
      throw FileError(
        cannot: "create", directory, reason: "a file of this name is there already",
        exitStatus: .cannotCreate)
    } catch Errno.noSuchFileOrDirectory where directory.components.count > 1 {
      try create(directory.removingLastComponent(), files: files)
      do {
        try files.makeDirectory(directory)
      } catch Errno.fileExists {
        return
      } catch {
        throw FileError(
          cannot: "create", directory, errno: error, exitStatus: .cannotCreate)
      }
    } catch {
      throw FileError(cannot: "create", directory, errno: error, exitStatus: .cannotCreate)
    }
  }
}
