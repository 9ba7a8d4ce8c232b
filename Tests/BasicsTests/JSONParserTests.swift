import Basics
import SystemPackage
import TestSupport
import Testing

@Suite struct JSONParserTests {
  @Test func readsEveryKindOfValue() throws {
    let value = try JSONParser.parse(
      #" {"a":[1,-2,2.5,true,false,null],"b":{"c":"x\n\"\\\/\b\f\r\t\u00e9\ud83d\ude00é"}} "#)
    let expected: JSONValue = [
      "a": [1, -2, 2.5, true, false, nil], "b": ["c": "x\n\"\\/\u{8}\u{c}\r\té😀é"],
    ]
    #expect(value == expected)
    #expect(try JSONParser.parse("9223372036854775807") == .integer(.max))
    #expect(try JSONParser.parse("-9223372036854775808") == .integer(.min))
    #expect(try JSONParser.parse("[]") == [] && JSONParser.parse("{}") == [:])
  }

  @Test(arguments: [
    ("", "found the end"), (" ", "found the end"), ("nul", "expected 'null'"),
    ("[1,]", "found ']'"), ("[1 2]", "expected ',' or ']'"), ("{\"a\" 1}", "expected ':'"),
    ("{\"a\":1,}", "expected a key"), ("{a:1}", "expected a key"), ("{'a':1}", "expected a key"),
    ("[", "found the end"), ("{\"a\":", "found the end"), ("1 2", "expected the end"),
    ("{}{}", "expected the end"), ("01", "needless 0"), ("-", "expected a digit"),
    ("-01", "needless 0"), ("1.", "after '.'"), ("1.e5", "after '.'"), ("1e", "in the exponent"),
    (".5", "expected a JSON value"), ("+1", "expected a JSON value"), ("NaN", "found 'N'"),
    ("Infinity", "found 'I'"), ("1e400", "beyond the range"), ("-1e400", "beyond the range"),
    ("1e99999999999999999999", "beyond the range"), ("\"a", "is not closed"),
    ("\"\\", "is cut off"), ("\"\\x\"", "expected an escape"), ("\"\\u12\"", "four hexadecimal"),
    ("\"\\ud800\"", "lone surrogate \\uD800"), ("\"\\udc00\"", "lone surrogate \\uDC00"),
    ("\"\\ud800\\u0041\"", "lone surrogate"), ("\"\\ud800\\ud800\"", "lone surrogate"),
    ("\"a\nb\"", "U+000A must be escaped"), ("\"\0\"", "U+0000 must be escaped"),
    ("{\"a\":1,\"a\":2}", "'a' stands twice"), ("{\"a\":1,\"\\u0061\":2}", "'a' stands twice"),
    ("\u{FEFF}{}", "byte order mark"), ("[1]\u{A0}", "0xC2"), ("/**/1", "found '/'"),
  ])
  func refuses(text: String, message: String) {
    let error = #expect(throws: InputError.self) { try JSONParser.parse(text) }
    #expect(error?.message.contains(message) == true, "\(text): \(error?.message ?? "")")
    #expect(error?.exitStatus == .badData)
  }

  @Test func namesLineColumnAndByte() {
    let text = Array("{\n  \"a\": 1,\n  \"b\": x}".utf8)
    #expect(
      throws: InputError(
        "expected a JSON value, found 'x'",
        at: Place(
          file: "f", line: 12, column: 8, byteOffset: 119))
    ) {
      try JSONParser.parse(text, file: "f", line: 10, byteOffset: 100)
    }
  }

  @Test func duplicateKeysAreFoundByBytesInLargeObjects() throws {
    let members = (0..<500).map { "\"k\($0)\":\($0)" } + ["\"é\":1", "\"e\u{301}\":2"]
    let object = try JSONParser.parse("{" + members.joined(separator: ",") + "}").objectValue
    #expect(object?.count == 502)
    #expect(object?["k499"] == 499 && object?["k500"] == nil)
    #expect(object?["é"] == 1 && object?["e\u{301}"] == 2)
    #expect(object?.keys.prefix(3) == ["k0", "k1", "k2"])
    let twice = "{" + (members + ["\"k250\":0"]).joined(separator: ",") + "}"
    #expect(throws: InputError.self) { try JSONParser.parse(twice) }
  }

