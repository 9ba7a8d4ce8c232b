import Glibc
import Synchronization

/// Lets tests kill the process at a chosen write (FAULTS.md, section 3, "Crash and resume").
///
/// With `RAGBENCH_CRASH_AT_WRITE=n` in the environment the n-th write, sync, rename or unlink of
/// this process, from 1, is not done; the process is killed instead, as by `kill -9`.
enum CrashPoint {
  private static let position: Int? = getenv("RAGBENCH_CRASH_AT_WRITE").flatMap {
    Int(String(cString: $0))
  }
  private static let count = Atomic<Int>(0)

  static func pass() {
    guard let position else { return }
    if count.add(1, ordering: .relaxed).newValue == position { kill(getpid(), SIGKILL) }
  }
}
