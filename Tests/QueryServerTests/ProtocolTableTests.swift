import Basics
import Testing

@testable import QueryServer

/// Raw bytes in, exact lines out, however the bytes are cut.
@Suite struct ProtocolTableTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var name: String
    var input: String
    /// Lines; the end of an error's message may be left out with `…`.
    var output: [String]
    var testDescription: String { name }
  }

  private static func hello(_ version: String, id: String = "0") -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"method":"initialize","params":{"protocolVersion":"\#(version)","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#
      + "\n"
  }

  private static func welcome(_ version: String, id: String = "0") -> String {
    #"{"jsonrpc":"2.0","id":\#(id),"result":{"protocolVersion":"\#(version)","capabilities":{"tools":{"listChanged":false}},"serverInfo":{"name":"test","version":"1"},"instructions":"none"}}"#
  }

  private static func error(_ code: Int, _ id: String?, _ message: String) -> String {
    #"{"jsonrpc":"2.0",\#(id.map { "\"id\":\($0)," } ?? "")"error":{"code":\#(code),"message":"\#(message)…"#
  }

  private static let meta =
    #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#
  private static let stamp =
    #""resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"test","version":"1"}}"#
  private static let modernOnly = hello("2025-11-25")

  static let handshakes: [Row] = [
    ("2024-11-05", "2024-11-05"), ("2025-03-26", "2025-03-26"), ("2025-06-18", "2025-06-18"),
    ("2025-11-25", "2025-11-25"), ("2026-07-28", "2025-11-25"), ("1.0", "2025-11-25"),
    ("2099-01-01", "2025-11-25"),
  ].map { asked, given in
    Row(name: "initialize \(asked)", input: hello(asked), output: [welcome(given)])
  }

  static let framing: [Row] = [
    Row(name: "nothing", input: "", output: []),
    Row(name: "blank lines", input: "\n\r\n   \n\t\n", output: []),
    Row(
      name: "carriage returns", input: "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n",
      output: [#"{"jsonrpc":"2.0","id":1,"result":{}}"#]),
    Row(
      name: "no newline at the end", input: #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
      output: [#"{"jsonrpc":"2.0","id":1,"result":{}}"#]),
    Row(
      name: "invalid JSON, then a valid line",
      input: "{\"jsonrpc\":\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n",
      output: [
        error(-32700, nil, "the line is not JSON: "), #"{"jsonrpc":"2.0","id":1,"result":{}}"#,
      ]),
    Row(
      name: "half a message at the end", input: #"{"jsonrpc":"2.0","id":1,"#,
      output: [error(-32700, nil, "the line is not JSON: ")]),
    Row(
      name: "number beyond Float64", input: #"{"jsonrpc":"2.0","id":1e400,"method":"ping"}"#,
      output: [error(-32700, nil, "the line is not JSON: ")]),
    Row(
      name: "NaN", input: #"{"jsonrpc":"2.0","id":NaN,"method":"ping"}"#,
      output: [error(-32700, nil, "the line is not JSON: ")]),
    Row(
      name: "a key twice", input: #"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
      output: [error(-32700, nil, "the line is not JSON: ")]),
    Row(
      name: "600 levels",
      input: #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"#
        + String(repeating: "[", count: 600) + String(repeating: "]", count: 600) + "}}",
      output: [error(-32700, nil, "the line is not JSON: ")]),
    Row(
      name: "a lone surrogate", input: #"{"jsonrpc":"2.0","id":"\ud800","method":"ping"}"#,
      output: [error(-32700, nil, "the line is not JSON: ")]),
    Row(
      name: "a line that is too long",
      input: String(repeating: "x", count: 70_000) + "\n"
        + #"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
      output: [
        error(-32600, nil, "the line has 70000 bytes, at most "),
        #"{"jsonrpc":"2.0","id":1,"result":{}}"#,
      ]),
  ]

  static let requests: [Row] = [
    Row(
      name: "no object", input: "17\n\"x\"\nnull\n",
      output: [
        error(-32600, nil, "expected a JSON-RPC 2.0 request as an object, found the integer 17"),
        error(-32600, nil, "expected a JSON-RPC 2.0 request as an object, found the string 'x'"),
        error(-32600, nil, "expected a JSON-RPC 2.0 request as an object, found null"),
      ]),
    Row(
      name: "version of JSON-RPC",
      input: #"{"id":1,"method":"ping"}"# + "\n" + #"{"jsonrpc":"1.0","id":1,"method":"ping"}"#
        + "\n" + #"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
      output: [
        error(-32600, "1", #"jsonrpc: expected \"2.0\", it is missing"#),
        error(-32600, "1", #"jsonrpc: expected \"2.0\", found the string '1.0'"#),
        error(-32600, "1", #"jsonrpc: expected \"2.0\", found the number 2.0"#),
      ]),
    Row(
      name: "method missing, of the wrong type, unknown",
      input: #"{"jsonrpc":"2.0","id":1}"# + "\n" + #"{"jsonrpc":"2.0","id":2,"method":7}"# + "\n"
        + hello("2025-11-25", id: "3") + #"{"jsonrpc":"2.0","id":4,"method":"tools/lits"}"#,
      output: [
        error(-32600, "1", "method: it is missing"),
        error(-32600, "2", "method: expected a string, found the integer 7"),
        welcome("2025-11-25", id: "3"),
        error(
          -32601, "4",
          "there is no method 'tools/lits' in version 2025-11-25; did you mean 'tools/list'?"),
      ]),
    Row(
      name: "ids that cannot be",
      input: ["null", "1.5", "{}", "[]", "true", "1e3", "9223372036854775808"].map {
        #"{"jsonrpc":"2.0","id":\#($0),"method":"ping"}"#
      }.joined(separator: "\n"),
      output: (0..<7).map { _ in error(-32600, nil, "id: expected a string or an integer, found ") }
    ),
    Row(
      name: "ids that can be",
      input: ["0", "-1", "9007199254740993", #""""#, #""a\"b""#, #""é""#].map {
        #"{"jsonrpc":"2.0","id":\#($0),"method":"ping"}"#
      }.joined(separator: "\n"),
      output: ["0", "-1", "9007199254740993", #""""#, #""a\"b""#, #""é""#].map {
        #"{"jsonrpc":"2.0","id":\#($0),"result":{}}"#
      }),
    Row(
      name: "members that no request has",
      input: #"{"jsonrpc":"2.0","id":1,"method":"ping","parms":{}}"#,
      output: [error(-32600, "1", "a request has no member 'parms'; did you mean 'params'?")]),
    Row(
      name: "params of the wrong type",
      input: #"{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}"# + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"ping","params":{"_meta":3}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":3,"method":"ping","params":{"x":3}}"#,
      output: [
        error(-32602, "1", "params: expected an object, found an array of 1"),
        error(-32602, "2", "params._meta: expected an object, found the integer 3"),
        error(-32602, "3", "params.x: there is no such parameter"),
      ]),
    Row(
      name: "notifications and responses are never answered",
      input: #"{"jsonrpc":"2.0","method":"notifications/initialized"}"# + "\n"
        + #"{"jsonrpc":"2.0","method":"no/such/method","params":[]}"# + "\n"
        + #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"# + "\n"
        + #"{"jsonrpc":"2.0","method":"notifications/cancelled"}"# + "\n"
        + #"{"jsonrpc":"2.0","id":5,"result":{}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":5,"error":{"code":1,"message":"x"}}"#,
      output: []),
    Row(
      name: "before the handshake",
      input: #"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"# + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"ping"}"#,
      output: [
        error(
          -32600, "1",
          "no version of the protocol is agreed on: send 'initialize' first (2024-11-05, 2025-03-26,"
            + " 2025-06-18, 2025-11-25), or name 'io.modelcontextprotocol/protocolVersion' in"
            + " params._meta of every request (2026-07-28)"),
        #"{"jsonrpc":"2.0","id":2,"result":{}}"#,
      ]),
    Row(
      name: "a second handshake", input: hello("2025-06-18") + hello("2025-06-18", id: "1"),
      output: [
        welcome("2025-06-18"),
        error(-32600, "1", "the session was initialized already, with 2025-06-18"),
      ]),
    Row(
      name: "a handshake without a version",
      input: #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":1}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":3,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":[]}}"#,
      output: [
        error(-32602, "1", "params.protocolVersion: it is missing"),
        error(-32602, "2", "params.protocolVersion: expected a string, found the integer 1"),
        error(-32602, "3", "params.capabilities: expected an object, found an array of 0"),
      ]),
    Row(
      name: "null for an id that cannot be read, to 2025-06-18",
      input: hello("2025-06-18") + "{\n[]\n",
      output: [
        welcome("2025-06-18"), error(-32700, "null", "the line is not JSON: "),
        error(-32600, "null", "expected one request as an object, found an array of 0"),
      ]),
    Row(
      name: "no id from 2025-11-25 on", input: hello("2025-11-25") + "{\n[1]\n",
      output: [
        welcome("2025-11-25"), error(-32700, nil, "the line is not JSON: "),
        error(-32600, nil, "expected one request as an object, found an array of 1"),
      ]),
  ]

  static let tools: [Row] = [
    Row(
      name: "call, by version",
      input: hello("2025-06-18")
        + #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a\n\"b\" 😀 é"}}}"#,
      output: [
        welcome("2025-06-18"),
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"text\":\"a\\n\\\"b\\\" 😀 é\"}"}],"structuredContent":{"text":"a\n\"b\" 😀 é"},"isError":false}}"#,
      ]),
    Row(
      name: "no structured content before 2025-06-18",
      input: hello("2024-11-05")
        + #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"}}}"#,
      output: [
        welcome("2024-11-05"),
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"text\":\"a\"}"}],"isError":false}}"#,
      ]),
    Row(
      name: "characters that some readers take for the end of a line",
      input: hello("2025-11-25")
        + "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":\"\u{85}\u{2028}\u{2029}\"}}}",
      output: [
        welcome("2025-11-25"),
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"text\":\"\\u0085\\u2028\\u2029\"}"}],"structuredContent":{"text":"\u0085\u2028\u2029"},"isError":false}}"#,
      ]),
    Row(
      name: "unknown tool, missing name, arguments of the wrong type",
      input: hello("2025-11-25")
        + #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ecko"}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":1}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"echo","arguments":[]}}"#,
      output: [
        welcome("2025-11-25"),
        error(-32602, "1", "params.name: there is no tool 'ecko'; did you mean 'echo'?"),
        error(-32602, "2", "params.name: it is missing"),
        error(-32602, "3", "params.name: expected a string, found the integer 1"),
        error(-32602, "4", "params.arguments: expected an object, found an array of 0"),
      ]),
    Row(
      name: "wrong arguments are a result",
      input: hello("2025-11-25")
        + #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"txt":"a","k":0}}}"#,
      output: [
        welcome("2025-11-25"),
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"wrong arguments for echo: text: it is missing; txt: there is no such member (there are: text, k); did you mean 'text'?; k: expected 1 to 9, found the integer 0"}],"isError":true}}"#,
      ]),
    Row(
      name: "failures",
      input: hello("2025-11-25")
        + #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fail"}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"fail","arguments":{"how":"server"}}}"#,
      output: [
        welcome("2025-11-25"),
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"use another number"}],"isError":true}}"#,
        error(-32603, "2", "a fault of the server: "),
      ]),
    Row(
      name: "progress",
      input: hello("2025-11-25")
        + #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"},"_meta":{"progressToken":"t"}}}"#
        + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"},"_meta":{"progressToken":1.5}}}"#,
      output: [
        welcome("2025-11-25"),
        #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1,"total":1}}"#,
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"text\":\"a\"}"}],"structuredContent":{"text":"a"},"isError":false}}"#,
        error(-32602, "2", "params._meta.progressToken: expected a string or an integer, found"),
      ]),
    Row(
      name: "pages of the list",
      input: hello("2025-11-25")
        + #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}"#,
      output: [
        welcome("2025-11-25"),
        error(-32602, "1", "params.cursor: there is one page only, found the string 'x'"),
      ]),
  ]

  static let modern: [Row] = [
    Row(
      name: "discover",
      input: #"{"jsonrpc":"2.0","id":"a","method":"server/discover","params":{\#(meta)}}"#,
      output: [
        #"{"jsonrpc":"2.0","id":"a","result":{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"instructions":"none","ttlMs":3600000,"cacheScope":"public",\#(stamp)}}"#
      ]),
    Row(
      name: "call without a handshake",
      input:
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"},\#(meta)}}"#,
      output: [
        #"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"text\":\"a\"}"}],"structuredContent":{"text":"a"},"isError":false,\#(stamp)}}"#
      ]),
    Row(
      name: "what each era has alone",
      input: #"{"jsonrpc":"2.0","id":1,"method":"ping","params":{\#(meta)}}"# + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"initialize","params":{\#(meta)}}"# + "\n"
        + hello("2025-11-25", id: "3")
        + #"{"jsonrpc":"2.0","id":4,"method":"server/discover"}"# + "\n"
        + #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"fail",\#(meta)}}"#,
      output: [
        error(-32601, "1", "there is no method 'ping' in version 2026-07-28"),
        error(-32601, "2", "there is no method 'initialize' in version 2026-07-28"),
        welcome("2025-11-25", id: "3"),
        error(
          -32602, "4",
          "params._meta.io.modelcontextprotocol/protocolVersion: it is missing"),
        #"{"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"use another number"}],"isError":true,\#(stamp)}}"#,
      ]),
    Row(
      name: "unsupported version",
      input:
        #"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
      output: [
        #"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"the version '2027-01-01' is not spoken without a handshake","data":{"supported":["2026-07-28"],"requested":"2027-01-01"}}}"#
      ]),
    Row(
      name: "what is missing in _meta",
      input:
        #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#
        + "\n"
        + #"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":1}}}"#
        + "\n"
        + #"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":7}}}"#,
      output: [
        error(
          -32602, "1", "params._meta.io.modelcontextprotocol/clientCapabilities: it is missing"),
        error(
          -32602, "2",
          "params._meta.io.modelcontextprotocol/clientCapabilities: expected an object, found the"),
        error(
          -32602, "3",
          "params._meta.io.modelcontextprotocol/protocolVersion: expected a string, found the"),
      ]),
  ]

  static let batches: [Row] = [
    Row(
      name: "an array at 2025-03-26",
      input: hello("2025-03-26")
        + #"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},7,{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"}}}]"#,
      output: [
        welcome("2025-03-26"),
        #"[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected a JSON-RPC 2.0 request as an object, found the integer 7"}},{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"{\"text\":\"a\"}"}],"isError":false}}]"#,
      ]),
    Row(
      name: "an array without answers",
      input: hello("2025-03-26")
        + #"[{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","method":"y"}]"#,
      output: [welcome("2025-03-26")]),
    Row(
      name: "arrays that are refused",
      input: hello("2025-03-26") + "[]\n["
        + Array(repeating: "1", count: 101).joined(separator: ",")
        + "]\n" + "[[]]\n[" + hello("2025-03-26", id: "9").dropLast() + "]",
      output: [
        welcome("2025-03-26"), error(-32600, "null", "the array of messages is empty"),
        error(-32600, "null", "an array holds 101 messages, at most 100 are accepted"),
        #"[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected a JSON-RPC 2.0 request as an object, found an array of 0"}}]"#,
        #"[{"jsonrpc":"2.0","id":9,"error":{"code":-32600,"message":"'initialize' must stand alone"}}]"#,
      ]),
    Row(
      name: "arrays in other versions", input: hello("2025-06-18") + "[]\n",
      output: [
        welcome("2025-06-18"),
        error(-32600, "null", "expected one request as an object, found an array of 0; arrays are"),
      ]),
  ]

  static let all = handshakes + framing + requests + tools + modern + batches

  private func expect(_ lines: [String], _ row: Row) {
    #expect(lines.count == row.output.count, "\(lines)")
    for (line, expected) in zip(lines, row.output) {
      if expected.hasSuffix("…") {
        #expect(line.hasPrefix(String(expected.dropLast())), "\(line)")
      } else {
        #expect(line == expected)
      }
      #expect(throws: Never.self) { try JSONParser.parse(line) }
    }
  }

  @Test(arguments: all) func fedWhole(row: Row) {
    let conversation = Conversation()
    conversation.feed([Array(row.input.utf8)])
    expect(conversation.end(), row)
  }

  @Test(arguments: all) func fedByteByByte(row: Row) {
    let conversation = Conversation()
    conversation.feed(row.input.utf8.map { [$0] })
    expect(conversation.end(), row)
  }

  @Test(arguments: all) func cutInTwoAtEveryByte(row: Row) {
    let bytes = Array(row.input.utf8)
    // Long inputs are cut at some hundred places.
    for cut in stride(from: 1, to: max(2, bytes.count), by: max(1, bytes.count / 300)) {
      let conversation = Conversation()
      conversation.feed([Array(bytes.prefix(cut)), Array(bytes.dropFirst(cut))])
      expect(conversation.end(), row)
    }
  }

  @Test(arguments: 0..<20) func allInOneStreamCutAtRandom(seed: Int) {
    // One session: rows that begin with the same handshake, without it.
    let rows = Self.tools.filter { $0.input.hasPrefix(Self.hello("2025-11-25")) }
    let head = Self.hello("2025-11-25")
    let input = Array(
      (head + rows.map { $0.input.dropFirst(head.count) + "\n" }.joined()).utf8)
    var random = SplitMix(state: UInt64(seed))
    var pieces: [[UInt8]] = []
    var position = 0
    while position < input.count {
      let length = min(1 + Int(random.next() % 97), input.count - position)
      pieces.append(Array(input[position..<position + length]))
      position += length
    }
    let conversation = Conversation()
    conversation.feed(pieces)
    expect(
      conversation.end(),
      Row(
        name: "all", input: "",
        output: [Self.welcome("2025-11-25")] + rows.flatMap { $0.output.dropFirst() }))
  }

  /// Any bytes: the server answers each line that is not blank at most once and lives on.
  @Test(arguments: 0..<200) func randomBytesAndDamagedMessages(seed: Int) throws {
    var random = SplitMix(state: UInt64(seed))
    var input = Array((Self.all[seed % Self.all.count].input).utf8)
    for _ in 0..<(1 + Int(random.next() % 8)) where !input.isEmpty {
      let position = Int(random.next() % UInt64(input.count))
      switch random.next() % 3 {
      case 0: input[position] = UInt8(truncatingIfNeeded: random.next())
      case 1: input.remove(at: position)
      default: input.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
      }
    }
    let conversation = Conversation()
    conversation.feed([input + [0x0A], Array(#"{"jsonrpc":"2.0","id":"z","method":"ping"}"#.utf8)])
    let lines = conversation.end()
    #expect(lines.last == #"{"jsonrpc":"2.0","id":"z","result":{}}"#)
    #expect(lines.count <= 2 * input.split(separator: 0x0A).count + 2)
    for line in lines { _ = try JSONParser.parse(line) }
  }
}

/// Repeatable numbers.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
