import Basics
import Glibc

/// Lets tests end the process inside a request, as a fault of a model would.
///
/// With `RAGBENCH_CRASH_IN_TOOL=name` in the environment the tool of that name traps when it is
/// called; with `RAGBENCH_SLOW_TOOL=name:milliseconds` it sleeps first. `evaluate-slice` is each part
/// of the work of `evaluate`.
enum FaultInjection {
  private static let crash = getenv("RAGBENCH_CRASH_IN_TOOL").map { String(cString: $0) }
  private static let slow: (name: String, milliseconds: Int)? = {
    let parts = getenv("RAGBENCH_SLOW_TOOL").map { String(cString: $0).split(separator: ":") }
    guard let parts, parts.count == 2, let time = Int(parts[1]) else { return nil }
    return (String(parts[0]), time)
  }()

  /// Called at the beginning of a tool's work.
  ///
  /// - Parameters:
  ///   - tool: Its name.
  ///   - isStopped: Whether a sleep should end.
  static func pass(_ tool: String, until isStopped: () -> Bool = { false }) {
    if tool == crash { fatalError("RAGBENCH_CRASH_IN_TOOL is \(tool)") }
    guard let slow, slow.name == tool else { return }
    var left = slow.milliseconds
    while left > 0, !isStopped() {
      usleep(UInt32(min(left, 5)) * 1000)
      left -= 5
    }
  }
}
