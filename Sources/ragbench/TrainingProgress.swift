import Basics
import Evaluation

/// The progress line of a training: steps, loss, tokens a second, time left.
final class TrainingProgress {
  private let options: SharedOptions
  private let progress: StageProgress
  private let clock = ContinuousClock()
  private var done = 0
  private var last = ContinuousClock.now

  init(_ options: SharedOptions) {
    self.options = options
    progress = StageProgress(isQuiet: options.quiet)
  }

  func show(_ report: TrainingRun.Progress) {
    switch report {
    case .begin(let steps, let examples, let heldOut):
      Output.note(
        "\(Format.count(examples)) examples, \(Format.count(heldOut)) held out,"
          + " \(Format.count(steps)) steps", options)
      progress.begin("training", total: steps, unit: "steps")
      (done, last) = (0, clock.now)
    case .step(let step, let loss, let tokens):
      let now = clock.now
      let rate = Double(tokens) / max((now - last) / .seconds(1), 1e-9)
      last = now
      progress.advance(
        step - done,
        detail: (loss.map { "loss \(Format.decimals($0, 4))  " } ?? "")
          + "\(Format.count(Int(rate))) tokens/s")
      done = step
    case .epsilon(let epsilon, let delta):
      Output.note("epsilon \(Format.decimals(epsilon, 4)) so far, at delta \(delta)", options)
    }
  }

  func finish() { progress.finish() }
}
