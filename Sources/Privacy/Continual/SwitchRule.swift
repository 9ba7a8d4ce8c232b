import Basics

/// When public training has given what it can and private training begins. Decided by losses on
/// held-out public data and by nothing else: a choice by private losses would cost privacy that no
/// account shows.
///
/// - SeeAlso: Bu et al. 2024, "Pre-training differentially private models with limited public data",
///   section 4.2 (the switch by public statistics).
public struct SwitchRule: Sendable, Equatable {
  /// What made it fire.
  public enum Condition: Sendable, Equatable, CustomStringConvertible {
    /// The drop over the last window is below the least share of the drop over the first.
    case flat(drop: Double, first: Double)
    /// So many evaluations in a row were no better than the best before.
    case noImprovement(evaluations: Int)
    /// The steps that public training may take are done.
    case stepsSpent(Int)

    /// One line for the log.
    public var description: String {
      switch self {
      case .flat(let drop, let first):
        "held-out public loss fell by \(Format.decimals(drop, 4)) over the last window, by"
          + " \(Format.decimals(first, 4)) over the first"
      case .noImprovement(let evaluations):
        "held-out public loss has not improved for \(evaluations) evaluations"
      case .stepsSpent(let steps): "the \(steps) steps of the public phase are done"
      }
    }
  }

  /// The most steps; a share of all steps, 0.1 to 0.25, is usual.
  public var steps: Int
  /// Steps between two evaluations.
  public var evaluateEvery: Int
  /// Evaluations of a window.
  public var window = 3
  /// The share of the first window's drop below which the loss counts as flat.
  public var leastShare = 0.02
  /// Evaluations without a better loss after which it fires.
  public var patience = 3

  /// A rule.
  ///
  /// - Parameters:
  ///   - steps: the most, at least 1.
  ///   - evaluateEvery: steps between two evaluations, at least 1.
  public init(steps: Int, evaluateEvery: Int) {
    precondition(steps > 0 && evaluateEvery > 0, "SwitchRule: \(steps), \(evaluateEvery)")
    (self.steps, self.evaluateEvery) = (steps, evaluateEvery)
  }

  /// Whether it is time, before the steps are spent.
  ///
  /// - Parameter losses: held-out public losses: before the first step, then of each evaluation.
  /// - Returns: what fired; nil: public training goes on.
  public func condition(after losses: [Double]) -> Condition? {
    if losses.count > 2 * window {
      let first = losses[0] - losses[window]
      let drop = losses[losses.count - 1 - window] - losses[losses.count - 1]
      if first > 0, drop < leastShare * first { return .flat(drop: drop, first: first) }
    }
    let best = losses.indices.min { losses[$0] < losses[$1] } ?? 0
    let since = losses.count - 1 - best
    return since >= patience ? .noImprovement(evaluations: since) : nil
  }
}
