import Basics

/// Answers messages: the protocol itself at once, tools when they are done.
///
/// Messages are handed in by one thread, in the order in which they were read. Answers leave in the
/// order in which they become ready.
final class MessageHandler {
  /// Messages that may stand in one array, where arrays are allowed.
  static let maximumBatch = 100
  /// How long a list of tools stays as it is, in milliseconds: as long as the process lives.
  private static let timeToLive = 3_600_000

  private let tools: ToolRegistry
  private let writer: ReplyWriter
  private let instructions: String
  private let registry: RequestRegistry
  private let outgoing: OutgoingLines
  private let statistics: ServerStatistics
  private var session = Session()

  /// A handler.
  ///
  /// - Parameters:
  ///   - tools: What can be called.
  ///   - server: Name and version, as clients are told.
  ///   - instructions: What a model should know before it calls a tool.
  ///   - registry: The requests at work.
  ///   - outgoing: Where answers go.
  ///   - statistics: What is counted.
  init(
    tools: ToolRegistry, server: JSONObject, instructions: String, registry: RequestRegistry,
    outgoing: OutgoingLines, statistics: ServerStatistics
  ) {
    self.tools = tools
    writer = ReplyWriter(server: server)
    self.instructions = instructions
    self.registry = registry
    self.outgoing = outgoing
    self.statistics = statistics
  }

  /// Where the answer to one message goes.
  private typealias Sink = @Sendable (_ line: [UInt8]?) -> Void

  /// Takes a line from the client.
  func receive(_ piece: MessageSplitter.Piece) {
    let outgoing = outgoing
    // Whoever answers has waited for room before: the reading thread so that it notices signals
    // meanwhile, the others in `call`.
    let sink: Sink = { line in if let line { outgoing.sendWithoutWaiting(line) } }
    switch piece {
    case .tooLong(let bytes):
      refuse(
        nil,
        ProtocolError(
          .invalidRequest,
          "the line has \(bytes) bytes, at most \(MessageSplitter.maximumLineBytes) are accepted"),
        sink)
    case .line(let bytes):
      receive(IncomingMessage(line: bytes), bytes: bytes.count, sink)
    }
  }

  private func receive(_ message: IncomingMessage, bytes: Int, _ sink: @escaping Sink) {
    switch message {
    case .invalid(let id, let error): refuse(id, error, sink)
    case .response: sink(nil)
    case .notification(let method, let params):
      notice(method, params)
      sink(nil)
    case .batch(let messages): receive(messages, bytes: bytes, sink)
    case .request(let id, let method, let params):
      do {
        let version = try session.version(of: method, params, isHandshake: method == "initialize")
        try answer(id, method, params, version, bytes: bytes, sink)
      } catch {
        refuse(id, error, sink)
      }
    }
  }

  private func refuse(_ id: RequestID?, _ error: ProtocolError, _ sink: Sink) {
    statistics.count(error)
    // The id of a request at work is not used a second time: the client would take the error for
    // that request's answer.
    let isInUse = error.data?["requestId"] != nil
    sink(writer.error(isInUse ? nil : id, error, needsID: session.errorsNeedAnID))
  }

  private func receive(_ messages: [IncomingMessage], bytes: Int, _ sink: @escaping Sink) {
    func refuse(_ message: String) {
      self.refuse(nil, ProtocolError(.invalidRequest, message), sink)
    }
    guard session.handshake?.allowsBatches == true else {
      return refuse(
        "expected one request as an object, found an array of \(messages.count); arrays are a"
          + " matter of version \(ProtocolVersion.v2025March.rawValue) alone")
    }
    guard !messages.isEmpty else { return refuse("the array of messages is empty") }
    guard messages.count <= Self.maximumBatch else {
      return refuse(
        "an array holds \(messages.count) messages, at most \(Self.maximumBatch) are accepted")
    }
    let collector = BatchCollector(count: messages.count) { sink($0) }
    for message in messages {
      if case .request(let id, "initialize", _) = message {
        self.refuse(
          id, ProtocolError(.invalidRequest, "'initialize' must stand alone"), collector.add)
      } else {
        receive(message, bytes: bytes / messages.count, collector.add)
      }
    }
  }

  private func notice(_ method: String, _ params: JSONObject) {
    guard method == "notifications/cancelled" else { return }
    if let id = params["requestId"].flatMap({ RequestID($0) }), registry.cancel(id) {
      statistics.countCancellation()
    }
  }

  // MARK: - Requests

