import Glibc
import Synchronization

/// A line on standard error that says how far a long job is.
///
/// It is drawn only on a terminal, at most ten times a second, and removed at the end; elsewhere
/// nothing is written. Safe to advance from several threads.
public final class ProgressBar: Sendable {
  private struct State {
    var done = 0
    var lastDrawn: ContinuousClock.Instant?
    var isFinished = false
  }

  /// Whether anything is drawn.
  public let isVisible: Bool
  private let label: String
  private let total: Int?
  private let unit: String
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  /// Starts the clock.
  ///
  /// - Parameters:
  ///   - label: What is being done.
  ///   - total: How much there is to do, `nil` if unknown.
  ///   - unit: What is counted, in the plural.
  ///   - isQuiet: Whether `--quiet` was given.
  public init(_ label: String, total: Int? = nil, unit: String = "items", isQuiet: Bool = false) {
    self.label = TerminalText.escaped(label)
    self.total = total
    self.unit = unit
    isVisible =
      !isQuiet && Terminal.isTerminal(STDERR_FILENO)
      && getenv("TERM").map {
        strcmp($0, "dumb") != 0
      } ?? true
  }

  deinit { finish() }

  /// Counts further items as done.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - detail: What else there is to say, such as a loss; shown until the next call.
  public func advance(by count: Int = 1, detail: String = "") {
    guard isVisible else { return }
    state.withLock { state in
      state.done += count
      let now = ContinuousClock.now
      if let last = state.lastDrawn, now - last < .milliseconds(100) { return }
      if state.isFinished { return }
      state.lastDrawn = now
      draw(done: state.done, elapsed: (now - start).inSeconds, detail: detail)
    }
  }

  /// Removes the line.
  public func finish() {
    guard isVisible else { return }
    state.withLock { state in
      if !state.isFinished, state.lastDrawn != nil { write("\r\u{1B}[K") }
      state.isFinished = true
    }
  }

  private func draw(done: Int, elapsed: Double, detail: String) {
    let width = Terminal.columns(STDERR_FILENO) ?? 80
    let line = Self.line(
      label: label, done: done, total: total, unit: unit, elapsed: elapsed,
      detail: detail, width: width - 1)
    write("\r" + line + "\u{1B}[K")
  }

  private func write(_ text: String) {
    // A terminal that has gone away is no reason to fail.
    _ = withUTF8Bytes(of: text) { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  /// `Embedding  ████░░░░  1,200/3,000 texts  400.0/s  4.5 s left`, cut to the width.
  static func line(
    label: String, done: Int, total: Int?, unit: String, elapsed: Double,
    detail: String = "", width: Int
  ) -> String {
    let rate = elapsed > 0 ? Double(done) / elapsed : 0
    let speed = Format.decimals(rate, rate < 99.95 ? 1 : 0) + "/s"
    guard let total, total > 0 else {
      return TextWidth.truncated("\(label)  \(Format.count(done)) \(unit)  \(speed)", to: width)
    }
    let left = rate > 0 ? Format.duration(seconds: Double(max(0, total - done)) / rate) : "unknown"
    let tail =
      "  \(Format.count(done))/\(Format.count(total)) \(unit)  \(speed)  \(left) left"
      + (detail.isEmpty ? "" : "  " + TerminalText.escaped(detail))
    let space = min(30, width - TextWidth.columns(label) - TextWidth.columns(tail) - 2)
    guard space >= 5 else { return TextWidth.truncated(label + tail, to: width) }
    let share = min(1, max(0, Double(done) / Double(total)))
    let filled = Int(share * Double(space))
    let bar =
      String(repeating: "█", count: filled) + String(repeating: "░", count: space - filled)
    return "\(label)  \(bar)\(tail)"
  }
}
