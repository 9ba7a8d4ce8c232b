import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct GzipTests {
  private let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func lines(_ path: FilePath) throws -> [String] {
    var reader = try LineReader(path)
    var lines: [String] = []
    while let line = try reader.next() { lines.append(try line.text()) }
    return lines
  }

  @Test func roundTripsAndIsDeterministic() throws {
    for count in [0, 1, 1000, 300_000] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
      let packed = try Gzip.compress(bytes)
      #expect(try packed == Gzip.compress(bytes) && Gzip.isGzip(packed))
      #expect(packed[3] == 0 && packed[4..<8].allSatisfy { $0 == 0 }, "no name, no time")
      #expect(try Gzip.decompress(packed, limit: count) == bytes)
      if count > 0 {
        #expect(throws: InputError.self) { try Gzip.decompress(packed, limit: count - 1) }
      }
    }
  }

  @Test func membersOfPythonAreReadOneAfterAnother() throws {
    let path = Checkout.fixture("basics/members.gz")
    #expect(try lines(path) == ["first", "second, cut here", "last without newline"])
  }

  /// FAULTS 25.
  @Test func everyTruncationAndFlipIsFoundOrHarmless() throws {
    let content = Array("some text, some more text, and a number 12345\n".utf8)
    let valid = try Gzip.compress(content)
    try Damage.truncating(valid) { bytes, length in
      #expect(throws: InputError.self, "\(length)") { try Gzip.decompress(bytes, limit: 1000) }
      if length >= 2 {
        let path = try directory.write("t.gz", bytes)
        #expect(throws: InputError.self, "\(length)") { try lines(path) }
      }
    }
    Damage.flipping(valid) { bytes, position in
      do {
        #expect(try Gzip.decompress(bytes, limit: 1000) == content, "\(position)")
        #expect((4..<10).contains(position), "only time, flags and system may differ")
      } catch {
        #expect(error is InputError)
      }
    }
    #expect(throws: InputError.self) { try Gzip.decompress(valid + [0], limit: 1000) }
  }

  @Test func gzipInGzipIsRefused() throws {
    let twice = try directory.write("x.gz", Gzip.compress(Gzip.compress([1, 2, 3])))
    let error = #expect(throws: InputError.self) { try lines(twice) }
    #expect(error?.message.contains("inside gzip") == true)
  }

  /// FAULTS 25: 96 MiB of zeros pack to 98 KB, more than 1000 to 1.
  @Test func ratioIsLimited() throws {
    let packed = try Gzip.compress([UInt8](repeating: 0, count: 96 << 20), level: 9)
    let error = #expect(throws: InputError.self) {
      try Gzip.decompress(packed, limit: .max, file: "bomb")
    }
    #expect(error?.description.hasPrefix("bomb") == true)
    #expect(error?.message.contains("1000 times") == true)
    let path = try directory.write("bomb.gz", packed)
    #expect(throws: InputError.self) { try ByteStream(path).readAll() }
    #expect(throws: InputError.self) { try ByteStream(path, maximumBytes: 1 << 20).readAll() }
    let plain = try directory.write("plain", text: "1234")
    #expect(throws: InputError.self) { try ByteStream(plain, maximumBytes: 3).readAll() }
    #expect(try ByteStream(plain, maximumBytes: 4).readAll().count == 4)
  }
}
