import Glibc
public import SystemPackage

/// Where data is.
///
/// User data (`home`) is written: models, indexes, caches, runs. Shipped data (`share`) is read.
public struct Locations: Sendable, Equatable {
  /// `$RAGBENCH_HOME`, else `$XDG_DATA_HOME/ragbench`, else `~/.local/share/ragbench`.
  public let home: FilePath
  /// `$RAGBENCH_SHARE`, else `<prefix>/share/ragbench` of an installed binary, else the checkout
  /// in whose build folder the binary is; `nil` if there is none of these.
  public let share: FilePath?

  /// Locations that are known already.
  public init(home: FilePath, share: FilePath?) {
    self.home = home
    self.share = share
  }

  /// Finds the locations.
  ///
  /// - Parameters:
  ///   - environment: The environment; empty variables count as not set.
  ///   - executable: The path of the running binary.
  /// - Throws: `UsageError` if neither `RAGBENCH_HOME` nor `XDG_DATA_HOME` nor `HOME` is set.
  public init(environment: [String: String], executable: FilePath) throws {
    func variable(_ name: String) -> FilePath? {
      environment[name].flatMap { $0.isEmpty ? nil : FilePath($0) }
    }
    if let home = variable("RAGBENCH_HOME") {
      self.home = home
    } else if let data = variable("XDG_DATA_HOME"), data.isAbsolute {
      home = data.appending("ragbench")  // relative ones are to be ignored (XDG base directories)
    } else if let user = variable("HOME") {
      home = user.appending(".local/share/ragbench")
    } else {
      throw UsageError("set RAGBENCH_HOME to the directory for models, indexes and runs")
    }
    share =
      variable("RAGBENCH_SHARE") ?? Self.installedShare(executable) ?? Self.checkout(executable)
  }

  /// The locations for this process.
  ///
  /// - Returns: The locations.
  /// - Throws: `UsageError` if no home is known, or a variable is not UTF-8.
  public static func current() throws -> Locations {
    var environment: [String: String] = [:]
    for name in ["RAGBENCH_HOME", "RAGBENCH_SHARE", "XDG_DATA_HOME", "HOME"] {
      guard let value = getenv(name) else { continue }
      guard let text = String(validatingCString: value) else {
        throw UsageError("\(name) is not valid UTF-8; set it to a path that is")
      }
      environment[name] = text
    }
    return try Locations(environment: environment, executable: currentExecutable())
  }

  /// The path of the running binary.
  public static func currentExecutable() -> FilePath {
    guard let resolved = realpath("/proc/self/exe", nil) else {
      return FilePath(CommandLine.arguments.first ?? "ragbench")
    }
    defer { free(resolved) }
    return FilePath(platformString: resolved)
  }

  /// Where models are stored.
  public var models: FilePath { home.appending("models") }
  /// Where indexes are stored.
  public var indexes: FilePath { home.appending("indexes") }
  /// What can be made again.
  public var caches: FilePath { home.appending("caches") }
  /// Where runs are stored unless `--output` says otherwise.
  public var runs: FilePath { home.appending("runs") }

  /// Shipped data by its name, such as `Corpora`.
  ///
  /// - Parameter name: The name of a file or folder.
  /// - Returns: Its path.
  /// - Throws: `FileError` with exit status 66 if there is no shipped data or not this.
  public func shipped(_ name: String) throws -> FilePath {
    guard let share else {
      throw FileError(
        cannot: "find", FilePath(name),
        reason: "no data is installed beside this binary; set RAGBENCH_SHARE to its directory",
        exitStatus: .noInput)
    }
    let path = share.appending(name)
    guard Self.exists(path) else {
      throw FileError(
        cannot: "find", path, errno: .noSuchFileOrDirectory, exitStatus: .noInput)
    }
    return path
  }

  private static func installedShare(_ executable: FilePath) -> FilePath? {
    let folder = executable.removingLastComponent()
    guard folder.lastComponent == "bin" else { return nil }
    let share = folder.removingLastComponent().appending("share/ragbench")
    return exists(share) ? share : nil
  }

  /// The folder around `.build` (or `.build-…`) that holds a package.
  private static func checkout(_ executable: FilePath) -> FilePath? {
    var folder = executable.removingLastComponent()
    while let name = folder.lastComponent?.string {
      folder = folder.removingLastComponent()
      if name.hasPrefix(".build"), exists(folder.appending("Package.swift")) { return folder }
    }
    return nil
  }

  private static func exists(_ path: FilePath) -> Bool {
    path.withPlatformString { access($0, F_OK) } == 0
  }
}
