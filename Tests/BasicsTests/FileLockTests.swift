import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// FAULTS 49 and rule 2.
@Suite struct FileLockTests {
  private let directory: TemporaryDirectory
  private let path: FilePath
  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("lock")
  }

  @Test func secondOwnerIsRefusedAtOnceWithTheFirstNamed() throws {
    let first = try FileLock(path)
    #expect(first.warning == nil)
    let error = #expect(throws: LockedError.self) { try FileLock(path) }
    #expect(error?.exitStatus == .locked)
    #expect(error?.description.contains("process \(getpid())") == true)
    #expect(error?.description.contains("started 20") == true, "\(error?.description ?? "")")
    withExtendedLifetime(first) {}
  }

  @Test func releaseLetsTheNextInWithoutWarning() throws {
    var first: FileLock? = try FileLock(path)
    withExtendedLifetime(first) {}
    first = nil
    #expect(try FileLock(path).warning == nil)
  }

  /// A child that is just being started has a copy of every descriptor until it runs its program.
  @Test func releaseHoldsWhileACopyOfTheDescriptorIsOpen() throws {
    var first: FileLock? = try FileLock(path)
    let copies = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
      .compactMap(Int32.init).filter { descriptor in
        let target = try? FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/self/fd/\(descriptor)")
        return target == path.string
      }.map { dup($0) }
    defer { for copy in copies { close(copy) } }
    #expect(copies.count == 1)
    withExtendedLifetime(first) {}
    first = nil
    #expect(try FileLock(path).warning == nil)
  }

  @Test func waitingEndsAtTheLimit() throws {
    let first = try FileLock(path)
    let error = #expect(throws: LockedError.self) { try FileLock(path, wait: .milliseconds(60)) }
    #expect(error?.description.contains("after waiting 60 ms") == true)
    withExtendedLifetime(first) {}
  }

  @Test func lockOfADeadOwnerIsTakenOverWithAWarning() throws {
    try directory.write(
      "lock", text: #"{"pid":4194305,"started":"2026-01-02T03:04:05Z","command":"x"}"#)
    let lock = try FileLock(path)
    let warning = try #require(lock.warning)
    #expect(warning.contains("process 4194305 (x), started 2026-01-02T03:04:05Z"))
    try directory.write("torn", text: #"{"pid":41"#)
    #expect(try FileLock(directory.file("torn")).warning?.contains("no readable record") == true)
  }

  @Test func anotherProcessHoldsIt() throws {
    // flock(1) of util-linux takes the same kind of lock.
    guard let tool = TestData.existing("/usr/bin/flock") else { return }
    let child = try ChildProcess(tool, [path.string, "/bin/sh", "-c", "echo held; read line"])
    while child.output.isEmpty, child.errors.isEmpty { usleep(1000) }
    #expect(throws: LockedError.self) { try FileLock(path) }
    child.send(signal: SIGKILL)
    child.closeInput()
    _ = child.wait()
    #expect(try FileLock(path, wait: .seconds(10)).warning == nil)
  }

  @Test func placeWithoutPermissionIs73() {
    let error = #expect(throws: FileError.self) { try FileLock("/nonexistent/lock") }
    #expect(error?.exitStatus == .cannotCreate)
  }
}
