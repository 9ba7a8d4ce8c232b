import Basics
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The server's section of FAULTS.md, row by row, against the built program.
@Suite(.serialized) struct ServeFaultTests {
  private static let ping = #"{"jsonrpc":"2.0","id":"p","method":"ping"}"#
  private static let pong = #"{"jsonrpc":"2.0","id":"p","result":{}}"#

  /// Feeds bytes to a fresh server, ends the input, and gives the lines that came out.
  private func lines(
    _ input: [UInt8], _ arguments: [String] = [], environment: [String: String?] = [:]
  ) throws -> [String] {
    let command = try Command.ready.get()
    let result = try ChildProcess.run(
      Command.executable(),
      ["serve", "--corpus", "medqa", "--retriever", Command.model] + arguments,
      environment: command.environment.merging(environment) { $1 }, input: input)
    #expect(result.status == 0, "\(result.status ?? -1) \(result.errorText)")
    return result.outputText.split(separator: "\n").map(String.init)
  }

  private func lines(_ input: String...) throws -> [String] {
    try lines(Array((input.joined(separator: "\n") + "\n").utf8))
  }

  private func code(_ line: String) throws -> Int? {
    try JSONParser.parse(line)["error"]?["code"]?.intValue
  }

  /// Row 54.
  @Test func linesThatAreNotJSONCostOneAnswerEach() throws {
    let input =
      Array("\n   \n{\n".utf8) + [0x22, 0xFF, 0xFE, 0x22, 0x0A] + Array("\t\r\n\(Self.ping)\n".utf8)
    let found = try lines(input)
    #expect(try found.map(code) == [-32700, -32700, nil])
    #expect(!found[0].contains(#""id""#) && found[1].contains("UTF-8"))
    #expect(found.last == Self.pong)
    // Up to 2025-06-18 the id of an error is null.
    let old = try lines(
      ServeClient.hello.replacingOccurrences(of: "2025-11-25", with: "2025-06-18"), "{", Self.ping)
    #expect(old.count == 3 && old[1].hasPrefix(#"{"jsonrpc":"2.0","id":null,"error""#))
  }

