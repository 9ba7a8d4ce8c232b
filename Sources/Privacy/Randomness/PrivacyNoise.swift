import Tensors

/// Normal noise on the sums of private gradients.
///
/// Each number is half the sum of four independent normal numbers of 53 bits, rounded once with the
/// sum it is added to: a single floating-point normal number has gaps in its values, by which an
/// observer could tell sums apart.
///
/// - SeeAlso: Mironov 2012, "On significance of the least significant bits for differential privacy";
///   Holohan and Braghin 2021, "Secure random sampling in differential privacy"; Opacus' secure mode.
struct PrivacyNoise {
  private let seed: UInt64?

  init(_ randomness: PrivacyRandomness) { seed = randomness.seed(.noise) }

  /// Adds noise to the sum of one parameter.
  ///
  /// - Parameters:
  ///   - values: the sum.
  ///   - deviation: standard deviation of the noise.
  ///   - step: with a seed, chooses the numbers.
  ///   - parameter: likewise.
  func add(
    to values: UnsafeMutableBufferPointer<Float>, deviation: Double, step: Int, parameter: Int
  ) {
    guard deviation > 0 else { return }
    if let seed {
      var bits = Philox(seed: seed, stream: UInt64(step) << 24 | UInt64(parameter))
      add(to: values, deviation: deviation, from: &bits)
    } else {
      var bits = Keystream()
      add(to: values, deviation: deviation, from: &bits)
    }
  }

  private func add(
    to values: UnsafeMutableBufferPointer<Float>, deviation: Double,
    from bits: inout some RandomNumberGenerator
  ) {
    var i = 0
    while i < values.count {
      // The halves of a pair go to different numbers: their sum would be a single draw again.
      var sum = (0.0, 0.0)
      for _ in 0..<4 {
        let pair = Gaussian.pair(bits.next(), bits.next())
        sum = (sum.0 + pair.0, sum.1 + pair.1)
      }
      values[i] = Float(Double(values[i]) + deviation * 0.5 * sum.0)
      if i + 1 < values.count {
        values[i + 1] = Float(Double(values[i + 1]) + deviation * 0.5 * sum.1)
      }
      i += 2
    }
  }
}
