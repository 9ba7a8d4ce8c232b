import Basics
public import SystemPackage

/// What a folder takes on disk.
public enum FolderSize {
  /// Bytes of all regular files in a folder and below it; links are not followed.
  ///
  /// - Parameter path: The folder; one that is not there has 0.
  /// - Returns: The sum of the sizes.
  public static func bytes(of path: FilePath) -> Int {
    let names = (try? DirectoryListing.names(in: path)) ?? []
    return names.reduce(0) { sum, name in
      let entry = path.appending(name)
      guard let status = try? LiveFileSystem().linkStatus(entry) else { return sum }
      switch status.kind {
      case .regular: return sum + status.size
      case .directory: return sum + bytes(of: entry)
      default: return sum
      }
    }
  }
}