  /// Row 55.
  @Test(arguments: [true, false]) func aLineOfAHundredMegabytesTakesNoMemory(ends: Bool) throws {
    let client = try ServeClient.medqa()
    _ = try client.call("search", ["query": "gout"])
    let before = client.process.residentBytes.most
    let block = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
    let start = ContinuousClock.now
    for _ in 0..<100 { #expect(client.process.send(block) == block.count) }
    let seconds = (ContinuousClock.now - start).inSeconds
    if ends {
      client.process.send(line: "")
      let refusal = try #require(try client.next())
      #expect(refusal["error"]?["code"]?.intValue == -32600)
      #expect(refusal["error"]?["message"]?.stringValue?.contains("104857600 bytes") == true)
      _ = try client.call("search", ["query": "gout"])
    }
    let after = client.process.residentBytes.most
    // The limit of a line is 16 MiB; what was kept of it may double while it grows.
    #expect(after - before < 48 << 20, "\(before) \(after)")
    #expect(seconds < 20)
    client.process.closeInput()
    if !ends { #expect(try client.next()?["error"]?["code"]?.intValue == -32600) }
    try client.close()
  }

  /// Row 56.
  @Test func whatIsNoRequestIsNamed() throws {
    let found = try lines(
      ServeClient.hello, #"{"jsonrpc":"2.0","id":1,"method":"tools/lost"}"#,
      #"{"jsonrpc":"2.0","id":2}"#, #"{"jsonrpc":"2","id":3,"method":"ping"}"#,
      #"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":[]}"#,
      #"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":5}}"#,
      #"{"jsonrpc":"2.0","id":6,"method":"ping","params":{"more":1}}"#)
    #expect(try found.map(code) == [nil, -32601, -32600, -32600, -32602, -32602, -32602])
    for (line, path) in zip(found[4...], ["params", "params.name", "params.more"]) {
      #expect(try JSONParser.parse(line)["error"]?["data"]?["path"]?.stringValue == path)
    }
  }

  /// Row 57.
  @Test func idsAreEchoedOrRefused() throws {
    let long = String(repeating: "i", count: 1 << 20)
    let found = try lines(
      Array(
        ([
          #"{"jsonrpc":"2.0","method":"ping"}"#, #"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
          #"{"jsonrpc":"2.0","id":1.25,"method":"ping"}"#,
          #"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
          #"{"jsonrpc":"2.0","id":"é\u0000","method":"ping"}"#,
          #"{"jsonrpc":"2.0","id":"\#(long)","method":"ping"}"#,
        ].joined(separator: "\n") + "\n").utf8))
    #expect(try found.prefix(3).map(code) == [-32600, -32600, -32600])
    #expect(found[3] == #"{"jsonrpc":"2.0","id":"é\u0000","result":{}}"#)
    #expect(found[4] == #"{"jsonrpc":"2.0","id":"\#(long)","result":{}}"#)
    #expect(found.count == 5)
    let client = try ServeClient.medqa(environment: ["RAGBENCH_SLOW_TOOL": "stats:1500"])
    client.process.send(line: try ServeClient.call(7, "stats"))
    client.process.send(line: try ServeClient.call(7, "stats"))
    let refusal = try #require(try client.next())
    #expect(refusal["id"] == nil && refusal["error"]?["data"]?["requestId"] == 7)
    #expect(try client.answer(to: 7)["result"] != nil)
    try client.close()
  }

  /// Row 58: arrays are answered item by item at 2025-03-26, up to a hundred, and refused otherwise.
  @Test func arraysFollowOneRule() throws {
    let march = ServeClient.hello.replacingOccurrences(of: "2025-11-25", with: "2025-03-26")
    let many = "[" + Array(repeating: Self.ping, count: 10_000).joined(separator: ",") + "]"
    let found = try lines(march, "[]", "[\(Self.ping)]", many, "[\(Self.ping),1,{}]")
    #expect(found.count == 5)
    #expect(try code(found[1]) == -32600)
    #expect(found[2] == "[\(Self.pong)]")
    #expect(try code(found[3]) == -32600)
    let mixed = try #require(try JSONParser.parse(found[4]).arrayValue)
    #expect(mixed.map { $0["error"]?["code"]?.intValue } == [nil, -32600, -32600])
    #expect(try lines(ServeClient.hello, "[\(Self.ping)]").map(code) == [nil, -32600])
  }

  /// Row 59.
  @Test func numbersAndNestingBeyondTheirBounds() throws {
    let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
    let search = { (k: String) in
      #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"x","k":\#(k)}}}"#
    }
    let found = try lines(
      ServeClient.hello, search("1e400"), search("NaN"), search("1,\"k\":2"), search(deep),
      search("9007199254740993"), search("-1"), search("1e18"))
    #expect(try found.map(code) == [nil, -32700, -32700, -32700, -32700, nil, nil, nil])
    for line in found[5...] {
      let result = try JSONParser.parse(line)["result"]
      #expect(result?["isError"] == true)
      #expect(
        result?["content"]?[0]?["text"]?.stringValue?.contains("1 to 1000") == true, "\(line)")
    }
  }

  /// Row 60.
  @Test func theEndOfInputIsAnOrderlyEnd() throws {
    #expect(try lines([]) == [])
    #expect(try lines(Array(Self.ping.utf8)) == [Self.pong])
    #expect(try lines(Array(#"{"jsonrpc":"2.0","#.utf8)).count == 1)
    // Work in flight is finished.
    let calls = try (0..<40).map {
      try ServeClient.call($0, "search", ["query": .string("gout \($0)")])
    }
    let found = try lines(Array(([ServeClient.hello] + calls).joined(separator: "\n").utf8))
    #expect(found.count == 41)
    #expect(try found.allSatisfy { try code($0) == nil })
    // A client that loses patience sends SIGTERM, which ends the wait.
    let client = try ServeClient.medqa(environment: ["RAGBENCH_SLOW_TOOL": "stats:60000"])
    client.process.send(line: try ServeClient.call(1, "stats"))
    client.process.closeInput()
    #expect(client.process.wait(timeout: .milliseconds(500)) == nil)
    client.process.send(signal: SIGTERM)
    #expect(client.process.wait(timeout: .seconds(10)) == .init(status: 143, signal: nil))
    #expect(try client.next()?["error"]?["code"]?.intValue == -32000)
  }

  /// Row 61.
  @Test func aClientThatStopsReadingStopsTheReading() throws {
    let client = try ServeClient.medqa(["--queue", "100"])
    _ = try client.call("search", ["query": "gout", "k": 100])
    let before = client.process.residentBytes.now
    let query = String(repeating: "gout ", count: 400)
    let lines = try (0..<20_000).map {
      try ServeClient.call($0, "search", ["query": .string(query), "k": 100]) + "\n"
    }
    let input = Array(lines.joined().utf8)
    let sent = client.process.send(input, timeout: .seconds(6))
    #expect(sent < input.count, "all of \(input.count) bytes were read")
    let grown = client.process.residentBytes.now - before
    #expect(grown < 100 << 20, "\(Format.bytes(grown))")
    // It reads on when it is read: whole requests that were taken are all answered, once each.
    client.process.closeInput()
    var answered: Set<Int> = []
    while let answer = try client.next() {
      if let id = answer["id"]?.intValue { #expect(answered.insert(id).inserted) }
    }
    let taken = input[..<sent].count { $0 == 0x0A }
    #expect(answered == Set(0..<taken), "\(answered.count) of \(taken)")
    try client.close()
  }

  /// Row 62.
  @Test(arguments: [false, true]) func aClientThatGoesAwayEndsTheServer(isBusy: Bool) throws {
    let client = try ServeClient.medqa()
    if isBusy {
      let calls = try (0..<200).map { try ServeClient.call($0, "search", ["query": "gout"]) + "\n" }
      client.process.send(Array(calls.joined().utf8))
    }
    client.process.closeOutput()
    #expect(client.process.wait(timeout: .seconds(20)) == .init(status: 0, signal: nil))
    #expect(!client.process.errorText.contains("crash"), "\(client.process.errorText)")
  }

  /// Row 63.
  @Test(arguments: [(15, 143), (2, 130), (1, 129)] as [(Int32, Int32)])
  func aSignalIsAnOrderlyEnd(signal: Int32, status: Int32) throws {
    let client = try ServeClient.medqa(environment: ["RAGBENCH_SLOW_TOOL": "stats:700"])
    client.process.send(line: try ServeClient.call(1, "stats"))
    client.process.send(line: try ServeClient.call(2, "rollback", ["handle": "x"]))
    _ = try client.answer(to: 2)
    client.process.send(signal: signal)
    // What was at work is finished and leaves.
    #expect(try client.answer(to: 1)["result"] != nil)
    #expect(client.process.wait(timeout: .seconds(10)) == .init(status: status, signal: nil))
  }

  /// Row 63.
  @Test func aSecondSignalEndsAtOnceAndTheStoreIsSound() throws {
    let client = try ServeClient.medqa(environment: ["RAGBENCH_SLOW_TOOL": "stats:60000"])
    client.process.send(line: try ServeClient.call(1, "stats"))
    client.process.send(line: try ServeClient.call(2, "rollback", ["handle": "x"]))
    _ = try client.answer(to: 2)
    client.process.send(signal: SIGINT)
    #expect(client.process.wait(timeout: .milliseconds(300)) == nil)
    let start = ContinuousClock.now
    client.process.send(signal: SIGTERM)
    #expect(client.process.wait(timeout: .seconds(10)) == .init(status: 143, signal: nil))
    #expect(ContinuousClock.now - start < .seconds(1))
    let verified = try Command.ready.get().run(["index", "verify", "--corpus", "medqa"])
    #expect(verified.status == 0, "\(verified.outputText)")
  }

  /// Row 63.
  @Test func aStoppedServerGoesOn() throws {
    let client = try ServeClient.medqa()
    _ = try client.call("search", ["query": "gout"])
    client.process.send(signal: SIGSTOP)
    client.process.send(line: try ServeClient.call(9, "search", ["query": "sleep"]))
    #expect(try client.next(timeout: .milliseconds(200)) == nil)
    client.process.send(signal: SIGCONT)
    #expect(try client.answer(to: 9)["result"] != nil)
    try client.close()
  }

  /// Row 64.
  @Test func tenThousandRequestsAtOnce() throws {
    let client = try ServeClient.medqa(["--queue", "500"])
    let calls = try (0..<10_000).map {
      try ServeClient.call($0, "search", ["query": .string("gout \($0)"), "k": 1]) + "\n"
    }
    let input = Array(calls.joined().utf8)
    // `send` touches nothing that reading does.
    nonisolated(unsafe) let process = client.process
    Thread { process.send(input) }.start()
    var answered: Set<Int> = []
    var busy = 0
    while answered.count < 10_000, let answer = try client.next() {
      #expect(answered.insert(try #require(answer["id"]?.intValue)).inserted)
      if let error = answer["error"] {
        #expect(error["code"]?.intValue == -32000)
        #expect(error["message"]?.stringValue?.hasPrefix("busy: 500 requests") == true)
        #expect(error["data"]?["limit"]?.intValue == 500)
        busy += 1
      }
    }
    #expect(answered.count == 10_000)
    #expect(busy < 9_500)
    try client.close()
  }

  /// Row 64.
  @Test func aThousandSlowRequests() throws {
    let client = try ServeClient.medqa(
      ["--queue", "20"], environment: ["RAGBENCH_SLOW_TOOL": "stats:300"])
    let calls = try (0..<1000).map { try ServeClient.call($0, "stats") + "\n" }
    client.process.send(Array(calls.joined().utf8))
    // Whoever is short is not held up: the protocol itself answers at once.
    client.process.send(line: Self.ping)
    var (busy, done) = (0, 0)
    while let answer = try client.next() {
      if answer["id"] == "p" { break }
      if answer["error"]?["code"]?.intValue == -32000 { busy += 1 } else { done += 1 }
    }
    #expect(busy >= 970 && done < 20, "\(busy) \(done)")
    for _ in 0..<(1000 - busy - done) { #expect(try client.next()?["result"] != nil) }
    try client.close()
  }

  /// Row 65.
  @Test func standardInputMayBeAFileOrClosedOrNothing() throws {
    let command = try Command.ready.get()
    let file = try command.directory.write(
      "serve-input.jsonl", text: "\(Self.ping)\n\(ServeClient.hello)\n")
    let serve = "\"$RAGBENCH\" serve --corpus medqa --retriever tiny-bert"
    let fromFile = try command.shell("\(serve) < '\(file.string)'")
    #expect(fromFile.status == 0 && fromFile.outputText.hasPrefix(Self.pong + "\n"))
    for source in ["/dev/null", "&-"] {
      let result = try command.shell("\(serve) <\(source)")
      #expect(result.status == 0 && result.output.isEmpty, "\(source): \(result.errorText)")
    }
    let folder = try command.shell("\(serve) < /tmp")
    #expect(folder.status == 66)
    #expect(folder.errorText.contains("standard input"), "\(folder.errorText)")
  }

  /// Row 65.
  @Test func aTerminalIsTalkedToAndStaysAsItWas() throws {
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    defer { close(master) }
    // TIOCSPTLCK and TIOCGPTN: `unlockpt` and `ptsname` are not imported.
    var (locked, number) = (Int32(0), UInt32(0))
    #expect(ioctl(master, 0x4004_5431, &locked) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
    let name = "/dev/pts/\(number)"
    let slave = open(name, O_RDWR | O_NOCTTY)
    defer { close(slave) }
    var before = termios()
    #expect(tcgetattr(slave, &before) == 0)
    let client = try ServeClient(
      try Command.ready.get(), ["--corpus", "medqa", "--retriever", Command.model],
      initializes: false, standardInput: FilePath(name))
    let line = Array((Self.ping + "\n").utf8)
    #expect(write(master, line, line.count) == line.count)
    #expect(client.process.readLine() == Self.pong)
    #expect(client.process.errorText.contains("one message a line"), "\(client.process.errorText)")
    #expect(write(master, [4], 1) == 1)  // Ctrl-D
    #expect(client.process.wait(timeout: .seconds(20)) == .init(status: 0, signal: nil))
    var after = termios()
    #expect(tcgetattr(slave, &after) == 0)
    #expect(
      before.c_lflag == after.c_lflag && before.c_iflag == after.c_iflag
        && before.c_oflag == after.c_oflag)
  }

  /// Row 66.
  @Test(arguments: ["search", "get_document"])
  func aFaultNamesTheRequestAndHarmsNothing(tool: String) throws {
    let client = try ServeClient.medqa(
      environment: ["RAGBENCH_CRASH_IN_TOOL": tool, "SWIFT_BACKTRACE": "enable=no"])
    let arguments: JSONObject = tool == "search" ? ["query": "gout"] : ["id": "x"]
    client.process.send(line: try ServeClient.call(4711, tool, arguments))
    let ending = try #require(client.process.wait(timeout: .seconds(60)))
    #expect(ending.signal != nil)
    let log = client.process.errorText
    #expect(log.contains("it was working on request"), "\(log)")
    #expect(log.contains("4711") && log.contains("tool \(tool)"), "\(log)")
    let verified = try Command.ready.get().run(["index", "verify", "--corpus", "medqa"])
    #expect(verified.status == 0, "\(verified.outputText)")
    let next = try ServeClient.medqa()
    #expect(try next.call("search", ["query": "gout"])["hits"]?.arrayValue?.count == 10)
    try next.close()
  }

  /// Memory after a hundred thousand requests, five thousand of them searches, is what it was after
  /// some.
  @Test func memoryStaysFlatUnderManyRequests() throws {
    let (requests, searches) = (100_000, 5_000)
    let client = try ServeClient.medqa(["--policy", "quarantine"])
    var resident: [Int] = []
    let slice = requests / 20
    for start in stride(from: 0, to: requests, by: slice) {
      // As many lines as the pipes hold, then their answers.
      for group in stride(from: start, to: start + slice, by: 50) {
        let lines = try (group..<group + 50).map { number -> String in
          if number % (requests / searches) == 0 {
            return try ServeClient.call(
              number, "search", ["query": .string("gout \(number)"), "k": 5])
          }
          return #"{"jsonrpc":"2.0","id":\#(number),"method":"ping"}"#
        }
        client.process.send(Array((lines.joined(separator: "\n") + "\n").utf8))
        for _ in 0..<50 { #expect(try client.next()?["result"] != nil) }
      }
      resident.append(client.process.residentBytes.now)
    }
    let (early, late) = (resident[3], resident[19])
    #expect(late - early < 8 << 20, "\(resident.map { $0 >> 20 })")
    try client.close()
  }
}
