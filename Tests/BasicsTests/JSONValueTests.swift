import Basics
import TestSupport
import Testing

@Suite struct JSONValueTests {
  /// The three ways of writing differ in what they escape, and in nothing else.
  @Test func everyScalarIsEscapedWhereItMustBe() throws {
    for value in Array(0...0x2100) + [0xD7FF, 0xE000, 0xFEFF, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF] {
      guard let scalar = Unicode.Scalar(UInt32(value)) else { continue }
      let text = "a\(scalar)b\(scalar)"
      let needed = value < 0x20 || value == 0x22 || value == 0x5C
      let lineEnd = [0x85, 0x2028, 0x2029].contains(value)
      let markup = [0x26, 0x3C, 0x3E, 0x2028, 0x2029].contains(value)
      let json = JSONValue.string(text)
      for (written, isEscaped) in [
        (try json.serialized(), needed), (try json.serializedAsLine(), needed || lineEnd),
        (try json.serializedForHTML(), needed || markup),
      ] {
        #expect(try JSONParser.parse(written) == json, "U+\(String(value, radix: 16))")
        #expect(
          written.unicodeScalars.contains { $0 == scalar && value > 0x20 } != isEscaped
            || [0x22, 0x5C, 0x20].contains(value) || (isEscaped && value < 0x20),
          "U+\(String(value, radix: 16)): \(written)")
      }
    }
    #expect(try JSONValue.string("x\u{85}é\u{2028}").serializedAsLine() == #""x\u0085é\u2028""#)
  }

  @Test func serialisesDeterministically() throws {
    let value: JSONValue = [
      "z": [1, 2.0, 0.1, 1e22, -0.0, true, nil, [], [:]], "a": ["t": "\"\\\n\u{1}\u{7f}é/"],
    ]
    #expect(
      try value.serialized()
        == #"{"z":[1,2.0,0.1,1e+22,-0.0,true,null,[],{}],"a":{"t":"\"\\\n\u0001"#
        + "\u{7f}é/\"}}")
    #expect(try JSONParser.parse(value.serialized(pretty: true)) == value)
  }

  /// What fits into a line of 100 bytes stands in one, what does not is broken at its own level only.
  @Test(arguments: [70, 83, 84, 200]) func prettyBreaksOnlyWhatDoesNotFit(length: Int) throws {
    #expect(
      try (["a": [1, ["b": []]]] as JSONValue).serialized(pretty: true)
        == #"{"a": [1, {"b": []}]}"#)
    let text = String(repeating: "x", count: length)
    let value: JSONValue = ["long": .array([.string(text), 1]), "k": ["a": 1]]
    let list =
      length + 17 <= 100 ? "[\"\(text)\", 1]" : "[\n    \"\(text)\",\n    1\n  ]"
    #expect(
      try value.serialized(pretty: true)
        == "{\n  \"long\": \(list),\n  \"k\": {\"a\": 1}\n}")
    #expect(try JSONParser.parse(value.serialized(pretty: true)) == value)
  }

  @Test func nonFiniteNumbersAreRefusedByName() {
    for number in [Double.nan, .infinity, -.infinity] {
      let value: JSONValue = ["a": ["b": [1, .number(number)]]]
      let error = #expect(throws: InputError.self) { try value.serialized() }
      #expect(error?.description.contains("a.b.1") == true)
    }
  }

  @Test func htmlFormCannotCloseItsBlock() throws {
    let text = "</script><!--&\u{2028}\u{2029}]]>\"\u{301}<"
    let value: JSONValue = ["k<": .string(text)]
    let html = try value.serializedForHTML()
    for scalar in html.unicodeScalars {
      #expect(!["<", ">", "&", "\u{2028}", "\u{2029}"].contains(scalar))
    }
    #expect(try JSONParser.parse(html) == value)
  }

  @Test func equalityIsByBytesAndIgnoresOrder() {
    #expect(JSONValue.string("é") != .string("e\u{301}"))
    #expect((["a": 1, "b": 2] as JSONValue) == ["b": 2, "a": 1])
    #expect((["a": 1] as JSONValue) != ["a": 1, "b": 2])
    #expect(JSONValue.integer(1) != .number(1))
    #expect(([1, 2] as JSONValue) != [2, 1])
  }

  @Test func objectKeepsOrderThroughChanges() {
    var object = JSONObject()
    for index in 0..<100 { object["k\(index)"] = .integer(Int64(index)) }
    object["k50"] = "new"
    object["k0"] = nil
    object["absent"] = nil
    #expect(object.count == 99 && object.keys.first == "k1")
    #expect(object["k50"] == "new" && object["k0"] == nil && object["k99"] == 99)
    for index in 1..<97 { object["k\(index)"] = nil }
    #expect(object.keys == ["k97", "k98", "k99"] && object["k98"] == 98)
    object["k97"] = nil
    object["k97"] = 1
    #expect(object.keys == ["k98", "k99", "k97"])
  }

  @Test func typedAccessNamesTheDottedKey() throws {
    let object = try JSONParser.parse(
      #"{"s":"x","i":3,"d":2.5,"b":true,"n":null,"l":[1,"x"],"o":{"in":{"x":"y"}}}"#
    ).requiredObject()
    let place = Place(file: "f.json")
    #expect(try object.string("s") == "x" && object.int("i") == 3 && object.bool("b"))
    #expect(try object.double("d") == 2.5 && object.double("i") == 3)
    #expect(try object.optionalInt("absent") == nil && object.optionalString("n") == nil)
    #expect(try object.optionalBool("b") == true)
    let inner = try object.object("o").object("in", at: place.inside("o"))
    let checks: [(String, () throws -> Void)] = [
      (
        "f.json: 's': expected an integer, found the string 'x'",
        { _ = try object.int("s", at: place) }
      ),
      (
        "f.json: 'd': expected an integer, found the number 2.5",
        { _ = try object.int("d", at: place) }
      ),
      (
        "f.json: the key 'q' is missing, expected a string",
        { _ = try object.string("q", at: place) }
      ),
      ("f.json: 'n': expected a string, found null", { _ = try object.string("n", at: place) }),
      (
        "f.json: 'b': expected a number, found true",
        { _ = try object.optionalDouble("b", at: place) }
      ),
      (
        "f.json: 'l.1': expected an integer, found the string 'x'",
        { _ = try object.ints("l", at: place) }
      ),
      (
        "f.json: 'o': expected an array, found an object of 1 members",
        { _ = try object.array("o", at: place) }
      ),
      (
        "f.json: 'o.in.x': expected an integer, found the string 'y'",
        { _ = try inner.int("x", at: place.inside("o").inside("in")) }
      ),
    ]
    for (message, call) in checks {
      let error = #expect(throws: InputError.self) { try call() }
      #expect(error?.description == message)
    }
  }

  @Test func differencesNameDottedKeys() throws {
    let old = try JSONParser.parse(#"{"a":1,"b":{"c":[1,2],"d":1},"e":"x"}"#).requiredObject()
    let new = try JSONParser.parse(#"{"e":"x","b":{"c":[1,3],"f":null},"a":1.0}"#).requiredObject()
    #expect(
      JSONDifference.between(old, new).map(\.description) == [
        "a: 1 -> 1.0", "b.c.1: 2 -> 3", "b.d: 1 -> absent", "b.f: absent -> null",
      ])
    #expect(JSONDifference.between(old, old).isEmpty)
  }

  @Test func keysAreComparedByBytes() {
    let keys: Set<UTF8Key> = ["é", "e\u{301}", "é"]
    #expect(keys.count == 2)
    #expect(UTF8Key("a") < "b" && UTF8Key("\u{FFFF}") < "\u{10000}" && !(UTF8Key("a") < "a"))
  }
}
