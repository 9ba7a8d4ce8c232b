import Glibc

/// Accounting by privacy loss random variables: the loss of one step on a grid, its mean kept exact,
/// composed by Fourier transforms. Gives the exact ε with an error that is proven.
///
/// - SeeAlso: Gopi, Lee and Wutschitz 2021, "Numerical composition of differential privacy";
///   `microsoft/prv_accountant`.
public struct PRVAccountant: PrivacyAccountant {
  /// Bounds of ε and the figure between them.
  public struct Bounds: Sendable, Equatable {
    /// ε is at least this.
    public let lower: Double
    /// The best figure; not a bound.
    public let estimate: Double
    /// ε is at most this.
    public let upper: Double
  }

  /// The largest error of ε.
  public let epsilonError: Double
  /// The error without another wish.
  public static let largestError = 0.01
  /// The largest error of δ, as a share of δ.
  private static let deltaShare = 1e-3
  /// Below it rounding errors of the transform are no longer small beside δ.
  private static let smallestDelta = 1e-11

  /// An accountant with a largest error of ε.
  public init(epsilonError: Double = Self.largestError) {
    precondition(epsilonError > 0, "PRVAccountant: error \(epsilonError)")
    self.epsilonError = epsilonError
  }

  /// An accountant whose error is at most a hundredth of an ε that is aimed at; nil: of any.
  public init(for epsilon: Double?) {
    self.init(
      epsilonError: epsilon.map { min(Self.largestError, max(1e-4, $0 / 100)) }
        ?? Self.largestError)
  }

  /// `PRV`.
  public var name: String { "PRV" }

  /// The upper bound of ε.
  public func epsilon(of phases: [SampledGaussian], delta: Double) throws -> Double {
    try bounds(of: phases, delta: delta).upper
  }

  /// Lower bound, figure and upper bound of ε.
  ///
  /// - Throws: ``PrivacyError`` for a δ that is none or too small to compute, or a loss that is too
  ///   large for a grid.
  public func bounds(of phases: [SampledGaussian], delta: Double) throws -> Bounds {
    try checkDelta(delta)
    let active = phases.filter(\.isActive)
    guard !active.isEmpty else { return Bounds(lower: 0, estimate: 0, upper: 0) }
    guard active.allSatisfy({ $0.noiseMultiplier > 0 }) else {
      return Bounds(lower: .infinity, estimate: .infinity, upper: .infinity)
    }
    guard delta >= Self.smallestDelta else {
      throw PrivacyError.notComputable(
        reason:
          "a delta of \(delta) is below what the PRV accountant computes, \(Self.smallestDelta);"
          + " the RDP accountant gives a bound")
    }
    let deltaError = delta * Self.deltaShare
    let composed = try compose(active, deltaError: deltaError)
    return Bounds(
      lower: max(0, composed.epsilon(delta: delta + deltaError) - epsilonError),
      estimate: composed.epsilon(delta: delta),
      upper: composed.epsilon(delta: delta - deltaError) + epsilonError)
  }

  /// The δ of an ε; a figure, not a bound.
  public func delta(of phases: [SampledGaussian], epsilon: Double) throws -> Double {
    let active = phases.filter(\.isActive)
    guard active.allSatisfy({ $0.noiseMultiplier > 0 }) else { return 1 }
    return active.isEmpty ? 0 : try compose(active, deltaError: 1e-10).delta(epsilon: epsilon)
  }

  private func compose(_ phases: [SampledGaussian], deltaError: Double) throws -> ComposedLoss {
    let steps = Double(phases.reduce(0) { $0 + $1.steps })
    let spacing = epsilonError / (steps * log(12 / deltaError) / 2).squareRoot()
    let grid = try LossGrid(for: phases, spacing: spacing, deltaError: deltaError)
    return ComposedLoss(phases, on: grid) { Self.step($0, on: grid) }
  }

  /// Each point gets the probability of what is nearest to it. What rounding does to the mean, and
  /// would do as many times as there are steps, is taken back by a shift.
  private static func step(_ phase: SampledGaussian, on grid: LossGrid) -> ComposedLoss.Step {
    let loss = PrivacyLoss(sigma: phase.noiseMultiplier, rate: phase.rate)
    var step = ComposedLoss.Step(
      probabilities: Array(repeating: [Double](repeating: 0, count: grid.count), count: 2))
    for (number, direction) in PrivacyLoss.Direction.allCases.enumerated() {
      func edge(_ k: Int) -> PrivacyLoss.Edge {
        let value = (Double(k) - 0.5) * grid.spacing
        return loss.edge(at: direction == .remove ? value : -value)
      }
      var before = edge(grid.points.lowerBound)
      var (total, mean) = (0.0, 0.0)
      for k in grid.points {
        let after = edge(k + 1)
        let p =
          direction == .remove
          ? loss.masses(from: before, to: after, direction).p
          : loss.masses(from: after, to: before, direction).p
        step.probabilities[number][grid.index(k)] = p
        total += p
        mean += p * Double(k) * grid.spacing
        before = after
      }
      for i in 0..<grid.count { step.probabilities[number][i] /= total }
      step.shifts[number] = loss.mean(direction) - mean / total
    }
    return step
  }
}
