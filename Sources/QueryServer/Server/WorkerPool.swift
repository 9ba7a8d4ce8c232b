/// Threads that do one piece of work after another, each of which may block.
///
/// The queue has no limit of its own: what may wait is limited by ``RequestRegistry``.
final class WorkerPool: Sendable {
  private struct State {
    var work: [@Sendable () -> Void] = []
    var next = 0
    var isEnding = false
  }

  private let state = Monitor(State())

  /// Starts the threads.
  init(named name: String, threads: Int) {
    for number in 1...threads {
      startThread(named: "\(name) \(number)") { [state] in
        while true {
          let work: (@Sendable () -> Void)? =
            state.when(
              { $0.next < $0.work.count || $0.isEnding },
              then: { state in
                guard state.next < state.work.count else { return nil }
                defer {
                  state.next += 1
                  if state.next == state.work.count { (state.work, state.next) = ([], 0) }
                }
                return state.work[state.next]
              }) ?? nil
          guard let work else { return }
          work()
        }
      }
    }
  }

  /// Puts a piece of work behind the others.
  func run(_ work: @escaping @Sendable () -> Void) { state.change { $0.work.append(work) } }

  /// Ends the threads when the queue is empty.
  func end() { state.change { $0.isEnding = true } }
}
