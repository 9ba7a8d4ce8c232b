import Foundation
public import SystemPackage

/// The checkout that the tests were built from.
public enum Checkout {
  /// The folder of `Package.swift`.
  public static var root: FilePath {
    FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
  }

  /// A file below `Tests/Fixtures`.
  public static func fixture(_ path: String) -> FilePath {
    root.appending("Tests/Fixtures").appending(path)
  }

  /// An executable that was built together with the tests.
  public static func executable(_ name: String) throws -> FilePath {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return FilePath(own).removingLastComponent().appending(name)
  }
}

/// Data that a checkout does not hold; tests on it skip loudly where it is absent.
public enum TestData {
  /// A file or folder below `$RAGBENCH_TEST_DATA`, or `nil` with a line on standard error.
  ///
  /// - Parameters:
  ///   - path: Relative to `$RAGBENCH_TEST_DATA`, such as `scifact/corpus.jsonl`.
  ///   - test: The test that asks.
  /// - Returns: The path, or `nil`: then the test returns.
  public static func path(_ path: String, test: String = #function) -> FilePath? {
    guard let root = ProcessInfo.processInfo.environment["RAGBENCH_TEST_DATA"], !root.isEmpty
    else {
      skip(test, "RAGBENCH_TEST_DATA is not set (wanted \(path))")
      return nil
    }
    return existing(FilePath(root).appending(path), test: test)
  }

  /// A file or folder anywhere, or `nil` with a line on standard error.
  ///
  /// - Parameters:
  ///   - path: Any path.
  ///   - test: The test that asks.
  /// - Returns: The path, or `nil`: then the test returns.
  public static func existing(_ path: FilePath, test: String = #function) -> FilePath? {
    if FileManager.default.fileExists(atPath: path.string) { return path }
    skip(test, "\(path) does not exist")
    return nil
  }

  private static func skip(_ test: String, _ reason: String) {
    FileHandle.standardError.write(Data("\n*** SKIPPED \(test): \(reason)\n".utf8))
  }
}
