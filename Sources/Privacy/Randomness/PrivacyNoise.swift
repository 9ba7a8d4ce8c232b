import CKernels
import Tensors

/// Normal noise on the sums of private gradients.
///
/// Each number is half the sum of four independent normal numbers of 52 bits, rounded once with the
/// sum it is added to: a single floating-point normal number has gaps in its values, by which an
/// observer could tell sums apart.
///
/// - SeeAlso: Mironov 2012, "On significance of the least significant bits for differential privacy";
///   Holohan and Braghin 2021, "Secure random sampling in differential privacy"; Opacus' secure mode.
struct PrivacyNoise {
  private let seed: UInt64?

  init(_ randomness: PrivacyRandomness) { seed = randomness.seed(.noise) }

  /// Numbers that one block of a keystream serves.
  private static let stretch = Keystream.blockWords / Int(RBK_NOISE_WORDS) * 16

  /// Adds noise to the sum of one parameter and multiplies it.
  ///
  /// - Parameters:
  ///   - values: the sum.
  ///   - deviation: standard deviation of the noise.
  ///   - factor: what sum and noise are multiplied by.
  ///   - step: with a seed, chooses the numbers; without, each call draws its own.
  ///   - parameter: likewise.
  ///   - context: where it runs. With a seed the number of threads does not change the bits.
  func add(
    to values: UnsafeMutableBufferPointer<Float>, deviation: Double, factor: Double, step: Int,
    parameter: Int,
    in context: ComputeContext
  ) {
    guard let base = values.baseAddress else { return }
    guard deviation > 0 else {
      for i in values.indices { values[i] = Float(factor * Double(values[i])) }
      return
    }
    let keystream = Keystream(seed)
    let address = UInt64(step) << 24 | UInt64(parameter)
    let blocks = (values.count + Self.stretch - 1) / Self.stretch
    // Ranges begin at multiples of 16.
    context.parallelRanges(16 * blocks, grain: 16) { range in
      for block in range.lowerBound / 16..<range.upperBound / 16 {
        let start = block * Self.stretch
        keystream.withBlock(address, UInt32(block)) { words in
          rbk_add_noise(
            words.baseAddress, deviation, factor, min(Self.stretch, values.count - start),
            base + start)
        }
      }
    }
  }
}
