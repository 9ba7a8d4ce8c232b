public import Basics

/// A run that cannot go on, or a checkpoint that does not fit.
public enum TrainingError: ReportableError, Equatable {
  /// A number that is not finite: at which step, counted from 1, and in which tensor.
  case notFinite(step: Int, tensor: String, value: String)
  /// A checkpoint of another run or model, or a damaged one.
  case unfitCheckpoint(file: String, reason: String)

  /// 2 for numbers, 65 for checkpoints.
  public var exitStatus: ExitStatus {
    switch self {
    case .notFinite: .failure
    case .unfitCheckpoint: .badData
    }
  }

  /// One sentence.
  public var description: String {
    switch self {
    case .notFinite(let step, let tensor, let value):
      "training stopped at step \(step): \(TerminalText.escaped(tensor)) is \(value); the last"
        + " checkpoint is from before this step (a lower learning rate or clipping may help)"
    case .unfitCheckpoint(let file, let reason):
      "the checkpoint '\(TerminalText.escaped(file))' cannot be used: \(TerminalText.escaped(reason))"
    }
  }
}
