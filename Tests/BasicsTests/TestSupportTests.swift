import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct TestSupportTests {
  @Test func closenessFailsOnNaNCountAndDifference() {
    expectClose([1.0, .infinity], [1.0 + 1e-9, .infinity], absolute: 1e-8)
    expectClose([Float(100)], [101.0], absolute: 0, relative: 0.01)
    let pairs: [([Double], [Double])] = [
      ([.nan], [.nan]), ([.nan], [1]), ([1], [.nan]), ([1], [1, 2]), ([1], [1.1]),
      ([.infinity], [-.infinity]), ([.infinity], [1]), ([1], [.infinity]),
    ]
    for (a, b) in pairs {
      withKnownIssue { expectClose(a, b, absolute: 1e-3, relative: 1e-3) }
    }
  }

  @Test func childReportsStatusSignalAndOutput() throws {
    let shell: FilePath = "/bin/sh"
    let plain = try ChildProcess.run(
      shell, ["-c", "cat; echo $A >&2; exit 7"], environment: ["A": "b"], input: Array("x".utf8))
    #expect(plain.status == 7 && plain.signal == nil)
    #expect(plain.outputText == "x" && plain.errorText == "b\n")
    let killed = try ChildProcess.run(shell, ["-c", "kill -9 $$"])
    #expect(killed.status == nil && killed.signal == 9)
    let slow = try ChildProcess.run(shell, ["-c", "sleep 60"], timeout: .milliseconds(50))
    #expect(slow.isTimedOut && slow.signal == 9)
    #expect(throws: ChildProcess.StartError.self) { try ChildProcess.run("/nonexistent") }
  }

  @Test func temporaryDirectoryIsRemoved() throws {
    var directory: TemporaryDirectory? = try TemporaryDirectory()
    let file = try #require(try directory?.write("a/b", text: "x"))
    #expect(try FileBytes.read(file, limit: 10) == [0x78])
    directory = nil
    #expect(throws: FileError.self) { try FileBytes.read(file, limit: 10) }
  }
}
