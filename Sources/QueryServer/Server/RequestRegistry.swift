import Basics

/// The requests at work, by id, and how many there may be.
final class RequestRegistry: Sendable {
  /// How much may be at work.
  struct Limits: Sendable {
    /// Requests at work.
    var requests = 1024
    /// Bytes of their messages.
    var bytes = 64 << 20
  }

  private struct State {
    var requests: [RequestID: RequestContext] = [:]
    var bytes = 0
    var isEnding = false
  }

  private let limits: Limits
  private let state = Monitor(State())

  init(limits: Limits = Limits()) { self.limits = limits }

  /// How many requests are at work.
  var count: Int { state.read(\.requests.count) }

  /// Takes a request in.
  ///
  /// - Parameter context: The request.
  /// - Throws: `ProtocolError` if its id is in use, too many are at work, or the server is ending.
  func begin(_ context: RequestContext) throws(ProtocolError) {
    let refusal: ProtocolError? = state.change { state in
      if state.requests[context.id] != nil {
        return ProtocolError(
          .invalidRequest,
          "id: \(context.id.shown) is in use by a request that is not answered yet",
          data: ["requestId": context.id.json])
      }
      if state.isEnding { return ProtocolError(.busy, "the server is ending") }
      if state.requests.count >= limits.requests
        || (!state.requests.isEmpty && state.bytes + context.bytes > limits.bytes)
      {
        return ProtocolError(
          .busy,
          "busy: \(state.requests.count) requests of \(Format.bytes(state.bytes)) are at work,"
            + " at most \(limits.requests) of \(Format.bytes(limits.bytes)) may be; ask again"
            + " when some are answered",
          data: ["limit": JSONValue(limits.requests)])
      }
      state.requests[context.id] = context
      state.bytes += context.bytes
      return nil
    }
    if let refusal { throw refusal }
  }

  /// Takes a request out.
  ///
  /// - Parameters:
  ///   - context: The request.
  ///   - reply: Sends the answer; not called if nothing may be sent for it any more. It runs before
  ///     the request counts as done, so that who waits for the end finds the answer sent.
  func finish(_ context: RequestContext, _ reply: () -> Void) {
    if context.finish() { reply() }
    state.change { state in
      guard state.requests[context.id] === context else { return }
      state.requests[context.id] = nil
      state.bytes -= context.bytes
    }
  }

  /// Cancels a request; an unknown id has no effect. The id is free at once.
  ///
  /// - Returns: Whether there was such a request.
  @discardableResult
  func cancel(_ id: RequestID) -> Bool {
    state.change { state in
      guard let context = state.requests.removeValue(forKey: id) else { return false }
      state.bytes -= context.bytes
      context.cancel()
      return true
    }
  }

  /// Refuses what comes, and waits until nothing is at work.
  ///
  /// - Parameter limit: The longest wait.
  /// - Returns: The requests that are still at work.
  func end(within limit: Duration) -> [RequestContext] {
    state.change { $0.isEnding = true }
    state.wait(until: { $0.requests.isEmpty }, within: limit)
    return state.read { Array($0.requests.values) }
  }
}
