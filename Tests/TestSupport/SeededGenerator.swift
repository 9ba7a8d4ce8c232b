/// SplitMix64: enough for tests, and a failing case can be run again by its seed.
///
/// - SeeAlso: Steele, Lea and Flood 2014.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  /// A generator; equal seeds give equal numbers.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A value strictly between 0 and 1.
  public mutating func uniform() -> Double { (Double(next() >> 11) + 0.5) * 0x1p-53 }
}
