import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct AtomicFileTests {
  private static let old = Array("old content".utf8)
  private static let new = Array("new content, longer".utf8)

  private func write(_ path: FilePath, _ files: any FileSystem, buffered: Int) throws {
    let writer = try AtomicFile.Writer(path, bufferBytes: buffered, files: files)
    try writer.write(Self.new.prefix(5))
    try writer.write(Self.new.dropFirst(5))
    try writer.commit()
  }

  /// FAULTS section 3: for every call and every error, the old file or the new one, and no third.
  @Test(arguments: [Errno.noSpace, .ioError, .permissionDenied, .interrupted], [0, 7, 1000])
  func everyCallMayFail(error: Errno, buffered: Int) throws {
    let counting = FaultyFileSystem()
    let first = try TemporaryDirectory()
    try write(first.file("f"), counting, buffered: buffered)
    for n in 1...counting.callCount {
      let directory = try TemporaryDirectory()
      let path = try directory.write("f", Self.old)
      let files = FaultyFileSystem(.any(n, error))
      var thrown: FileError?
      do {
        try write(path, files, buffered: buffered)
      } catch {
        thrown = try #require(error as? FileError)
      }
      let content = try FileBytes.read(path, limit: 100)
      if thrown == nil { #expect(content == Self.new, "call \(n)") }
      // A failed sync of the directory is reported although the new file is there.
      let isOld = content == Self.old
      #expect(isOld || content == Self.new, "call \(n)")
      #expect(try directory.names() == ["f"], "call \(n)")
      #expect(files.openDescriptors == 0, "call \(n)")
      if error == .interrupted { #expect(content == Self.new && thrown == nil, "call \(n)") }
      if error == .noSpace || error == .ioError, let thrown {
        #expect(thrown.exitStatus == .inputOutput)
      }
    }
  }

  @Test func shortWritesAndInterruptionsAreSurvived() throws {
    let directory = try TemporaryDirectory()
    let files = FaultyFileSystem(.trickle)
    try AtomicFile.write(Self.new, to: directory.file("f"), files: files)
    #expect(try FileBytes.read(directory.file("f"), limit: 100) == Self.new)
  }

  /// FAULTS 47.
  @Test(arguments: 0..<19) func fullDiskNamesPathAndBytes(space: Int) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("f", Self.old)
    let error = #expect(throws: FileError.self) {
      try AtomicFile.write(Self.new, to: path, files: FaultyFileSystem(.full(afterBytes: space)))
    }
    #expect(error?.exitStatus == .inputOutput && error?.errno == .noSpace)
    #expect(error?.description.contains("\(Self.new.count - space) more bytes are needed") == true)
    #expect(error?.description.contains(path.string) == true)
    #expect(try FileBytes.read(path, limit: 100) == Self.old)
    #expect(try directory.names() == ["f"])
  }

  /// FAULTS 48: 73, before anything is written.
  @Test func whatCannotBeCreatedIsRefusedAtOnce() throws {
    let directory = try TemporaryDirectory()
    let pipe = directory.file("pipe")
    #expect(mkfifo(pipe.string, 0o600) == 0)
    let link = directory.file("link")
    #expect(symlink("/dev/null", link.string) == 0)
    try FileManager.default.createDirectory(
      atPath: directory.file("d").string, withIntermediateDirectories: false)
    try directory.write("file", text: "")
    let long = String(repeating: "x", count: 256)
    let deep = FilePath(String(repeating: "/x", count: 2100) + "/y")
    let cases: [(FilePath, String)] = [
      (directory.file("missing/f"), "No such file"), (pipe, "a named pipe"),
      (link, "a symbolic link"), (directory.file("d"), "a directory"),
      (directory.file("file/x"), "Not a directory"), ("/dev/full", "a device"),
      (directory.file(long), "too long"), (deep, "too long"), ("/", "names no file"),
      (directory.path.appending(".."), "names no file"),
    ]
    for (path, reason) in cases {
      for attempt in [
        { try AtomicFile.write("x", to: path) }, { try AtomicFile.checkCreatable(path) },
      ] {
        let error = #expect(throws: FileError.self, "\(path)") { try attempt() }
        #expect(error?.exitStatus == .cannotCreate, "\(path)")
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
      }
    }
    #expect(try directory.names() == ["d", "file", "link", "pipe"])
    let plain = directory.file("new\nline")
    try AtomicFile.checkCreatable(plain)
    #expect(try !directory.names().contains("new\nline"))
    try AtomicFile.write("x", to: plain)
    #expect(try FileBytes.read(plain, limit: 1) == [0x78])
    // A name of the greatest length leaves no room for an addition to it.
    try AtomicFile.write("x", to: directory.file(String(repeating: "y", count: 255)))
  }

  @Test func abandonedWriterLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    do {
      let writer = try AtomicFile.Writer(directory.file("f"))
      try writer.write("x")
    }
    #expect(try directory.names() == [])
    let writer = try AtomicFile.Writer(directory.file("f"))
    try writer.write("x")
    writer.abandon()
    #expect(throws: FileError.self) { try writer.commit() }
    #expect(try directory.names() == [])
  }

  /// FAULTS 43: what a killed process left is removed, what a living one is writing is not.
  @Test func leftoversOfDeadProcessesAreRemoved() throws {
    let directory = try TemporaryDirectory()
    let dead = try ChildProcess("/bin/true")
    _ = dead.wait()
    let leftover = ".ragbench-\(dead.id)-0123456789abcdef.tmp"
    let living = ".ragbench-\(getpid())-0123456789abcdef.tmp"
    let others = [".ragbench--1-0123456789abcdef.tmp", ".ragbench-1x-2.tmp", "x.tmp", living]
    for name in others + [leftover] { try directory.write(name, text: "") }
    let removed = AtomicFile.removeAbandoned(in: directory.path)
    #expect(removed == [directory.file(leftover)])
    #expect(try directory.names() == others.sorted())
  }

  /// FAULTS 52: the temporary file is beside its target, so a rename never crosses file systems.
  @Test func temporaryFileIsBesideItsTarget() throws {
    let directory = try TemporaryDirectory()
    let writer = try AtomicFile.Writer(directory.file("f"))
    let names = try directory.names()
    #expect(names.count == 1 && names[0].hasPrefix(".ragbench-\(getpid())-"))
    writer.abandon()
  }

  @Test func directoriesAreCreatedWithParents() throws {
    let directory = try TemporaryDirectory()
    try DirectoryListing.create(directory.file("a/b/c"))
    try DirectoryListing.create(directory.file("a/b/c"))
    try directory.write("a/f", text: "")
    #expect(try DirectoryListing.names(in: directory.file("a")) == ["b", "f"])
    let error = #expect(throws: FileError.self) {
      try DirectoryListing.create(directory.file("a/f/d"))
    }
    #expect(error?.exitStatus == .cannotCreate)
    #expect(throws: FileError.self) { try DirectoryListing.create(directory.file("a/f")) }
  }
}
