import Glibc

/// Standard normal numbers by the method of Box and Muller, which is exact: the tail is that of the
/// 53-bit uniform numbers, up to 8.57 standard deviations with their true frequencies.
///
/// - SeeAlso: Box and Muller 1958, "A note on the generation of random normal deviates".
public enum Gaussian {
  /// Two independent standard normal numbers from 128 random bits.
  ///
  /// - Parameters:
  ///   - first: gives the radius, by its upper 53 bits as a number above 0 and up to 1.
  ///   - second: gives the angle, by its upper 53 bits.
  /// - Returns: finite numbers.
  public static func pair(_ first: UInt64, _ second: UInt64) -> (Double, Double) {
    let radius = (-2 * log(Double((first >> 11) + 1) * 0x1p-53)).squareRoot()
    let angle = 2 * Double.pi * (Double(second >> 11) * 0x1p-53)
    return (radius * cos(angle), radius * sin(angle))
  }
}

/// Standard normal numbers from a generator of random bits.
public struct GaussianGenerator<Base: RandomNumberGenerator> {
  private var base: Base
  private var spare: Double?

  /// Numbers from the bits of a generator.
  public init(_ base: Base) { self.base = base }

  /// The next number.
  public mutating func next() -> Double {
    if let spare {
      self.spare = nil
      return spare
    }
    let (first, second) = Gaussian.pair(base.next(), base.next())
    spare = second
    return first
  }
}

extension Philox {
  /// A number of 53 bits in 0 ..< 1, addressed by (seed, stream, index).
  public static func uniform(seed: UInt64, stream: UInt64, index: UInt64) -> Double {
    let words = block(seed: seed, stream: stream, index: index)
    return Double((UInt64(words.x) | UInt64(words.y) << 32) >> 11) * 0x1p-53
  }

  /// The standard normal number at (seed, stream, index): half `index % 2` of the pair that the block
  /// `index / 2` gives, so that any part of a sequence can be replayed in any order on any thread.
  public static func gaussian(seed: UInt64, stream: UInt64, index: UInt64) -> Double {
    let pair = gaussians(seed: seed, stream: stream, block: index / 2)
    return index % 2 == 0 ? pair.0 : pair.1
  }

  private static func gaussians(
    seed: UInt64, stream: UInt64, block index: UInt64
  ) -> (Double, Double) {
    let words = block(seed: seed, stream: stream, index: index)
    return Gaussian.pair(
      UInt64(words.x) | UInt64(words.y) << 32, UInt64(words.z) | UInt64(words.w) << 32)
  }

  /// Adds `scale` times a stretch of the sequence to numbers.
  ///
  /// - Parameters:
  ///   - values: what is added to.
  ///   - scale: the standard deviation.
  ///   - seed: chooses the family of streams.
  ///   - stream: chooses the sequence.
  ///   - index: where the stretch begins.
  public static func addGaussians(
    to values: UnsafeMutableBufferPointer<Float>, scale: Double, seed: UInt64, stream: UInt64,
    from index: UInt64 = 0
  ) {
    var i = 0
    while i < values.count {
      let at = index &+ UInt64(i)
      let pair = gaussians(seed: seed, stream: stream, block: at / 2)
      if at % 2 == 0 {
        values[i] += Float(scale * pair.0)
        i += 1
      }
      if i < values.count, (index &+ UInt64(i)) % 2 == 1 {
        values[i] += Float(scale * pair.1)
        i += 1
      }
    }
  }
}
