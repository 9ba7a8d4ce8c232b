import Tensors

/// A seed for noise and sampling that protect nobody: whoever knows it can take the noise away.
///
/// For tests and reproductions only. The name stands wherever one is made, and ``PrivacyRandomness``
/// says so in every output.
public struct InsecureSeed: Sendable, Equatable {
  /// The seed.
  public let value: UInt64

  /// A seed.
  public init(_ value: UInt64) { self.value = value }
}

/// Where the randomness of private training comes from. Noise and sampling never share a stream.
public enum PrivacyRandomness: Sendable, Equatable {
  /// The operating system's entropy: not seeded, not repeatable, not logged.
  case operatingSystem
  /// Repeatable numbers without any protection.
  case insecure(InsecureSeed)

  /// What a report says.
  public var label: String {
    switch self {
    case .operatingSystem: "operating system entropy"
    case .insecure(let seed): "INSECURE: seed \(seed.value)"
    }
  }

  /// Seeds for uses that are independent of each other.
  func seed(_ use: Use) -> UInt64? {
    guard case .insecure(let seed) = self else { return nil }
    let words = Philox.block(seed: seed.value, stream: use.rawValue, index: 0)
    return UInt64(words.x) | UInt64(words.y) << 32
  }

  /// What the randomness is for.
  enum Use: UInt64 {
    case noise = 1
    case sampling = 2
  }
}
