import Basics
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// What a GGUF file may hold, and FAULTS.md row 16.
@Suite struct GGUFFileTests {
  private let bench = GGUFBench()

  private static let floats = SafetensorsBytes.floats([1, 2])

  private static func one(_ change: (inout GGUFBytes.Tensor) -> Void) -> [UInt8] {
    var tensor = GGUFBytes.Tensor()
    change(&tensor)
    return GGUFBytes(tensors: [tensor], data: floats).bytes
  }

  private func expectRefusal(
    _ bytes: [UInt8], _ message: String, _ location: SourceLocation = #_sourceLocation
  ) throws {
    let refusal = try bench.refusal(bytes)
    #expect(
      refusal?.contains(message) == true, "\(refusal ?? "accepted")", sourceLocation: location)
    #expect(refusal?.contains("model.gguf, byte ") == true, sourceLocation: location)
  }

  // MARK: - Accepted

  /// Bit by bit what gguf-py gives for its own file, for every element type.
  @Test func valuesAreThoseOfGGUFPy() throws {
    let golden = try GoldenArrays("gguf", "tiny")
    let file = try GGUFFile(Checkout.fixture("gguf/tiny.gguf"))
    #expect(file.version == 3 && Set(file.entries.map(\.name)) == Set(golden.names))
    #expect(Set(file.entries.map(\.type)) == Set(GGUFFile.ElementType.allCases))
    for description in try golden.description.objects("arrays") {
      let name = try description.string("name")
      let entry = try #require(file.entry(name))
      #expect(try entry.type.name == description.string("type"))
      let tensor = try file.tensor(entry)
      #expect(try tensor.shape == golden.shape(name) && entry.count == tensor.count)
      let expected = try golden.array(name)
      #expect(
        zip(tensor.values, expected).allSatisfy { $0.bitPattern == $1.bitPattern }, "\(name)")
    }
  }

  @Test func metadataOfEveryType() throws {
    let metadata = try GGUFFile(Checkout.fixture("gguf/tiny.gguf")).metadata
    #expect(try metadata.string("general.architecture") == "llama")
    #expect(try metadata.int("test.uint8") == 255 && metadata.int("test.int8") == -128)
    #expect(try metadata.int("test.uint16") == 65535 && metadata.int("test.int16") == -32768)
    #expect(try metadata.int("test.uint32") == 4_294_967_295)
    #expect(try metadata.int("test.int32") == -2_147_483_648)
    #expect(try metadata.int("test.uint64") == .max && metadata.int("test.int64") == .min)
    #expect(try metadata.double("test.float32") == Double(Float(1e-5)))
    #expect(try metadata.double("test.float64") == 0.1)
    #expect(try metadata.bool("test.true") == true && metadata.bool("test.false") == false)
    let text = try #require(try metadata.string("test.string"))
    #expect(text.utf8.elementsEqual("\u{E9} e\u{301} \u{1F642}".utf8))
    let strings = try #require(try metadata.strings("test.strings"))
    #expect(
      strings.map { Array($0.utf8) }
        == ["", "a", "Ġthe", "\u{E9}", "e\u{301}"].map { Array($0.utf8) })
    #expect(try metadata.ints("test.ints") == [-1, 0, 70000])
    #expect(try metadata.doubles("test.floats") == [0.5, -2.25])
    #expect(try metadata.string("absent") == nil && metadata.ints("absent") == nil)
    #expect(try metadata.required("test.uint8", metadata.int) == 255)
  }

  @Test func aValueOfAnotherTypeIsNamed() throws {
    let metadata = try GGUFFile(Checkout.fixture("gguf/tiny.gguf")).metadata
    let refusals: [(String, () throws -> Void)] = [
      ("'test.uint8' is uint8 255, expected a string", { _ = try metadata.string("test.uint8") }),
      ("'test.string' is string, expected an integer", { _ = try metadata.int("test.string") }),
      ("'test.int8' is int8 -128, expected a finite", { _ = try metadata.double("test.int8") }),
      ("'test.true' is bool, expected an integer", { _ = try metadata.int("test.true") }),
      (
        "is an array of 5 string, expected an array of integers",
        { _ = try metadata.ints("test.strings") }
      ),
      (
        "is an array of 2 float32, expected an array of strings",
        { _ = try metadata.strings("test.floats") }
      ),
      ("is an array of 3 int32, expected an integer", { _ = try metadata.int("test.ints") }),
      ("is uint8 255, expected an array of finite", { _ = try metadata.doubles("test.uint8") }),
      ("the key 'absent' is missing", { _ = try metadata.required("absent", metadata.int) }),
    ]
    for (message, read) in refusals {
      let error = #expect(throws: InputError.self) { try read() }
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "accepted")")
      #expect(error?.place.file?.contains("tiny.gguf") == true)
    }
  }

  @Test func shapesAlignmentAndVersions() throws {
    var file = GGUFBytes(version: 2)
    file.keys = [("general.alignment", GGUFBytes.value(4, GGUFBytes.number(UInt32(64))))]
    file.alignment = 64
    file.tensors = [
      .init(name: "b", sizes: [3, 2], offset: 64),
      .init(name: "a", sizes: [], offset: 0),
      .init(name: "empty", sizes: [0, 7], offset: 128),
    ]
    file.data =
      SafetensorsBytes.floats([9]) + [UInt8](repeating: 0, count: 60)
      + SafetensorsBytes.floats([1, 2, 3, 4, 5, 6])
    let read = try bench.open(file.bytes)
    #expect(read.entries.map(\.name) == ["a", "b", "empty"] && read.version == 2)
    let b = try read.tensor(#require(read.entry("b")))
    #expect(b.shape == [2, 3] && b.values == [1, 2, 3, 4, 5, 6])
    let a = try read.tensor(#require(read.entry("a")))
    #expect(a.shape == [] && a.values == [9])
    #expect(try read.tensor(#require(read.entry("empty"))).shape == [7, 0])
    // Nothing but the head; a vocabulary alone.
    #expect(try bench.open(GGUFBytes().bytes).entries.isEmpty)
  }

  @Test func aTensorOutlivesItsFile() throws {
    let tensor = try {
      let file = try bench.open(Self.one { _ in })
      return try file.tensor(file.entries[0])
    }()
    #expect(tensor.values == [1, 2])
  }

  // MARK: - Refused

  @Test func heads() throws {
    try expectRefusal([], "does not begin with 'GGUF'")
    try expectRefusal(Array("GGML".utf8), "does not begin with 'GGUF'")
    try expectRefusal(Array("PK\u{3}\u{4}".utf8), "this is a zip archive")
    try expectRefusal(Array("GGUF".utf8), "the file ends in the version: 4 of 4 bytes are missing")
    try expectRefusal(GGUFBytes(version: 1).bytes, "GGUF version 1, expected 2 or 3")
    try expectRefusal(GGUFBytes(version: 4).bytes, "GGUF version 4, expected 2 or 3")
    try expectRefusal(GGUFBytes(version: 0x0300_0000).bytes, "(a big-endian file?)")
    for count: UInt64 in [1 << 63, .max, 1 << 32, 1] {
      try expectRefusal(GGUFBytes(tensorCount: count).bytes, "\(count) tensors, 8 bytes are left")
      try expectRefusal(GGUFBytes(keyCount: count).bytes, "\(count) keys, 0 bytes are left")
    }
  }

  /// The file of 43 bytes that asks for 2^63 elements, and its kin.
  @Test(arguments: [1 << 63, .max, 1 << 61, 1 << 32, 3] as [UInt64])
  func arrayLengths(count: UInt64) throws {
    for type: UInt32 in [0, 5, 8, 9, 11] {
      var file = GGUFBytes()
      file.keys = [("k", GGUFBytes.array(type, count: count, [0, 0]))]
      try expectRefusal(file.bytes, "\(count) elements in 'k', 2 bytes are left")
    }
    var file = GGUFBytes()
    file.keys = [("k", GGUFBytes.value(8, GGUFBytes.number(count) + [0, 0]))]
    try expectRefusal(file.bytes, "'k' has \(count) bytes, 2 are left")
  }

  @Test func values() throws {
    func file(_ key: String, _ value: [UInt8]) -> [UInt8] { GGUFBytes(keys: [(key, value)]).bytes }
    let one = GGUFBytes.value(0, [1])
    try expectRefusal(file("k", GGUFBytes.value(13, [1])), "'k' has the unknown value type 13")
    try expectRefusal(file("k", GGUFBytes.value(.max, [1])), "unknown value type 4294967295")
    try expectRefusal(
      file("k", GGUFBytes.array(99, count: 1, [0])), "'k' has the unknown value type 99")
    try expectRefusal(file("k", GGUFBytes.value(7, [2])), "'k' is 2, expected a bool")
    try expectRefusal(file("k", GGUFBytes.array(7, count: 2, [1, 3])), "'k' is 3, expected a bool")
    try expectRefusal(file("", one), "key 0 has 0 bytes")
    try expectRefusal(file(String(repeating: "k", count: 65_536), one), "key 0 has 65536 bytes")
    try expectRefusal(
      file("k", GGUFBytes.value(8, GGUFBytes.number(UInt64(2)) + [0x41, 0xFF])),
      "'k' is invalid UTF-8")
    try expectRefusal(GGUFBytes(keys: [("k", one), ("k", one)]).bytes, "the key 'k' occurs twice")
    // Equal only canonically: two keys.
    #expect(
      try bench.open(GGUFBytes(keys: [("\u{E9}", one), ("e\u{301}", one)]).bytes).metadata.keys
        .count
        == 2)
    let deep = (0..<200).flatMap { _ in GGUFBytes.number(UInt32(9)) + GGUFBytes.number(UInt64(1)) }
    try expectRefusal(
      file("k", GGUFBytes.number(UInt32(9)) + deep), "'k' nests arrays deeper than 8")
    try expectRefusal(
      file("split.count", GGUFBytes.value(2, GGUFBytes.number(UInt16(3)))), "one of 3 parts")
  }

  @Test(arguments: [0, 1, 3, 7, 24, 1 << 31, 1 << 17] as [UInt32])
  func alignments(alignment: UInt32) throws {
    var file = GGUFBytes(tensors: [.init()], data: Self.floats)
    file.keys = [("general.alignment", GGUFBytes.value(4, GGUFBytes.number(alignment)))]
    try expectRefusal(file.bytes, "'general.alignment' is \(alignment), expected a power of two")
    file.keys = [("general.alignment", GGUFBytes.value(8, GGUFBytes.text("32")))]
    try expectRefusal(file.bytes, "'general.alignment' is string, expected an integer")
  }

  @Test(
    arguments: [
      ([1 << 63, 2], "overflows"), ([1 << 32, 1 << 32], "overflows"), ([.max], "overflows"),
      ([1 << 62, 4], "overflows"), ([1 << 61, 1], "overflows"),
      ([1 << 60], "bytes are missing"), ([3], "4 bytes are missing"),
      ([1, 1, 1, 1, 1], "has 5 dimensions, at most 4"),
      ([1], ""), ([0], "8 bytes after the last tensor"),
    ] as [([UInt64], String)])
  func dimensions(sizes: [UInt64], message: String) throws {
    let bytes = Self.one { $0.sizes = sizes }
    // Up to the alignment, bytes may follow: one number less is padding.
    if message.isEmpty { return #expect(try bench.refusal(bytes) == nil) }
    try expectRefusal(bytes, message)
  }

  @Test(
    arguments: [
      (10, "has type Q2_K, expected one of F32, F16, Q4_0, Q4_1, Q8_0"), (30, "has type BF16"),
      (26, "has type I32"), (12, "has type Q4_K"), (4, "has type number 4"),
      (.max, "has type number 4294967295"), (8, "has rows of 2 numbers, Q8_0 has blocks of 32"),
    ] as [(UInt32, String)])
  func elementTypes(type: UInt32, message: String) throws {
    try expectRefusal(Self.one { $0.type = type }, message)
  }

  @Test func offsets() throws {
    for offset: UInt64 in [1, 8, 1 << 63, .max, .max - 31] {
      let bytes = Self.one { $0.offset = offset }
      try expectRefusal(bytes, "begins at byte \(offset) of the data")
    }
    let far = UInt64(Int.max) - 31
    try expectRefusal(Self.one { $0.offset = far }, "ends beyond any file")
    try expectRefusal(Self.one { $0.offset = 32 }, "bytes are missing")
    var two = GGUFBytes(tensors: [.init(name: "a"), .init(name: "b")], data: Self.floats)
    try expectRefusal(two.bytes, "tensor 'b' overlaps what is before")
    two.tensors[1].offset = 64
    two.data = [UInt8](repeating: 0, count: 96)
    try expectRefusal(two.bytes, "tensor 'b' leaves a hole")
    two.tensors[1] = .init(name: "a", offset: 32)
    try expectRefusal(two.bytes, "tensor 'a' occurs twice")
    two.tensors[1] = .init(name: "b", offset: 32)
    #expect(try bench.refusal(Array(two.bytes.dropLast(32))) == nil)
    try expectRefusal(two.bytes, "56 bytes after the last tensor")
  }

  @Test func nonFiniteWeights() throws {
    var file = GGUFBytes(tensors: [.init()], data: SafetensorsBytes.floats([1, .nan]))
    try expectRefusal(file.bytes, "tensor 'w' holds nan at index 1")
    // A block whose scale is infinite.
    file.tensors = [.init(sizes: [32], type: 8)]
    file.data = SafetensorsBytes.halves([0x7C00]) + [UInt8](repeating: 1, count: 32)
    try expectRefusal(file.bytes, "tensor 'w' holds inf at index 0")
    let open = try bench.open(file.bytes)
    #expect(try open.tensor(open.entries[0], allowNonFinite: true).count == 32)
  }

  @Test func messagesAreSafeForATerminal() throws {
    let refusal = try #require(
      try bench.refusal(
        Self.one {
          $0.name = "\u{1B}]0;x\u{7}"
          $0.type = 99
        }))
    #expect(refusal.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
    #expect(refusal.contains("U+001B"))
  }

  // MARK: - Damage

  private static let small: [UInt8] = {
    var file = GGUFBytes()
    file.keys = [
      ("k", GGUFBytes.value(8, GGUFBytes.text("text"))),
      ("a", GGUFBytes.array(8, count: 2, GGUFBytes.text("x") + GGUFBytes.text("yz"))),
      ("n", GGUFBytes.array(5, count: 2, [1, 0, 0, 0, 2, 0, 0, 0])),
    ]
    file.tensors = [
      .init(name: "a", sizes: [2, 2]), .init(name: "q", sizes: [32, 1], type: 3, offset: 32),
    ]
    file.data =
      SafetensorsBytes.floats([1, 2, 3, 4]) + [UInt8](repeating: 0, count: 16)
      + SafetensorsBytes.halves([0x3C00, 0x3800]) + [UInt8](repeating: 0x51, count: 16)
    return file.bytes
  }()

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

  @Test func aMissingFileIsNoInput() throws {
    let directory = try TemporaryDirectory()
    #expect(throws: FileError.self) { try GGUFFile(directory.file("absent")) }
    #expect(throws: FileError.self) { try GGUFFile(directory.path) }
  }
}
