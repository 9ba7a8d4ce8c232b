import Synchronization

/// Gathers the answers to the messages of one array, and sends them as one array when the last one
/// is there. Messages without an answer count too; without any answer nothing is sent.
final class BatchCollector: Sendable {
  private struct State {
    var missing: Int
    var lines: [[UInt8]] = []
  }

  private let state: Mutex<State>
  private let send: @Sendable ([UInt8]) -> Void

  init(count: Int, send: @escaping @Sendable ([UInt8]) -> Void) {
    state = Mutex(State(missing: count))
    self.send = send
  }

  /// Takes the answer to one message, `nil` if it has none.
  func add(_ line: [UInt8]?) {
    let lines: [[UInt8]] = state.withLock { state in
      if let line { state.lines.append(line) }
      state.missing -= 1
      return state.missing == 0 ? state.lines : []
    }
    guard !lines.isEmpty else { return }
    var whole: [UInt8] = [UInt8(ascii: "[")]
    for (position, line) in lines.enumerated() {
      if position > 0 { whole.append(UInt8(ascii: ",")) }
      whole += line
    }
    whole.append(UInt8(ascii: "]"))
    send(whole)
  }
}
