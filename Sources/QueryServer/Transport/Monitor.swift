import Glibc

/// State that threads share, with waiting until it allows something.
///
/// `@unchecked Sendable`: the state is touched only while the mutex is held.
final class Monitor<State: Sendable>: @unchecked Sendable {
  private var state: State
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(_ state: State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // A clock that nobody sets.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Reads or changes the state and wakes those who wait for a change.
  func change<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return try body(&state)
  }

  /// Reads the state.
  func read<Result>(_ body: (State) throws -> Result) rethrows -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(state)
  }

  /// Waits until the state allows it, then changes it.
  ///
  /// - Parameters:
  ///   - isReady: Whether the state allows it.
  ///   - limit: The longest wait; `nil` waits for ever.
  ///   - body: The change.
  /// - Returns: What `body` returns, `nil` if the time was over first.
  func when<Result>(
    _ isReady: (State) -> Bool, within limit: Duration? = nil,
    then body: (inout State) -> Result
  ) -> Result? {
    let deadline = limit.map(Self.deadline)
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    while !isReady(state) {
      if var deadline {
        if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT, !isReady(state) {
          return nil
        }
      } else {
        pthread_cond_wait(condition, mutex)
      }
    }
    return body(&state)
  }

  /// Waits until the state allows it.
  ///
  /// - Parameters:
  ///   - isReady: Whether the state allows it.
  ///   - limit: The longest wait; `nil` waits for ever.
  /// - Returns: Whether it does; if not, the time was over first.
  @discardableResult
  func wait(until isReady: (State) -> Bool, within limit: Duration? = nil) -> Bool {
    when(isReady, within: limit, then: { _ in true }) ?? false
  }

  private static func deadline(in limit: Duration) -> timespec {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let (seconds, attoseconds) = limit.components
    let nanoseconds = now.tv_nsec + Int(attoseconds / 1_000_000_000)
    return timespec(
      tv_sec: now.tv_sec + Int(seconds) + nanoseconds / 1_000_000_000,
      tv_nsec: nanoseconds % 1_000_000_000)
  }
}
