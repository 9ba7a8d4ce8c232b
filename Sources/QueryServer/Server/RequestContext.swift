import Basics
import Synchronization

/// One request at work: whether it is still wanted, and how far it has come.
final class RequestContext: Sendable {
  /// Its id.
  let id: RequestID
  /// The rules it came under.
  let version: ProtocolVersion
  /// Bytes of its message.
  let bytes: Int
  /// When it was read.
  let arrival = ContinuousClock.now

  private struct State {
    var isCancelled = false
    var isFinished = false
    /// The last progress that was told; it may only grow.
    var progress = 0
  }

  private let state = Mutex(State())
  private let progressToken: JSONValue?
  private let notify: @Sendable (JSONObject) -> Void

  /// A request.
  ///
  /// - Parameters:
  ///   - id: Its id.
  ///   - version: The rules it came under.
  ///   - bytes: Bytes of its message.
  ///   - progressToken: The token under which progress is told; `nil` tells none.
  ///   - notify: Sends the parameters of a progress notification.
  init(
    id: RequestID, version: ProtocolVersion, bytes: Int, progressToken: JSONValue?,
    notify: @escaping @Sendable (JSONObject) -> Void
  ) {
    self.id = id
    self.version = version
    self.bytes = bytes
    self.progressToken = progressToken
    self.notify = notify
  }

  /// Whether the client has said that it does not want the answer, or the server is ending.
  var isCancelled: Bool { state.withLock(\.isCancelled) }

  /// - Throws: `CancellationError` if the request was cancelled.
  func checkCancellation() throws {
    if isCancelled { throw CancellationError() }
  }

  /// Tells how much is done, if the client asked for it; what does not grow is not told.
  ///
  /// - Parameters:
  ///   - done: Pieces of work that are done.
  ///   - total: All of them.
  ///   - message: What is being done.
  func progress(_ done: Int, of total: Int, _ message: String? = nil) {
    guard let progressToken else { return }
    let isNews = state.withLock { state in
      guard !state.isCancelled, !state.isFinished, done > state.progress else { return false }
      state.progress = done
      return true
    }
    guard isNews else { return }
    var params: JSONObject = [
      "progressToken": progressToken, "progress": JSONValue(done), "total": JSONValue(total),
    ]
    if let message { params["message"] = .string(message) }
    notify(params)
  }

  /// Marks the request as not wanted; work that looks at it stops.
  func cancel() { state.withLock { $0.isCancelled = true } }

  /// Ends the request.
  ///
  /// - Returns: Whether an answer may be sent: not twice, and not after a cancellation.
  func finish() -> Bool {
    state.withLock { state in
      defer { state.isFinished = true }
      return !state.isFinished && !state.isCancelled
    }
  }
}