  @Test func limitsDepth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONParser.parse(nested(512))
    for depth in [513, 600, 1_000_000] {
      let error = #expect(throws: InputError.self) { try JSONParser.parse(nested(depth)) }
      #expect(error?.message.contains("512") == true)
    }
    let objects = String(repeating: "{\"a\":", count: 600)
    #expect(throws: InputError.self) { try JSONParser.parse(objects) }
  }

  @Test func refusesInvalidUTF8WithItsOffset() throws {
    for prefix in ["", "0123456789abcdef", "é", "\\n", "\\né"] {
      for bad in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]] as [[UInt8]] {
        let bytes = [0x22] + Array(prefix.utf8) + bad + [0x22]
        let error = #expect(throws: InputError.self) { try JSONParser.parse(bytes) }
        #expect(error?.message == "invalid UTF-8 in a string")
        #expect(error?.place.byteOffset == 1 + prefix.utf8.count)
      }
    }
  }

  /// The oracle is Python's `float()`; see make_fixtures.py.
  @Test func numbersAreTheNearestFloat64() throws {
    let rows = try JSONParser.parse(contentsOf: Checkout.fixture("basics/numbers.json")).arrayValue
    let cases = try #require(rows)
    #expect(cases.count > 400)
    for row in try cases.map({ try $0.requiredObject() }) {
      let text = try row.string("text")
      let value = try JSONParser.parse(text)
      guard case .number(let number) = value else {
        Issue.record("\(text) is \(value)")
        continue
      }
      let bits = try #require(UInt64(try row.string("bits"), radix: 16))
      #expect(number.bitPattern == bits, "\(text)")
      let printed = try value.serialized()
      #expect(try JSONParser.parse(printed).doubleValue?.bitPattern == bits, "\(printed)")
      #expect(Double(try row.string("repr"))?.bitPattern == bits)
    }
  }

  @Test func everyTruncationAndFlipIsAnErrorOrAValue() throws {
    let text = #"{"a":[1,-2.5e3,"é\n\u00e9😀",true,null],"b":{"c":{}}}"#
    let valid = Array(text.utf8)
    Damage.truncating(valid) { bytes, length in
      #expect(throws: InputError.self, "\(length)") { try JSONParser.parse(bytes) }
    }
    for mask: UInt8 in [0xFF, 0x01, 0x20, 0x80] {
      Damage.flipping(valid, mask: mask) { bytes, _ in
        if let value = try? JSONParser.parse(bytes), let printed = try? value.serialized() {
          #expect((try? JSONParser.parse(printed)) == value)
        }
      }
    }
  }

  @Test func fileMayBeGzipAndHaveAByteOrderMark() throws {
    let directory = try TemporaryDirectory()
    let text = Array("\u{FEFF}{\"a\": x}".utf8)
    let good = Array("\u{FEFF}{\"a\": 1}".utf8)
    for (name, bad, fine) in [
      ("plain", text, good), ("packed", try Gzip.compress(text), try Gzip.compress(good)),
    ] {
      #expect(try JSONParser.parse(contentsOf: directory.write(name, fine)) == ["a": 1])
      let path = try directory.write(name + "-bad", bad)
      let error = #expect(throws: InputError.self) { try JSONParser.parse(contentsOf: path) }
      #expect(error?.place == Place(file: path.shown, line: 1, column: 7, byteOffset: 9))
    }
  }

  /// The wordpiece file of MiniLM has 466 KB; the bound leaves room for a loaded machine.
  @Test func largeFileIsFast() throws {
    var text = "{"
    for index in 0..<60_000 { text += "\"token\(index)é\":\(index)," }
    text += "\"merges\":[" + String(repeating: "\"a b\",", count: 60_000) + "\"c\"]}"
    let bytes = Array(text.utf8)
    let time = try ContinuousClock().measure { _ = try JSONParser.parse(bytes) }
    #expect(time < .seconds(2), "\(bytes.count) bytes took \(time)")
  }
}
