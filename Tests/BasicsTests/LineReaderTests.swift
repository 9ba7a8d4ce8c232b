import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct LineReaderTests {
  private func lines(_ path: FilePath, files: any FileSystem = LiveFileSystem()) throws -> [Line] {
    var reader = try LineReader(path, files: files)
    var lines: [Line] = []
    while let line = try reader.next() { lines.append(line) }
    return lines
  }

  private func line(_ number: Int, _ offset: Int, _ text: String) -> Line {
    Line(number: number, byteOffset: offset, bytes: Array(text.utf8))
  }

  /// FAULTS 18.
  @Test func endingsMarksAndMissingNewlineAreAccepted() throws {
    let cases: [(String, [Line])] = [
      ("", []), ("\n", [line(1, 0, "")]), ("a", [line(1, 0, "a")]),
      ("a\n", [line(1, 0, "a")]),
      ("a\r\n\r\nb", [line(1, 0, "a"), line(2, 3, ""), line(3, 5, "b")]),
      ("a\rb\r", [line(1, 0, "a\rb\r")]), ("\u{FEFF}a\nb", [line(1, 3, "a"), line(2, 5, "b")]),
      ("\u{FEFF}", []), ("é", [line(1, 0, "é")]), ("\n\n", [line(1, 0, ""), line(2, 1, "")]),
    ]
    let directory = try TemporaryDirectory()
    for (index, (text, expected)) in cases.enumerated() {
      let plain = try directory.write("\(index)", text: text)
      let packed = try directory.write("\(index).gz", Gzip.compress(Array(text.utf8)))
      #expect(try lines(plain) == expected)
      #expect(try lines(packed) == expected)
      #expect(try lines(plain, files: FaultyFileSystem(.trickle)) == expected)
      #expect(try lines(packed, files: FaultyFileSystem(.trickle)) == expected)
    }
  }

  @Test func linesLongerThanABlockAreWhole() throws {
    let directory = try TemporaryDirectory()
    let texts = [0, 1, 131_071, 131_072, 131_073, 400_000, 3].map {
      String(repeating: "x", count: $0)
    }
    let path = try directory.write("f", text: texts.joined(separator: "\n"))
    #expect(try lines(path).map { String(decoding: $0.bytes, as: UTF8.self) } == texts)
  }

  @Test func tooLongALineIsSkipped() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(
      "f", text: "1234\n" + String(repeating: "x", count: 300_000) + "\n12345\nend\n")
    var reader = try LineReader(path, maximumLineBytes: 4)
    #expect(try reader.next() == line(1, 0, "1234"))
    let error = #expect(throws: InputError.self) { try reader.next() }
    #expect(error?.place.line == 2 && error?.message.contains("300000 bytes") == true)
    #expect(throws: InputError.self) { try reader.next() }
    #expect(try reader.next() == line(4, 300_012, "end"))
    #expect(try reader.next() == nil && reader.next() == nil)
  }

  /// FAULTS 18 and 19: the error names line and byte, the next line can be read.
  @Test func badRecordsAreNamed() throws {
    let directory = try TemporaryDirectory()
    let bytes =
      Array("{\"a\":1}\n{\"a\":".utf8) + [0x22, 0xC0, 0x80, 0x22] + Array("}\n{} {}\n[]".utf8)
    let path = try directory.write("f.jsonl", bytes)
    var reader = try LineReader(path)
    var outcomes: [String] = []
    while let line = try reader.next() {
      do {
        outcomes.append(try JSONParser.parse(line, file: reader.name).serialized())
      } catch { outcomes.append("\(error)") }
    }
    #expect(
      outcomes == [
        "{\"a\":1}", "\(path):2:7, byte 14: invalid UTF-8 in a string",
        "\(path):3:4, byte 22: expected the end after the JSON value, found '{'", "[]",
      ])
    let bad = Line(number: 4, byteOffset: 10, bytes: [0x61, 0xFF])
    let error = #expect(throws: InputError.self) { try bad.text(file: "f") }
    #expect(error?.place == Place(file: "f", line: 4, column: 2, byteOffset: 11))
  }
}
