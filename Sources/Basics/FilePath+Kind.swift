import Glibc
public import SystemPackage

extension FilePath {
  private func status(followingLinks: Bool) -> stat? {
    var status = stat()
    let result = withPlatformString { path in
      followingLinks ? stat(path, &status) : lstat(path, &status)
    }
    return result == 0 ? status : nil
  }

  /// Whether something lies at this path, symbolic links followed.
  public var exists: Bool { status(followingLinks: true) != nil }

  /// Whether a folder lies at this path, symbolic links followed.
  public var isDirectory: Bool {
    status(followingLinks: true).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
  }

  /// Whether a symbolic link lies at this path.
  public var isSymbolicLink: Bool {
    status(followingLinks: false).map { $0.st_mode & S_IFMT == S_IFLNK } ?? false
  }

  /// Size in bytes of what lies at this path, symbolic links followed; nil if nothing does.
  public var fileSize: Int? { status(followingLinks: true).map { Int($0.st_size) } }
}
