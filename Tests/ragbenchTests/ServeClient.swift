import Basics
import Foundation
import SystemPackage
import TestSupport
import Testing

/// A client of `ragbench serve` that speaks 2025-11-25.
final class ServeClient {
  let process: PipedProcess
  private var number = 0
  /// Notifications that came while an answer was waited for.
  private(set) var notifications: [JSONValue] = []

  static let hello =
    #"{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#

  init(
    _ command: Command, _ arguments: [String], environment: [String: String?] = [:],
    initializes: Bool = true, standardInput: FilePath? = nil
  ) throws {
    process = try PipedProcess(
      Command.executable(), ["serve"] + arguments,
      environment: command.environment.merging(environment) { $1 }, standardInput: standardInput)
    if initializes {
      process.send(line: Self.hello)
      _ = try answer(to: "hello")
    }
  }

  /// The bundled corpus through the tiny model.
  static func medqa(
    _ arguments: [String] = [], environment: [String: String?] = [:], initializes: Bool = true
  ) throws -> ServeClient {
    try ServeClient(
      try Command.ready.get(), ["--corpus", "medqa", "--retriever", Command.model] + arguments,
      environment: environment, initializes: initializes)
  }

  static func call(_ id: Int, _ tool: String, _ arguments: JSONObject = [:], token: String? = nil)
    throws -> String
  {
    var params: JSONObject = ["name": .string(tool), "arguments": .object(arguments)]
    if let token { params["_meta"] = ["progressToken": .string(token)] }
    return try JSONObject([
      ("jsonrpc", "2.0"), ("id", JSONValue(id)), ("method", "tools/call"),
      ("params", .object(params)),
    ]).serialized()
  }

  /// The next line, parsed.
  func next(timeout: Duration = .seconds(60)) throws -> JSONValue? {
    try process.readLine(timeout: timeout).map { try JSONParser.parse($0) }
  }

  /// Reads until the answer to a request; notifications are kept.
  func answer(to id: JSONValue, timeout: Duration = .seconds(60)) throws -> JSONValue {
    while let line = try next(timeout: timeout) {
      if line["id"] == id { return line }
      if line["method"] != nil { notifications.append(line) }
    }
    throw Command.Failure(text: "no answer to \(id.summary): \(process.errorText)")
  }

  /// Calls a tool and gives the whole answer.
  func answer(
    _ tool: String, _ arguments: JSONObject = [:], token: String? = nil
  ) throws -> JSONValue {
    number += 1
    process.send(line: try Self.call(number, tool, arguments, token: token))
    return try answer(to: JSONValue(number))
  }

  /// Calls a tool that must succeed; its structured content, which the text repeats.
  func call(
    _ tool: String, _ arguments: JSONObject = [:], token: String? = nil
  ) throws -> JSONValue {
    let answer = try answer(tool, arguments, token: token)
    let content = try #require(answer["result"]?["structuredContent"], "\(answer)")
    #expect(answer["result"]?["isError"] == false)
    let text = try #require(answer["result"]?["content"]?[0]?["text"]?.stringValue)
    #expect(try JSONParser.parse(text) == content)
    return content
  }

  /// The text of a call that must fail as a result.
  func failure(_ tool: String, _ arguments: JSONObject) throws -> String {
    let answer = try answer(tool, arguments)
    #expect(answer["result"]?["isError"] == true, "\(answer)")
    return try #require(answer["result"]?["content"]?[0]?["text"]?.stringValue, "\(answer)")
  }

  /// Ends the input and waits for the end, which must be in order.
  func close() throws {
    process.closeInput()
    let ending = try #require(process.wait(timeout: .seconds(60)), "it does not end")
    #expect(ending == .init(status: 0, signal: nil), "\(process.errorText)")
  }
}
