import Privacy
import Synchronization

/// Noise multipliers that keep a budget by Rényi divergences, each computed once for all parts.
final class CalibratedNoise: Sendable {
  static let delta = 1e-5

  private struct Key: Hashable {
    let epsilon: Double
    let rate: Double
    let steps: Int
  }

  private let known = Mutex<[Key: Double]>([:])

  func multiplier(epsilon: Double, rate: Double, steps: Int) throws -> Double {
    let key = Key(epsilon: epsilon, rate: rate, steps: steps)
    return try known.withLock { known in
      if let sigma = known[key] { return sigma }
      let sigma = try Calibration(
        budget: Calibration.Budget(epsilon: epsilon, delta: Self.delta), by: RenyiAccountant()
      ).noiseMultiplier(rate: rate, steps: steps)
      known[key] = sigma
      return sigma
    }
  }
}
