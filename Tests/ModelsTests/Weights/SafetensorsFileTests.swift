import Basics
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// What a weight file may hold, and FAULTS.md rows 1 to 9.
@Suite struct SafetensorsFileTests {
  private let bench = SafetensorsBench()

  private static func one(_ shape: String, _ offsets: String, _ type: String = "F32") -> String {
    "{" + SafetensorsBytes.entry("w", shape, offsets, type) + "}"
  }

  // MARK: - Accepted

  @Test func tensorsAreReadByName() throws {
    let file = try bench.open(
      SafetensorsBytes.file([("b", [2], [5, 6]), ("a", [2, 2], [1, 2, 3, 4])]))
    #expect(file.entries.map(\.name) == ["b", "a"])
    let a = try #require(file.entry("a"))
    let tensor = try file.tensor(a)
    #expect(tensor.shape == [2, 2] && tensor.values == [1, 2, 3, 4])
    #expect(file.entry("c") == nil && file.entry("") == nil)
  }

  /// The data begin at any byte: served from the mapping where aligned, else copied.
  @Test(arguments: 0..<9)
  func dataNeedNoAlignment(spaces: Int) throws {
    let header = Self.one("[3]", "[0,12]") + String(repeating: " ", count: spaces)
    let file = try bench.open(
      SafetensorsBytes.file(header, data: SafetensorsBytes.floats([1, -2, 3])))
    #expect(try file.tensor(file.entries[0]).values == [1, -2, 3])
  }

  @Test func aTensorOutlivesItsFile() throws {
    let tensor = try {
      let file = try bench.open(
        SafetensorsBytes.file([("a", [1000], [Float](repeating: 3, count: 1000))]))
      return try file.tensor(file.entries[0])
    }()
    #expect(tensor.values.allSatisfy { $0 == 3 })
  }

