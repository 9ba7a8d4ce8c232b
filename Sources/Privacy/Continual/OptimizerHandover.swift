public import Training

/// What the private phase takes over from the optimizer of the public one.
///
/// Without the first moment, but with the second moments and the number of steps, did best in the
/// paper's ablation. Second moments of public gradients lack the noise's variance, so the first
/// private steps are longer than later ones: warm the learning rate up, or begin anew.
///
/// - SeeAlso: Bu et al. 2024, "Pre-training differentially private models with limited public data".
public enum OptimizerHandover: String, Sendable, CaseIterable {
  /// Nothing is reset.
  case resetsNothing = "none"
  /// The first moment m begins at 0; v and the number of steps stay.
  case resetsFirstMoment = "m"
  /// m, v and the number of steps begin at 0: a v of 0 that is taken for an old one would divide by
  /// next to nothing.
  case resetsMoments = "m and v"

  /// The state with which an optimizer of the same parameters goes on.
  public func state(of optimizer: Optimizer) -> StateRecord {
    guard self != .resetsMoments else { return StateRecord() }
    var record = optimizer.savedState()
    if self == .resetsFirstMoment {
      record.tensors.removeAll { $0.name.hasPrefix("first/") }
    }
    return record
  }
}
