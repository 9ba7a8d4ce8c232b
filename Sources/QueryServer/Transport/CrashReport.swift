import Basics
import Glibc
import Synchronization

/// Names the requests at work when the process is ended by a fault of its own.
///
/// Every request notes itself in memory that a signal handler can read; the handler writes the notes
/// to standard error and lets the fault take its course.
final class CrashReport: Sendable {
  /// The reports of this process.
  static let shared = CrashReport()

  private static let slots = 64
  private static let slotBytes = 256
  private let taken = (0..<slots).map { _ in Flag() }

  private final class Flag: Sendable {
    let isTaken = Atomic<Bool>(false)
  }

  private init() {
    let bytes = Self.slots * Self.slotBytes
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes)
    memory.initialize(repeating: 0, count: bytes)
    crashNotes = memory
    crashNoteBytes = bytes
  }

  /// Installs the handlers.
  func catchFaults() {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        if let notes = crashNotes {
          // Empty slots are zeros, which no reader of a log wants; each note is written by itself.
          var offset = 0
          while offset < crashNoteBytes {
            let length = strnlen(
              UnsafeRawPointer(notes + offset).assumingMemoryBound(to: CChar.self), 256)
            if length > 0 { _ = write(STDERR_FILENO, notes + offset, length) }
            offset += 256
          }
        }
        signal(number, SIG_DFL)
        raise(number)
      }
      // Once, so that a fault in the handler ends the process.
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_NODEFER)
      sigaction(number, &action, nil)
    }
  }

  /// Runs the work of a request while it is noted.
  ///
  /// - Parameters:
  ///   - request: What to call it in the log, one line.
  ///   - body: The work.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws.
  func noting<Result>(_ request: String, _ body: () throws -> Result) rethrows -> Result {
    let slot = taken.firstIndex {
      $0.isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    }
    // More requests at work than slots: this one stays without a name.
    guard let slot, let notes = crashNotes else { return try body() }
    let place = notes + slot * Self.slotBytes
    let text = "ragbench: it was working on \(TerminalText.excerpt(request, limit: 150))\n"
    for (offset, byte) in text.utf8.prefix(Self.slotBytes - 1).enumerated() { place[offset] = byte }
    defer {
      place.update(repeating: 0, count: Self.slotBytes)
      taken[slot].isTaken.store(false, ordering: .releasing)
    }
    return try body()
  }
}

/// Read by a signal handler, so plain variables; set once, before the handler is installed.
nonisolated(unsafe) private var crashNotes: UnsafeMutablePointer<UInt8>?
nonisolated(unsafe) private var crashNoteBytes = 0
