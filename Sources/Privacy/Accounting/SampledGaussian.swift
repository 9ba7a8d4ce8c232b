public import Basics

/// Steps of DP-SGD with the same settings: Gaussian noise on a sum over a Poisson sample.
///
/// Each step takes every record with probability ``rate``, independently, and releases the sum of the
/// records' vectors, each of Euclidean length at most C, plus normal noise of standard deviation
/// σ C. Neighbouring data sets differ by one record that is there or not (add or remove).
public struct SampledGaussian: Sendable, Equatable {
  /// σ, the noise's standard deviation over the clipping length; 0 is no privacy at all.
  public let noiseMultiplier: Double
  /// q, the probability with which each record takes part in a step, 0 to 1.
  public let rate: Double
  /// Number of steps.
  public let steps: Int

  /// Steps with the same settings.
  ///
  /// - Parameters:
  ///   - noiseMultiplier: 0 to 1e8.
  ///   - rate: 0 to 1.
  ///   - steps: 0 to 1e12.
  /// - Throws: ``PrivacyError/outOfRange(name:value:expected:)``.
  public init(noiseMultiplier: Double, rate: Double, steps: Int) throws {
    guard noiseMultiplier >= 0, noiseMultiplier <= 1e8 else {
      throw PrivacyError.range("the noise multiplier", noiseMultiplier, "a number from 0 to 1e8")
    }
    guard rate >= 0, rate <= 1 else {
      throw PrivacyError.range("the sampling rate", rate, "a probability, 0 to 1")
    }
    guard steps >= 0, steps <= 1_000_000_000_000 else {
      throw PrivacyError.outOfRange(
        name: "the number of steps", value: "\(steps)", expected: "0 to 1e12")
    }
    self.noiseMultiplier = noiseMultiplier
    self.rate = rate
    self.steps = steps
  }

  /// As it is kept in checkpoints and results.
  public var json: JSONObject {
    [
      "noiseMultiplier": .number(noiseMultiplier), "rate": .number(rate),
      "steps": JSONValue(steps),
    ]
  }

  /// Steps as ``json`` has them.
  ///
  /// - Throws: `InputError` for what is missing; ``PrivacyError/outOfRange(name:value:expected:)``.
  public init(json: JSONObject) throws {
    try self.init(
      noiseMultiplier: json.double("noiseMultiplier"), rate: json.double("rate"),
      steps: json.int("steps"))
  }

  /// Whether it releases something that depends on the data.
  var isActive: Bool { rate > 0 && steps > 0 }
}

/// What an accountant promises: an ε that is not too small.
public protocol PrivacyAccountant: Sendable {
  /// The name in reports.
  var name: String { get }
  /// An upper bound of the ε of phases one after the other.
  ///
  /// - Parameters:
  ///   - phases: in any order; the result does not depend on it.
  ///   - delta: above 0, below 1.
  /// - Returns: 0 or more; infinite where a phase has no noise.
  /// - Throws: ``PrivacyError``.
  func epsilon(of phases: [SampledGaussian], delta: Double) throws -> Double
}

/// Checks a δ.
func checkDelta(_ delta: Double) throws {
  guard delta > 0, delta < 1 else {
    throw PrivacyError.range("delta", delta, "a probability above 0 and below 1")
  }
}
