import Basics
import Synchronization
import Testing

@testable import QueryServer

/// A message handler with tools of its own, in memory: what is fed comes out as lines.
final class Conversation {
  let outgoing: OutgoingLines
  let registry: RequestRegistry
  let statistics = ServerStatistics()
  let held = HeldCalls()
  private let written = Written()
  private let handler: MessageHandler
  private var splitter: MessageSplitter

  private final class Written: Sendable {
    let bytes = Mutex<[UInt8]>([])
  }

  init(limits: RequestRegistry.Limits = .init(), lineLimit: Int = 1 << 16) {
    let written = written
    outgoing = OutgoingLines { bytes in
      written.bytes.withLock { $0.append(contentsOf: bytes) }
      return bytes.count
    }
    registry = RequestRegistry(limits: limits)
    handler = MessageHandler(
      tools: ToolRegistry([EchoTool(), HoldTool(calls: held), FailTool()]),
      server: ["name": "test", "version": "1"], instructions: "none", registry: registry,
      outgoing: outgoing, statistics: statistics)
    splitter = MessageSplitter(limit: lineLimit)
  }

  /// Feeds bytes as they are cut.
  func feed(_ pieces: [[UInt8]]) {
    for piece in pieces {
      piece.withUnsafeBytes { splitter.feed($0) { handler.receive($0) } }
    }
  }

  func feed(_ lines: String...) { feed([Array((lines.joined(separator: "\n") + "\n").utf8)]) }

  /// Ends the input and gives all lines that came out.
  func end() -> [String] {
    if let piece = splitter.finish() { handler.receive(piece) }
    outgoing.finish(within: .seconds(10))
    return lines
  }

  /// The lines so far.
  var lines: [String] {
    written.bytes.withLock { bytes in
      bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// Answers what could not be finished.
  func drop(_ contexts: [RequestContext]) { handler.drop(contexts) }
}

/// Gives its arguments back.
struct EchoTool: Tool {
  let definition = ToolDefinition(
    name: "echo", title: "Echo", description: "Gives its arguments back.",
    input: Schema.object(
      [
        ("text", Schema.string("A text.", maximum: 100_000)),
        ("k", Schema.integer("A number.", in: 1...9)),
      ],
      required: ["text"]),
    output: Schema.object([("text", Schema.string("The text."))], required: ["text"]))

  func begin(
    _ arguments: JSONObject, _ context: RequestContext,
    reply: @escaping @Sendable (Result<JSONObject, any Error>) -> Void
  ) {
    reply(.success(["text": arguments["text"] ?? .null]))
  }
}

/// Calls that are answered when the test says so.
final class HeldCalls: Sendable {
  typealias Call = (
    context: RequestContext, reply: @Sendable (Result<JSONObject, any Error>) -> Void
  )
  let calls = Mutex<[Call]>([])

  var count: Int { calls.withLock(\.count) }

  func release(_ position: Int) {
    let call = calls.withLock { $0[position] }
    call.reply(.success(["done": JSONValue(position)]))
  }

  func context(_ position: Int) -> RequestContext { calls.withLock { $0[position].context } }
}

/// Answers when the test says so.
struct HoldTool: Tool {
  let calls: HeldCalls
  let definition = ToolDefinition(
    name: "hold", title: "Hold", description: "Waits.", input: Schema.object([]),
    output: Schema.object([("done", Schema.integer("Which."))]), isReadOnly: false)

  func begin(
    _ arguments: JSONObject, _ context: RequestContext,
    reply: @escaping @Sendable (Result<JSONObject, any Error>) -> Void
  ) {
    calls.calls.withLock { $0.append((context, reply)) }
  }
}

/// Fails.
struct FailTool: Tool {
  struct Fault: Error {}
  let definition = ToolDefinition(
    name: "fail", title: "Fail", description: "Fails.",
    input: Schema.object([("how", Schema.string("How.", oneOf: ["user", "server"]))]),
    output: Schema.object([]))

  func begin(
    _ arguments: JSONObject, _ context: RequestContext,
    reply: @escaping @Sendable (Result<JSONObject, any Error>) -> Void
  ) {
    reply(
      .failure(
        arguments["how"]?.stringValue == "server" ? Fault() : UsageError("use another number")))
  }
}
