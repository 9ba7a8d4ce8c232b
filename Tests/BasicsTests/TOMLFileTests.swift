import Basics
import TestSupport
import Testing

@Suite struct TOMLFileTests {
  private func parse(_ text: String) throws -> JSONObject {
    try TOMLFile.parse(Array(text.utf8), file: "t.toml")
  }

  @Test func valuesAreThoseOfTheFile() throws {
    let object = try parse(
      """
      b = true
      i = -9_223_372_036_854_775_808
      x = 1.5e3
      h = 0xff
      s = "é e\\u0301 \\t \\U0001F600"
      "quoted key" = '''raw \\n'''
      list = [1, "two", [3.0]]
      [t.inner]
      v = ""
      [[rows]]
      n = 1
      [[rows]]
      n = 2
      """)
    #expect(object["b"] == .bool(true))
    #expect(object["i"] == .integer(.min))
    #expect(object["x"] == .number(1500))
    #expect(object["h"] == .integer(255))
    #expect(object["s"]?.stringValue.map { Array($0.utf8) } == Array("é e\u{301} \t 😀".utf8))
    #expect(object["quoted key"] == .string(#"raw \n"#))
    #expect(object["list"] == .array([.integer(1), .string("two"), .array([.number(3)])]))
    #expect(object["t"] == .object(["inner": .object(["v": .string("")])]))
    #expect(object["rows"] == .array([.object(["n": .integer(1)]), .object(["n": .integer(2)])]))
  }

  @Test(arguments: [
    "a = ", "a = 1\na = 2", "a = [1, 2", "[a]\n[a]", "a = 9223372036854775808", "a = 'x", "= 1",
    "a = nan", "a = -inf", "a = 1979-05-27T07:32:00Z", "a = 07:32:00", "a = \"\\u0000\"",
    "a = \"\\uD800\"", "a = 1 b = 2",
  ]) func wrongFilesAreRefused(text: String) {
    #expect(throws: InputError.self) { try parse(text) }
  }

  @Test func theLineIsNamed() {
    #expect {
      try parse("a = 1\n\nb = [\n")
    } throws: { error in
      let place = (error as? InputError)?.place
      return place?.file == "t.toml" && (place?.line ?? 0) >= 3
    }
  }

  @Test func bytesThatAreNotTextAreRefused() {
    #expect(throws: InputError.self) { try TOMLFile.parse([0x61, 0xFF], file: "t") }
    #expect(throws: InputError.self) { try TOMLFile.parse(Array("a = 'x\0y'".utf8), file: "t") }
  }

  /// The parser recurses; a hostile file must not reach the end of the stack.
  @Test func deepNestingIsRefusedNotTrapped() throws {
    let deep = "a = " + String(repeating: "[", count: 100_000)
    #expect(throws: InputError.self) { try parse(deep) }
  }
}
