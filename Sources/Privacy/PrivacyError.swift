public import Basics

/// A privacy claim that cannot be made, or an account that does not fit.
public enum PrivacyError: ReportableError, Equatable {
  /// A parameter outside its range.
  case outOfRange(name: String, value: String, expected: String)
  /// A figure that this accountant cannot compute.
  case notComputable(reason: String)
  /// Work that would spend more than the budget.
  case budgetExceeded(spent: Double, planned: Double, budget: Double, delta: Double)
  /// No noise at all, but a finite ε is claimed.
  case noNoise(epsilon: Double)
  /// A task whose losses of a batch are not those of its records alone.
  case coupledRecords(difference: Double)
  /// An account of other data or of another plan.
  case otherAccount(reason: String)

  /// 64 for what was asked for, 2 for what cannot be computed, 65 for an account that does not fit.
  public var exitStatus: ExitStatus {
    switch self {
    case .outOfRange, .budgetExceeded, .noNoise: .usage
    case .notComputable, .coupledRecords: .failure
    case .otherAccount: .badData
    }
  }

  /// One sentence.
  public var description: String {
    switch self {
    case .outOfRange(let name, let value, let expected):
      "\(name) is \(value), expected \(expected)"
    case .notComputable(let reason): TerminalText.escaped(reason)
    case .budgetExceeded(let spent, let planned, let budget, let delta):
      "ε is \(Format.decimals(spent, 4)) so far and would be \(Format.decimals(planned, 4)); the"
        + " budget is \(Format.decimals(budget, 4)) at δ = \(delta)"
    case .noNoise(let epsilon):
      "the noise multiplier is 0, so ε is infinite; an ε of \(Format.decimals(epsilon, 4)) cannot be"
        + " claimed"
    case .coupledRecords(let difference):
      "the loss of a record depends on the other records of its batch, by \(difference); such a loss"
        + " cannot be trained privately"
    case .otherAccount(let reason):
      "the privacy account cannot be used: \(TerminalText.escaped(reason))"
    }
  }

  /// The error for a number outside its range.
  static func range(_ name: String, _ value: Double, _ expected: String) -> PrivacyError {
    .outOfRange(name: name, value: "\(value)", expected: expected)
  }
}