  private func answer(
    _ id: RequestID, _ method: String, _ params: JSONObject, _ version: ProtocolVersion, bytes: Int,
    _ sink: @escaping Sink
  ) throws(ProtocolError) {
    switch (method, version.isModern) {
    case ("initialize", false):
      let agreed = try session.initialize(params)
      sink(
        writer.result(
          id,
          [
            "protocolVersion": .string(agreed.rawValue),
            "capabilities": ["tools": ["listChanged": false]],
            "serverInfo": .object(writer.server), "instructions": .string(instructions),
          ], for: agreed))
    case ("server/discover", true):
      try check(params, knows: [])
      sink(
        writer.result(
          id,
          [
            "supportedVersions": .array(ProtocolVersion.modern.map { .string($0.rawValue) }),
            "capabilities": ["tools": [:]], "instructions": .string(instructions),
            "ttlMs": JSONValue(Self.timeToLive), "cacheScope": "public",
          ], for: version))
    case ("ping", false):
      try check(params, knows: [])
      sink(writer.result(id, [:], for: version))
    case ("tools/list", _):
      try check(params, knows: ["cursor"])
      if let cursor = params["cursor"] {
        throw .parameter(
          "params.cursor",
          "there is one page only, found \(cursor.summary)")
      }
      var result: JSONObject = ["tools": tools.list(for: version)]
      if version.isModern {
        result["ttlMs"] = JSONValue(Self.timeToLive)
        result["cacheScope"] = "public"
      }
      sink(writer.result(id, result, for: version))
    case ("tools/call", _):
      try check(params, knows: ["name", "arguments", "task", "inputResponses", "requestState"])
      try call(id, params, version, bytes: bytes, sink)
    default:
      let known =
        version.isModern
        ? ["server/discover", "tools/list", "tools/call"]
        : ["initialize", "ping", "tools/list", "tools/call"]
      throw ProtocolError(
        .methodNotFound,
        "there is no method '\(TerminalText.excerpt(method))' in version \(version.rawValue)"
          + NearestName.hint(for: method, in: known))
    }
  }

  private func check(_ params: JSONObject, knows names: [String]) throws(ProtocolError) {
    for key in params.keys where key != "_meta" && !names.contains(key) {
      throw .parameter(
        "params.\(TerminalText.excerpt(key))",
        "there is no such parameter" + NearestName.hint(for: key, in: names))
    }
  }

  private func call(
    _ id: RequestID, _ params: JSONObject, _ version: ProtocolVersion, bytes: Int,
    _ sink: @escaping Sink
  ) throws(ProtocolError) {
    guard let named = params["name"] else { throw .parameter("params.name", "it is missing") }
    guard case .string(let name) = named else {
      throw .parameter("params.name", "expected a string, found \(named.summary)")
    }
    let tool = try tools.tool(named: name)
    let arguments: JSONObject
    switch params["arguments"] {
    case nil: arguments = [:]
    case .object(let object): arguments = object
    case let other?:
      throw .parameter("params.arguments", "expected an object, found \(other.summary)")
    }
    let token = params["_meta"]?.objectValue?["progressToken"]
    if let token, RequestID(token) == nil {
      throw .parameter(
        "params._meta.progressToken", "expected a string or an integer, found \(token.summary)")
    }
    let (outgoing, writer) = (outgoing, writer)
    let context = RequestContext(
      id: id, version: version, bytes: bytes, progressToken: token,
      notify: { outgoing.send(writer.notification("notifications/progress", $0)) })
    try registry.begin(context)
    let definition = tool.definition
    let faults = SchemaCheck.faults(
      of: .object(arguments), against: definition.input, name: "")
    let (registry, statistics) = (registry, statistics)
    let needsID = session.errorsNeedAnID
    let reply: @Sendable (Result<JSONObject, any Error>) -> Void = { result in
      statistics.record(definition.name, result, since: context.arrival)
      if case .success = result { context.progress(1, of: 1) }
      registry.finish(context) {
        sink(Self.line(for: result, context, writer, needsID: needsID))
      }
      // A cancelled request sends nothing, but an array waits for each of its messages.
      if context.isCancelled { sink(nil) }
    }
    if !faults.isEmpty {
      return reply(
        .failure(
          UsageError("wrong arguments for \(definition.name): " + faults.joined(separator: "; "))))
    }
    tool.begin(arguments, context) { result in
      // Here a client that does not read holds up the work, and so the memory it takes.
      outgoing.waitForRoom { context.isCancelled }
      reply(result)
    }
  }

  private static func line(
    for result: Result<JSONObject, any Error>, _ context: RequestContext, _ writer: ReplyWriter,
    needsID: Bool
  ) -> [UInt8] {
    switch result {
    case .success(let output): writer.tool(context.id, output, for: context.version)
    case .failure(let error as ProtocolError): writer.error(context.id, error, needsID: needsID)
    case .failure(let error as any ReportableError):
      writer.toolError(context.id, error.description, for: context.version)
    case .failure(let error):
      writer.error(
        context.id, ProtocolError(.internal, "a fault of the server: \(error)"), needsID: needsID)
    }
  }

  /// Answers what could not be finished before the end.
  func drop(_ contexts: [RequestContext]) {
    for context in contexts {
      registry.finish(context) {
        outgoing.sendWithoutWaiting(
          writer.error(
            context.id, ProtocolError(.busy, "the server ended before the answer was ready"),
            needsID: false))
      }
      context.cancel()
    }
  }
}
