import Glibc
import Statistics

/// Gaussian differential privacy by the central limit theorem: an approximation, NOT a bound. It is
/// exact without sampling (rate 1); with it the true ε may be several times as large.
///
/// It is no ``PrivacyAccountant``, so that nothing can be claimed by it.
///
/// - SeeAlso: Dong, Roth and Su 2022, "Gaussian differential privacy"; Bu et al. 2020, "Deep learning
///   with Gaussian differential privacy".
public enum GaussianApproximation {
  /// μ of phases one after the other.
  public static func mu(of phases: [SampledGaussian]) -> Double {
    phases.filter(\.isActive).reduce(0) { sum, phase in
      let precision = 1 / (phase.noiseMultiplier * phase.noiseMultiplier)
      let square =
        phase.rate == 1 ? precision : phase.rate * phase.rate * expm1(precision)
      return sum + Double(phase.steps) * square
    }.squareRoot()
  }

  /// `δ = Φ(−ε/μ + μ/2) − e^ε Φ(−ε/μ − μ/2)`.
  public static func delta(mu: Double, epsilon: Double) -> Double {
    guard mu > 0 else { return 0 }
    guard mu.isFinite else { return 1 }
    let second = NormalDistribution.cumulative(-epsilon / mu - mu / 2)
    return NormalDistribution.cumulative(-epsilon / mu + mu / 2)
      - (second > 0 ? exp(epsilon + log(second)) : 0)
  }

  /// The approximate ε.
  ///
  /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)`` for a δ that is none.
  public static func epsilon(of phases: [SampledGaussian], delta: Double) throws -> Double {
    try checkDelta(delta)
    let mu = mu(of: phases)
    guard mu.isFinite else { return .infinity }
    guard self.delta(mu: mu, epsilon: 0) > delta else { return 0 }
    var (low, high) = (0.0, 1.0)
    while self.delta(mu: mu, epsilon: high) > delta { high *= 2 }
    for _ in 0..<80 {
      let middle = 0.5 * (low + high)
      if self.delta(mu: mu, epsilon: middle) > delta { low = middle } else { high = middle }
    }
    return high
  }
}
