public import SystemPackage

extension FilePath {
  /// Whether something lies at this path, symbolic links followed.
  public var exists: Bool { (try? stat()) != nil }

  /// Whether a folder lies at this path, symbolic links followed.
  public var isDirectory: Bool { (try? stat())?.type == .directory }

  /// Whether a symbolic link lies at this path.
  public var isSymbolicLink: Bool {
    (try? stat(followTargetSymlink: false))?.type == .symbolicLink
  }

  /// Size in bytes of what lies at this path, symbolic links followed; nil if nothing does.
  public var fileSize: Int? { (try? stat()).map { Int($0.size) } }
}
