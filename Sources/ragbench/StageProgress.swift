import Basics
import Synchronization

/// One progress bar after another, for work in stages.
final class StageProgress: Sendable {
  private let isQuiet: Bool
  private let bar = Mutex<ProgressBar?>(nil)

  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  /// Ends the present stage and begins the next.
  func begin(_ label: String, total: Int, unit: String) {
    finish()
    bar.withLock { $0 = ProgressBar(label, total: total, unit: unit, isQuiet: isQuiet) }
  }

  /// Adds finished pieces of work, with what else there is to say of them.
  func advance(_ count: Int, detail: String = "") {
    bar.withLock { $0 }?.advance(by: count, detail: detail)
  }

  /// Ends the present stage.
  func finish() {
    bar.withLock { bar in
      bar?.finish()
      bar = nil
    }
  }
}