  @Test func scalarsAndZeroDimensionsAreAccepted() throws {
    let header =
      "{\"__metadata__\":{\"format\":\"pt\"},"
      + SafetensorsBytes.entry("empty", "[0]", "[0,0]") + ","
      + SafetensorsBytes.entry("flat", "[3,0,9223372036854775807]", "[0,0]") + ","
      + SafetensorsBytes.entry("scalar", "[]", "[0,4]") + ","
      + SafetensorsBytes.entry("last", "[2,0]", "[4,4]") + "}"
    let file = try bench.open(SafetensorsBytes.file(header, data: SafetensorsBytes.floats([7])))
    #expect(file.entries.count == 4)
    let scalar = try file.tensor(#require(file.entry("scalar")))
    #expect(scalar.shape == [] && scalar.values == [7])
    for name in ["empty", "flat", "last"] {
      #expect(try file.tensor(#require(file.entry(name))).count == 0, "\(name)")
    }
    // Nothing but the header.
    #expect(try bench.open(SafetensorsBytes.file("{}")).entries.isEmpty)
  }

  @Test(arguments: 0..<3)
  func halfPrecisionIsWidened(spaces: Int) throws {
    let header =
      "{" + SafetensorsBytes.entry("half", "[4]", "[0,8]", "F16") + ","
      + SafetensorsBytes.entry("brain", "[2]", "[8,12]", "BF16") + "}"
      + String(repeating: " ", count: spaces)
    let data = SafetensorsBytes.halves([0x3C00, 0xC000, 0x0001, 0x7BFF, 0x3F80, 0xC040])
    let file = try bench.open(SafetensorsBytes.file(header, data: data))
    #expect(
      try file.tensor(#require(file.entry("half"))).values == [1, -2, 0x1p-24, 65504])
    #expect(try file.tensor(#require(file.entry("brain"))).values == [1, -3])
  }

  @Test func namesAreComparedByBytes() throws {
    let file = try bench.open(
      SafetensorsBytes.file([("\u{E9}", [1], [1]), ("e\u{301}", [1], [2])]))
    #expect(try file.tensor(#require(file.entry("\u{E9}"))).values == [1])
    #expect(try file.tensor(#require(file.entry("e\u{301}"))).values == [2])
  }

  @Test func integersAreListedAndNotRead() throws {
    let file = try bench.open(
      SafetensorsBytes.file(Self.one("[1]", "[0,8]", "I64"), data: [UInt8](repeating: 0, count: 8)))
    #expect(file.entries[0].type == .int64)
    let error = #expect(throws: InputError.self) { try file.tensor(file.entries[0]) }
    #expect(error?.message == "tensor 'w' has type I64, expected F32, F16 or BF16")
  }

  // MARK: - Refused

  @Test(arguments: 0...7)
  func tooShortForAHeader(count: Int) throws {
    let refusal = try bench.refusal([UInt8](repeating: 1, count: count))
    #expect(refusal?.contains("header too small: \(count) of 8 bytes") == true)
  }

  @Test(
    arguments: [
      (1 << 63, "header of 9223372036854775808 bytes, the limit is 100000000"),
      (.max, "header of 18446744073709551615 bytes, the limit is 100000000"),
      (1 << 31, "header of 2147483648 bytes, the limit is 100000000"),
      (100_000_001, "header of 100000001 bytes, the limit is 100000000"),
      (100_000_000, "header cut: 99999998 of 100000000 bytes are missing"),
      (3, "header cut: 1 of 3 bytes are missing"),
      (0, "the header does not start with '{'"),
      (1, "JSON"),
    ] as [(UInt64, String)])
  func headerLengths(length: UInt64, message: String) throws {
    let refusal = try bench.refusal(SafetensorsBytes.file("{}", length: length))
    #expect(refusal != nil)
    if message != "JSON" { #expect(refusal?.contains(message) == true, "\(refusal ?? "")") }
  }

  private static let nested =
    "{\"a\":" + String(repeating: "[", count: 600) + String(repeating: "]", count: 600) + "}"

  @Test(
    arguments: [
      ("not UTF-8", Array("{\"".utf8) + [0xFF, 0xFE] + Array("\":1}".utf8), "UTF-8"),
      ("not JSON", Array("{this is it}".utf8), ""),
      ("an array", Array("[1,2]".utf8), "does not start with '{'"),
      ("a space first", Array(" {}".utf8), "does not start with '{'"),
      ("a byte order mark", [0xEF, 0xBB, 0xBF] + Array("{}".utf8), "does not start with '{'"),
      ("two values", Array("{}{}".utf8), ""),
      ("zeros behind", Array("{}".utf8) + [0, 0], ""),
      ("600 levels", Array(nested.utf8), ""),
      ("an entry that is no object", Array(#"{"w":5}"#.utf8), "expected an object"),
      ("a missing key", Array(#"{"w":{"dtype":"F32","shape":[]}}"#.utf8), "'data_offsets'"),
      ("a shape of text", Array(one("[\"2\"]", "[0,8]").utf8), "expected an integer"),
      ("a broken size", Array(one("[1.5]", "[0,8]").utf8), "expected an integer"),
    ] as [(String, [UInt8], String)])
  func headers(what: String, header: [UInt8], message: String) throws {
    let refusal = try bench.refusal(SafetensorsBytes.file(headerBytes: header))
    #expect(refusal?.contains(message) == true, "\(what): \(refusal ?? "accepted")")
  }

  @Test func duplicateNamesAreRefused() throws {
    let twice = SafetensorsBytes.entry("w", "[1]", "[0,4]")
    let header = "{\(twice),\(SafetensorsBytes.entry("w", "[1]", "[4,8]"))}"
    let data = SafetensorsBytes.floats([1, 2])
    #expect(try bench.refusal(SafetensorsBytes.file(header, data: data))?.contains("'w'") == true)
    // The same name, once by an escape.
    let escaped = header.replacing(#""w""#, with: #""\u0077""#, maxReplacements: 1)
    #expect(escaped != header)
    #expect(try bench.refusal(SafetensorsBytes.file(escaped, data: data)) != nil)
  }

  @Test(arguments: [
    ("[2]", "[-8,0]", "are not a range"),
    ("[2]", "[8,0]", "are not a range"),
    ("[2]", "[0]", "are not a range"),
    ("[2]", "[0,4,8]", "are not a range"),
    ("[2]", "[0,9223372036854775808]", "expected an integer"),
    ("[2]", "[0,18446744073709551615]", "expected an integer"),
    ("[2305843009213693951]", "[0,9223372036854775804]", "bytes are missing"),
    ("[3]", "[0,12]", "data ends at byte 12, the file holds 8: 4 bytes are missing"),
    ("[1]", "[4,8]", "leaves a hole: begins at byte"),
    ("[1]", "[0,4]", "4 bytes after the last tensor"),
    ("[0]", "[0,0]", "8 bytes after the last tensor"),
    ("[3]", "[0,8]", "takes 12 bytes, data_offsets span 8"),
    ("[]", "[0,8]", "takes 4 bytes, data_offsets span 8"),
    ("[0]", "[0,8]", "takes 0 bytes, data_offsets span 8"),
    ("[-2]", "[0,8]", "is negative or overflows"),
    ("[-1,-2]", "[0,8]", "is negative or overflows"),
    ("[4294967296,4294967296]", "[0,0]", "is negative or overflows"),
    ("[9223372036854775807]", "[0,8]", "is negative or overflows"),
    ("[4611686018427387904,4]", "[0,0]", "is negative or overflows"),
  ])
  func shapesAndOffsets(shape: String, offsets: String, message: String) throws {
    let bytes = SafetensorsBytes.file(
      Self.one(shape, offsets), data: SafetensorsBytes.floats([1, 2]))
    let refusal = try bench.refusal(bytes)
    #expect(refusal?.contains(message) == true, "\(refusal ?? "accepted")")
    #expect(refusal?.contains("model.safetensors") == true)
  }

  @Test(arguments: [
    ("[0,8]", "[4,12]", "tensor 'b' overlaps the one before"),
    ("[0,8]", "[0,8]", "tensor 'b' overlaps the one before"),
    ("[0,8]", "[12,20]", "tensor 'b' leaves a hole"),
    ("[8,16]", "[16,24]", "tensor 'a' leaves a hole"),
  ])
  func twoTensors(first: String, second: String, message: String) throws {
    let header =
      "{" + SafetensorsBytes.entry("b", "[2]", second) + ","
      + SafetensorsBytes.entry("a", "[2]", first) + "}"
    let refusal = try bench.refusal(
      SafetensorsBytes.file(header, data: [UInt8](repeating: 0, count: 24)))
    #expect(refusal?.contains(message) == true, "\(refusal ?? "accepted")")
  }

  @Test(arguments: ["F8_E4M3", "F8_E5M2", "C64", "U64", "f32", "", "F32\u{301}"])
  func unknownTypesAreNamed(type: String) throws {
    let bytes = SafetensorsBytes.file(
      Self.one("[8]", "[0,8]", type), data: [UInt8](repeating: 0, count: 8))
    #expect(try bench.refusal(bytes)?.contains("unknown element type '\(type)'") == true)
  }

  @Test(arguments: [
    ("F32", SafetensorsBytes.floats([1, 2, .nan]), "nan"),
    ("F32", SafetensorsBytes.floats([1, 2, -.infinity]), "-inf"),
    ("F16", SafetensorsBytes.halves([0x3C00, 0, 0x7C00]), "inf"),
    ("BF16", SafetensorsBytes.halves([0x3C00, 0, 0x7FC0]), "nan"),
  ])
  func nonFiniteWeights(type: String, data: [UInt8], shown: String) throws {
    let file = try bench.open(
      SafetensorsBytes.file(Self.one("[3]", "[0,\(data.count)]", type), data: data))
    let error = #expect(throws: InputError.self) { try file.tensor(file.entries[0]) }
    #expect(error?.message.contains("tensor 'w' holds \(shown) at index 2") == true)
    #expect(error?.exitStatus == .badData)
    let kept = try file.tensor(file.entries[0], allowNonFinite: true)
    #expect(!kept.values[2].isFinite && kept.count == 3)
  }

  // MARK: - Other formats

  @Test(
    arguments: [
      ("pickle", [0x80, 2, 0x7D, 0x71, 0] + Array("collections".utf8), "a PyTorch pickle"),
      (
        "legacy pickle", [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "a PyTorch pickle"
      ),
      ("zip", Array("PK".utf8) + [3, 4, 0, 0, 8, 8, 0, 0, 0, 0], "a zip archive"),
      ("GGUF", Array("GGUF".utf8) + [3, 0, 0, 0, 1, 0, 0, 0], "a GGUF file"),
      ("HTML", Array("\n <!DOCTYPE html><html>".utf8), "an HTML page"),
      ("html", Array("<HTML><body>404</body>".utf8), "an HTML page"),
      ("pointer", Array("version https://git-lfs.github.com/spec/v1\n".utf8), "a Git LFS pointer"),
      ("gzip", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3], "a gzip file"),
    ] as [(String, [UInt8], String)])
  func otherFormatsAreNamed(what: String, bytes: [UInt8], name: String) throws {
    let refusal = try bench.refusal(bytes)
    #expect(refusal?.contains("this is \(name)") == true, "\(what): \(refusal ?? "accepted")")
  }

  /// The length of a header can have the bytes of another format's magic number.
  @Test(arguments: [0x8B1F, 0x0280, 0x0580, 0x18B1F])
  func aHeaderLengthIsNoMagicNumber(length: Int) throws {
    let header = Self.one("[1]", "[0,4]")
    let padded = header + String(repeating: " ", count: length - header.utf8.count)
    let file = try bench.open(SafetensorsBytes.file(padded, data: SafetensorsBytes.floats([2])))
    #expect(try file.tensor(file.entries[0]).values == [2])
  }

  // MARK: - Damage

  private static let small =
    SafetensorsBytes.file(
      "{\"__metadata__\":{\"format\":\"pt\"}," + SafetensorsBytes.entry("a", "[2,2]", "[0,16]")
        + "," + SafetensorsBytes.entry("b", "[3]", "[16,22]", "F16") + "}",
      data: SafetensorsBytes.floats([1, 2, 3, 4]) + SafetensorsBytes.halves([0, 1, 2]))

  @Test func everyTruncationIsRefused() throws {
    #expect(try bench.refusal(Self.small) == nil)
    try Damage.truncating(Self.small) { bytes, length in
      let refusal = try bench.refusal(bytes)
      #expect(refusal != nil, "cut to \(length) bytes")
    }
  }

  /// A flipped byte is refused or gives other numbers or names; nothing traps.
  @Test(arguments: [0xFF, 0x01, 0x80, 0x20] as [UInt8])
  func flippedBytesNeverTrap(mask: UInt8) throws {
    try Damage.flipping(Self.small, mask: mask) { bytes, position in
      if try bench.refusal(bytes) == nil {
        let file = try bench.open(bytes)
        let last = file.entries.map(\.bytes.upperBound).max() ?? 0
        #expect(last <= bytes.count, "byte \(position)")
      }
    }
  }

  /// Found by fuzzing: a name reached the terminal as it was.
  @Test(arguments: [
    #"{"\u007f\u001b]0;x\u0007":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
    #"{"a":{"dtype":"F32\u001b[2J","shape":[1],"data_offsets":[0,4]}}"#,
    #"{"\u202e\nragbench: ":{"dtype":"I64","shape":[1],"data_offsets":[0,4]}}"#,
  ])
  func messagesAreSafeForATerminal(header: String) throws {
    let directory = try TemporaryDirectory()
    let text = Array(header.utf8)
    let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
    let path = try directory.write(
      "m.safetensors", length + text + [UInt8](repeating: 0, count: 12))
    let error = #expect(throws: InputError.self) { try SafetensorsFile(path) }
    let shown = try #require(error?.description)
    #expect(shown.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "\(shown)")
    #expect(
      !shown.unicodeScalars.contains("\u{202E}") && shown.contains("U+00")
        || shown.contains("U+202E"))
  }

  @Test func aMissingFileIsNoInput() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: FileError.self) { try SafetensorsFile(directory.file("absent")) }
    #expect(throws: FileError.self) { try SafetensorsFile(directory.path) }
  }
}
