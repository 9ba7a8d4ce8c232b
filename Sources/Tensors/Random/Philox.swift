/// Counter-based random numbers: Philox 4x32 with 10 rounds.
///
/// A number is a pure function of (seed, stream, index), so that any part of a random sequence can
/// be replayed in any order on any thread.
///
/// - SeeAlso: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.
public struct Philox: RandomNumberGenerator, Sendable {
  /// Chooses the family of streams.
  public let seed: UInt64
  /// Chooses one sequence of the family.
  public let stream: UInt64
  /// Blocks of four 32-bit words used so far.
  public private(set) var index: UInt64
  private var spare: UInt64?

  /// A generator at the start of a stream, or further on.
  public init(seed: UInt64, stream: UInt64 = 0, index: UInt64 = 0) {
    self.seed = seed
    self.stream = stream
    self.index = index
  }

  /// The four words at (seed, stream, index).
  public static func block(seed: UInt64, stream: UInt64, index: UInt64) -> SIMD4<UInt32> {
    var counter = SIMD4<UInt32>(
      UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
      UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    var key = SIMD2<UInt32>(
      UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let first = UInt64(counter.x) * 0xD251_1F53
      let second = UInt64(counter.z) * 0xCD9E_8D57
      counter = SIMD4(
        UInt32(truncatingIfNeeded: second >> 32) ^ counter.y ^ key.x,
        UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ counter.w ^ key.y,
        UInt32(truncatingIfNeeded: first))
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return counter
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    if let spare {
      self.spare = nil
      return spare
    }
    let words = Self.block(seed: seed, stream: stream, index: index)
    index &+= 1
    spare = UInt64(words.z) | UInt64(words.w) << 32
    return UInt64(words.x) | UInt64(words.y) << 32
  }
}
