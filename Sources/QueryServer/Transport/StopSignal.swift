import Glibc
import Synchronization

/// The write end of the pipe that signals are told through; read by a signal handler, so it is a
/// plain number that is set once before the handler is.
nonisolated(unsafe) private var signalPipe: Int32 = -1
/// The number of signals so far.
nonisolated(unsafe) private var signalCount: Int32 = 0

/// Turns signals, and the end of the output, into something that reading waits for.
///
/// The first SIGTERM, SIGINT or SIGHUP asks for an orderly end; the second ends the process at once
/// with 128 and its number. SIGPIPE is ignored: a reader that went away shows as an error of writing.
final class StopSignal: Sendable {
  /// Becomes readable when something happened.
  let descriptor: Int32
  private let wake: Int32
  private let isOutputClosed = Atomic<Bool>(false)
  private let isFailed = Atomic<Bool>(false)
  private let signal = Atomic<Int32>(0)

  /// A pipe without any signal, for tests.
  init() {
    var ends: [Int32] = [-1, -1]
    _ = pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (descriptor, wake) = (ends[0], ends[1])
  }

  deinit {
    close(descriptor)
    close(wake)
  }

  /// Installs the handlers. One object of a process may do so, and it must live to the end.
  func catchSignals() {
    signalPipe = wake
    Glibc.signal(SIGPIPE, SIG_IGN)
    // A parent hands its mask on, and some block everything in the thread that starts us.
    var wanted = sigset_t()
    sigemptyset(&wanted)
    for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&wanted, number) }
    pthread_sigmask(SIG_UNBLOCK, &wanted, nil)
    for number in [SIGTERM, SIGINT, SIGHUP] {
      var old = sigaction()
      sigaction(number, nil, &old)
      // `nohup` and shells that start something in the background have reasons to ignore one.
      if number != SIGTERM, isIgnored(old) { continue }
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        let saved = errno
        signalCount += 1
        if signalCount > 1 { _exit(128 + number) }
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(signalPipe, &byte, 1)
        errno = saved
      }
      action.sa_flags = Int32(SA_RESTART)
      sigaction(number, &action, nil)
    }
  }

  private func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Tells that nobody reads the answers any more.
  func outputWasClosed() {
    isOutputClosed.store(true, ordering: .releasing)
    var byte: UInt8 = 0
    _ = write(wake, &byte, 1)
  }

  /// Tells that the server cannot go on.
  func serverFailed() {
    isFailed.store(true, ordering: .releasing)
    var byte: UInt8 = 0
    _ = write(wake, &byte, 1)
  }

  /// Why reading has to stop, `nil` if it does not.
  var end: ProtocolStreams.End? {
    var byte: UInt8 = 0
    while Glibc.read(descriptor, &byte, 1) == 1 {
      if byte != 0 { signal.store(Int32(byte), ordering: .relaxed) }
    }
    let number = signal.load(ordering: .relaxed)
    if number != 0 { return .signal(number) }
    if isFailed.load(ordering: .acquiring) { return .failure }
    return isOutputClosed.load(ordering: .acquiring) ? .outputClosed : nil
  }
}
