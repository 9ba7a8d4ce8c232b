import Foundation
public import SystemPackage

/// A model directory that the set-up installed, or `nil` with a line on standard error.
///
/// - Parameters:
///   - name: The folder below `$RAGBENCH_HOME/models`, such as `all-MiniLM-L6-v2`.
///   - test: The test that asks.
/// - Returns: The directory, or `nil`: then the test returns.
public func installedModel(_ name: String, test: String = #function) -> FilePath? {
  var reason = "RAGBENCH_HOME is not set"
  if let home = ProcessInfo.processInfo.environment["RAGBENCH_HOME"], !home.isEmpty {
    let directory = FilePath(home).appending("models").appending(name)
    if FileManager.default.fileExists(atPath: directory.string) { return directory }
    reason = "\(directory) does not exist"
  }
  FileHandle.standardError.write(
    Data("\n*** SKIPPED \(test): model \(name) is not installed: \(reason)\n".utf8))
  return nil
}
