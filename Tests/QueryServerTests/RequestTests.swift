import Basics
import Synchronization
import Testing

@testable import QueryServer

/// Cancellation, limits, interleaving: what depends on when an answer becomes ready.
@Suite struct RequestTests {
  private static let hello =
    #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#

  private func hold(_ id: String, token: String? = nil) -> String {
    let meta = token.map { #","_meta":{"progressToken":\#($0)}"# } ?? ""
    return
      #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"hold"\#(meta)}}"#
  }

  private func cancel(_ id: String) -> String {
    #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":\#(id)}}"#
  }

  private func ids(_ lines: [String]) throws -> [JSONValue?] {
    try lines.map { try JSONParser.parse($0).requiredObject()["id"] }
  }

  @Test func aCancelledRequestSendsNothingMore() throws {
    let conversation = Conversation()
    conversation.feed(Self.hello, hold("1", token: "7"), hold(#""1""#))
    #expect(conversation.held.count == 2)
    conversation.held.context(0).progress(1, of: 3)
    conversation.feed(cancel("1"), cancel("99"), cancel("null"))
    // A string is another id than the number.
    #expect(conversation.held.context(0).isCancelled)
    #expect(!conversation.held.context(1).isCancelled)
    #expect(throws: CancellationError.self) { try conversation.held.context(0).checkCancellation() }
    conversation.held.context(0).progress(2, of: 3)
    conversation.held.release(0)
    conversation.held.release(1)
    let lines = conversation.end()
    #expect(try ids(lines) == [0, nil, "1"])
    #expect(lines[1].contains(#""progress":1"#))
  }

  @Test func anIdInUseIsRefusedUntilItIsAnswered() throws {
    let conversation = Conversation()
    conversation.feed(Self.hello, hold("1"), hold("1"))
    conversation.held.release(0)
    conversation.feed(hold("1"))
    conversation.held.release(1)
    let lines = conversation.end()
    // The refusal has no id: the client would take it for the answer of the first.
    #expect(try ids(lines) == [0, nil, 1, 1])
    #expect(lines[1].contains("-32600") && lines[1].contains(#""requestId":1"#))
  }

  @Test func answersLeaveInTheOrderInWhichTheyBecomeReady() throws {
    let conversation = Conversation()
    conversation.feed(Self.hello, hold("1"), hold("2"), hold("3"))
    for position in [2, 0, 1] { conversation.held.release(position) }
    #expect(try ids(conversation.end()) == [0, 3, 1, 2])
  }

  @Test func anAnswerIsSentOnce() throws {
    let conversation = Conversation()
    conversation.feed(Self.hello, hold("1"))
    conversation.held.release(0)
    conversation.held.release(0)
    #expect(try ids(conversation.end()) == [0, 1])
  }

  @Test func tooManyRequestsAreBusy() throws {
    let conversation = Conversation(limits: .init(requests: 3, bytes: 1 << 20))
    conversation.feed(Self.hello, hold("1"), hold("2"), hold("3"), hold("4"))
    conversation.held.release(1)
    conversation.feed(hold("5"))
    let lines = conversation.end()
    #expect(try ids(lines) == [0, 4, 2])
    #expect(lines[1].contains(#""code":-32000"#) && lines[1].contains(#""data":{"limit":3}"#))
    #expect(conversation.held.count == 4)
  }

  @Test func messagesOfTooManyBytesAreBusyUnlessAlone() throws {
    let conversation = Conversation(limits: .init(requests: 100, bytes: 100))
    let long = String(repeating: "x", count: 200)
    let call = { (id: Int) in
      #"{"jsonrpc":"2.0","id":\#(id),"method":"tools/call","params":{"name":"hold","_meta":{"x":"\#(long)"}}}"#
    }
    conversation.feed(Self.hello, call(1), call(2))
    conversation.held.release(0)
    conversation.feed(call(3))
    conversation.held.release(1)
    #expect(try ids(conversation.end()) == [0, 2, 1, 3])
  }

  @Test func progressOnlyGrows() throws {
    let conversation = Conversation()
    conversation.feed(Self.hello, hold("1", token: "\"t\""), hold("2"))
    let context = conversation.held.context(0)
    for done in [1, 3, 3, 2, 5] { context.progress(done, of: 5, "working") }
    conversation.held.context(1).progress(1, of: 2)  // nobody asked for it
    conversation.held.release(0)
    context.progress(6, of: 6)
    let lines = conversation.end()
    let told = lines.compactMap { line in
      (try? JSONParser.parse(line))?.objectValue?["params"]?.objectValue?["progress"]?.intValue
    }
    #expect(told == [1, 3, 5])
  }

  @Test func whatIsNotFinishedAtTheEndIsToldSo() throws {
    let conversation = Conversation()
    conversation.feed(Self.hello, hold("1"), hold("2"))
    conversation.held.release(0)
    let left = conversation.registry.end(within: .milliseconds(20))
    #expect(left.map(\.id) == [.integer(2)])
    conversation.feed(hold("3"))
    conversation.drop(left)
    let lines = conversation.end()
    #expect(try ids(lines) == [0, 1, 3, 2])
    #expect(lines[2].contains("the server is ending"))
    #expect(lines[3].contains("the server ended before"))
    #expect(left[0].isCancelled)
  }

  @Test func anArrayWaitsForItsLastAnswer() throws {
    let conversation = Conversation()
    conversation.feed(
      #"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}"#,
      "[\(hold("1")),\(hold("2"))]")
    conversation.held.release(1)
    #expect(conversation.registry.count == 1)
    conversation.feed(cancel("1"))
    conversation.held.release(0)
    let lines = conversation.end()
    #expect(lines.count == 2)
    #expect(try JSONParser.parse(lines[1]).arrayValue?.count == 1)
  }
}
