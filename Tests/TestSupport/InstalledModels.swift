import Basics
import Foundation
public import SystemPackage

/// A model directory that the set-up installed, or `nil` with a line on standard error.
///
/// - Parameters:
///   - name: The folder below `models` of `$RAGBENCH_HOME`, or of the default home where that is not
///     set; such as `all-MiniLM-L6-v2`.
///   - test: The test that asks.
/// - Returns: The directory, or `nil`: then the test returns.
public func installedModel(_ name: String, test: String = #function) -> FilePath? {
  let reason: String
  do {
    let directory = try Locations.current().models.appending(name)
    if directory.isDirectory { return directory }
    reason = "\(directory.shown) does not exist"
  } catch {
    reason = "\(error)"
  }
  FileHandle.standardError.write(
    Data("\n*** SKIPPED \(test): model \(name) is not installed: \(reason)\n".utf8))
  return nil
}
