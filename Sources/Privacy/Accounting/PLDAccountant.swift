import Glibc

/// Accounting by a privacy loss distribution that dominates the true one ("connect the dots"): a
/// second, independent computation of what ``PRVAccountant`` computes, and itself an upper bound.
///
/// - SeeAlso: Doroshenko et al. 2022, "Connect the dots: tighter discrete approximations of privacy
///   loss distributions"; `dp_accounting.pld`.
public struct PLDAccountant: PrivacyAccountant {
  /// What is given to losses beyond the grid, as a share of δ.
  private static let deltaShare = 1e-4
  private static let smallestDelta = 1e-11
  private static let largestSpacing = 1e-3
  /// By how much spreading losses over grid points raises ε, about.
  private static let epsilonError = 5e-4

  /// An accountant.
  public init() {}

  /// `PLD`.
  public var name: String { "PLD" }

  /// The upper bound of ε.
  public func epsilon(of phases: [SampledGaussian], delta: Double) throws -> Double {
    try checkDelta(delta)
    let active = phases.filter(\.isActive)
    guard !active.isEmpty else { return 0 }
    guard active.allSatisfy({ $0.noiseMultiplier > 0 }) else { return .infinity }
    guard delta >= Self.smallestDelta else {
      throw PrivacyError.notComputable(
        reason:
          "a delta of \(delta) is below what the PLD accountant computes, \(Self.smallestDelta)")
    }
    let deltaError = delta * Self.deltaShare
    let steps = Double(active.reduce(0) { $0 + $1.steps })
    // Spreading adds variance: it must be little beside that of the loss itself.
    let deviation = GaussianApproximation.mu(of: active) / steps.squareRoot()
    let spacing = min(
      Self.largestSpacing, (8 * Self.epsilonError / steps).squareRoot(), deviation / 20)
    let grid = try LossGrid(for: active, spacing: spacing, deltaError: deltaError)
    return ComposedLoss(active, on: grid) { Self.step($0, on: grid) }
      .epsilon(delta: delta - deltaError)
  }

  /// The probability between two points goes to both, in such shares that its weight under P and
  /// under Q stays: δ is then exact at the points, and at most too large between them.
  private static func step(_ phase: SampledGaussian, on grid: LossGrid) -> ComposedLoss.Step {
    let loss = PrivacyLoss(sigma: phase.noiseMultiplier, rate: phase.rate)
    var step = ComposedLoss.Step(
      probabilities: Array(repeating: [Double](repeating: 0, count: grid.count), count: 2))
    let growth = -expm1(-grid.spacing)
    for (number, direction) in PrivacyLoss.Direction.allCases.enumerated() {
      func edge(_ value: Double) -> PrivacyLoss.Edge {
        loss.edge(at: direction == .remove ? value : -value)
      }
      func masses(_ a: PrivacyLoss.Edge, _ b: PrivacyLoss.Edge) -> (p: Double, q: Double) {
        direction == .remove
          ? loss.masses(from: a, to: b, direction) : loss.masses(from: b, to: a, direction)
      }
      let (first, last) = (grid.points.lowerBound, grid.points.upperBound - 1)
      var before = edge(Double(first) * grid.spacing)
      step.probabilities[number][grid.index(first)] = masses(edge(-.infinity), before).p
      for k in first..<last {
        let value = Double(k) * grid.spacing
        let after = edge(value + grid.spacing)
        let (p, q) = masses(before, after)
        before = after
        guard p > 0 else { continue }
        let up = min(p, max(0, (p - q * exp(value)) / growth))
        step.probabilities[number][grid.index(k)] += p - up
        step.probabilities[number][grid.index(k + 1)] += up
      }
      step.infinite[number] = masses(before, edge(.infinity)).p
    }
    return step
  }
}
