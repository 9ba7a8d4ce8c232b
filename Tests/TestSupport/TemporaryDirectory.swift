import Foundation
public import SystemPackage

/// A fresh directory that is removed, with all in it, when this object goes away.
public final class TemporaryDirectory: Sendable {
  /// The directory.
  public let path: FilePath

  /// Creates a directory with a name of its own below `$TMPDIR`, else `/tmp`.
  public init() throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    path = FilePath(parent).appending("ragbench-test-" + UUID().uuidString)
    try FileManager.default.createDirectory(
      atPath: path.string, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// The path of a name in the directory.
  public func file(_ name: String) -> FilePath { path.appending(name) }

  /// Writes a file in the directory, plainly, and returns its path.
  ///
  /// - Parameters:
  ///   - name: A relative path; missing directories are made.
  ///   - bytes: The content.
  /// - Returns: The path of the file.
  /// - Throws: What Foundation throws.
  @discardableResult
  public func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> FilePath {
    let file = path.appending(name)
    try FileManager.default.createDirectory(
      atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
    // ext4 flushes a file that is cut and written anew; one that did not exist it writes lazily.
    if (try? file.stat(followTargetSymlink: false))?.type == .regular {
      try FileManager.default.removeItem(atPath: file.string)
    }
    try Data(Array(bytes)).write(to: URL(fileURLWithPath: file.string))
    return file
  }

  /// Writes a text file in the directory and returns its path.
  ///
  /// - Parameters:
  ///   - name: A relative path; missing directories are made.
  ///   - text: The content.
  /// - Returns: The path of the file.
  /// - Throws: What Foundation throws.
  @discardableResult
  public func write(_ name: String, text: String) throws -> FilePath {
    try write(name, text.utf8)
  }

  /// The names directly in the directory, hidden ones too, sorted.
  public func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path.string).sorted()
  }
}
