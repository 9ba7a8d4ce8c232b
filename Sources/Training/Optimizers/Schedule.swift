import Glibc

/// What learning rates are multiplied by at each step.
///
/// - SeeAlso: `transformers`, `get_linear_schedule_with_warmup`, `get_cosine_schedule_with_warmup`.
public struct Schedule: Sendable, Equatable {
  /// What follows the warm-up.
  public enum Shape: String, Sendable, CaseIterable {
    /// 1.
    case constant
    /// From 1 to 0.
    case linear
    /// From 1 to 0 along half a cosine.
    case cosine
  }

  /// What follows the warm-up.
  public let shape: Shape
  /// Steps over which the factor rises from 0 to 1.
  public let warmupSteps: Int
  /// Steps of the whole run.
  public let totalSteps: Int

  /// A schedule.
  public init(_ shape: Shape, warmupSteps: Int = 0, totalSteps: Int) {
    precondition(
      warmupSteps >= 0 && totalSteps >= 0, "Schedule: \(warmupSteps) of \(totalSteps) steps")
    self.shape = shape
    self.warmupSteps = warmupSteps
    self.totalSteps = totalSteps
  }

  /// The factor of a step, counted from 0: `(step) / warmupSteps` in the warm-up, so that the first
  /// step changes nothing, then the shape.
  public func factor(at step: Int) -> Double {
    if step < warmupSteps { return Double(step) / Double(warmupSteps) }
    let rest = max(1, totalSteps - warmupSteps)
    let progress = min(1, Double(step - warmupSteps) / Double(rest))
    switch shape {
    case .constant: return 1
    case .linear: return 1 - progress
    case .cosine: return 0.5 * (1 + cos(Double.pi * progress))
    }
  }
}
