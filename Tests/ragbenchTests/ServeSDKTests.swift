import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// The official MCP Python SDK as a client, in both generations. It is fetched from PyPI once
/// (`Tests/Fixtures/mcp/install.sh`); without network the tests say loudly that they skip.
@Suite struct ServeSDKTests {
  private static let folder = Checkout.fixture("mcp")

  /// The folder of a release, `nil` with a line on standard error if it cannot be had.
  private static func sdk(_ version: String, test: String = #function) throws -> String? {
    let result = try ChildProcess.run(
      "/bin/bash", [folder.appending("install.sh").string, version], timeout: .seconds(600))
    if result.status == 0 { return result.outputText.trimmingCharacters(in: .newlines) }
    FileHandle.standardError.write(
      Data(
        "\n*** SKIPPED \(test): mcp \(version) cannot be installed: \(result.errorText)\n".utf8))
    return nil
  }

  private func run(_ script: String, _ arguments: [String], sdk: String) throws {
    let command = try Command.ready.get()
    let python = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"
    let result = try ChildProcess.run(
      "/usr/bin/env",
      [python, Self.folder.appending(script).string] + arguments + [
        Command.executable().string, "serve", "--corpus", "medqa", "--retriever", Command.model,
      ],
      environment: command.environment.merging([
        "PYTHONPATH": sdk, "PYTHONDONTWRITEBYTECODE": "1",
        // Long enough to be cancelled on the way.
        "RAGBENCH_SLOW_TOOL": "evaluate-slice:150",
      ]) { $1 }, timeout: .seconds(300))
    #expect(result.status == 0, "\(result.outputText)\n\(result.errorText)")
    #expect(result.outputText.hasPrefix("ok "), "\(result.outputText)")
  }

  @Test(arguments: [
    ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28"), ("legacy", "2025-11-25"),
  ])
  func theModernGeneration(mode: String, version: String) throws {
    guard let sdk = try Self.sdk("2.3.0") else { return }
    try run("client_2x.py", [mode, version], sdk: sdk)
  }

  @Test func theLegacyGeneration() throws {
    guard let sdk = try Self.sdk("1.30.0") else { return }
    try run("client_1x.py", [], sdk: sdk)
  }
}
