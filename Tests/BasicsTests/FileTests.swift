import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct FileTests {
  private static let readers: [(String, @Sendable (FilePath) throws -> Void)] = [
    ("FileBytes", { _ = try FileBytes.read($0, limit: 100) }),
    ("MappedFile", { _ = try MappedFile($0) }),
    ("LineReader", { _ = try LineReader($0) }),
    ("CSVReader", { _ = try CSVReader($0) }),
    ("Checksum", { _ = try Checksum.sha256(of: $0) }),
    ("JSONParser", { _ = try JSONParser.parse(contentsOf: $0) }),
    ("ZipArchive", { _ = try ZipArchive($0) }),
  ]

  /// FAULTS 27: a pipe, a device, a loop and the like end at once with 66 and the reason.
  @Test func onlyRegularFilesAreRead() throws {
    let directory = try TemporaryDirectory()
    let pipe = directory.file("pipe")
    #expect(mkfifo(pipe.string, 0o600) == 0)
    let loop = directory.file("loop")
    #expect(symlink(loop.string, loop.string) == 0)
    let cases: [(FilePath, String)] = [
      (pipe, "a named pipe"), (directory.path, "a directory"), ("/dev/zero", "a device"),
      (loop, "symbolic link"), (directory.file("absent"), "No such file"),
      (directory.file(String(repeating: "x", count: 5000)), "too long"),
    ]
    for (path, reason) in cases {
      for (name, read) in Self.readers {
        let error = #expect(throws: FileError.self, "\(name) \(path)") { try read(path) }
        #expect(error?.exitStatus == .noInput)
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
      }
    }
  }

  @Test func pathsAreShownSafely() {
    #expect(FilePath("/a\u{1B}]0;x\n/é").shown == "/aU+001B]0;xU+000A/é")
    let raw: [CChar] = [0x2F, CChar(bitPattern: 0xFF), 0x61, 0x0A, 0]
    #expect(
      raw.withUnsafeBufferPointer { FilePath(platformString: $0.baseAddress!) }.shown
        == "/\\xFFa\\x0A")
  }

  @Test func mappedAndReadBytesAreTheFile() throws {
    let directory = try TemporaryDirectory()
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    let path = try directory.write("x", bytes)
    #expect(try MappedFile(path).withBytes { Array($0) } == bytes)
    #expect(try FileBytes.read(path, limit: 10_000) == bytes)
    #expect(throws: InputError.self) { try FileBytes.read(path, limit: 9_999) }
    let empty = try directory.write("empty", [])
    #expect(try MappedFile(empty).withBytes(\.isEmpty) && FileBytes.read(empty, limit: 0).isEmpty)
    let trickle = FaultyFileSystem(.trickle)
    #expect(try FileBytes.read(path, limit: 10_000, files: trickle) == bytes)
    #expect(trickle.openDescriptors == 0)
  }

  /// The values are those of FIPS 180-4's examples.
  @Test func checksumsAreSHA256() throws {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    #expect(Checksum.sha256("") == empty && Checksum.sha256("abc") == abc)
    let path = try TemporaryDirectory()
    let file = try path.write("m", [UInt8](repeating: 0x61, count: 1_000_000))
    #expect(try Checksum.sha256(of: file) == million)
    var stream = Checksum.Stream()
    stream.update("a")
    stream.update("bc")
    #expect(stream.finish() == abc)
    let trickle = FaultyFileSystem(.trickle)
    #expect(try Checksum.sha256(of: path.write("t", text: "abc"), files: trickle) == abc)
  }

  @Test func everyFailingReadIsAnError() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("x", text: "a\nb\n")
    let calls: [@Sendable (any FileSystem) throws -> Void] = [
      { _ = try FileBytes.read(path, limit: 10, files: $0) },
      { _ = try Checksum.sha256(of: path, files: $0) },
      { files in
        var reader = try LineReader(path, files: files)
        while try reader.next() != nil {}
      },
    ]
    for call in calls {
      let counting = FaultyFileSystem()
      try call(counting)
      // The last call is the close, whose failure after reading changes nothing.
      for n in 1..<counting.callCount {
        let files = FaultyFileSystem(.any(n, .ioError))
        let error = #expect(throws: FileError.self) { try call(files) }
        #expect(error?.exitStatus == .inputOutput)
        #expect(files.openDescriptors == 0)
      }
    }
  }
}
