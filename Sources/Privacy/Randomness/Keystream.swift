import Crypto
import Foundation
import Tensors

/// Random bits for noise and sampling: AES-256 in counter mode under a key of the operating system's
/// entropy, which is thrown away with the generator.
///
/// Asking the system for every number would take longer than a training step.
struct Keystream: RandomNumberGenerator {
  private let key: SymmetricKey
  private var block: UInt64 = 0
  private var words: [UInt64] = []
  private var used = 0

  private static let blockBytes = 1 << 16

  /// A generator with a fresh key.
  init() {
    var entropy = SystemEntropy()
    let words = (0..<4).map { _ in entropy.next() }
    key = words.withUnsafeBytes { SymmetricKey(data: $0) }
  }

  /// The next 64 bits.
  mutating func next() -> UInt64 {
    if used == words.count { refill() }
    defer { used += 1 }
    return words[used]
  }

  private mutating func refill() {
    words = Self.words(key: key, block: block)
    block += 1
    used = 0
  }

  /// The keystream of a block: what zeros are encrypted to.
  private static func words(key: SymmetricKey, block: UInt64) -> [UInt64] {
    let nonce = (0..<12).map { UInt8(truncatingIfNeeded: $0 < 8 ? block >> (8 * $0) : 0) }
    guard let nonce = try? AES.GCM.Nonce(data: nonce),
      let sealed = try? AES.GCM.seal(Data(count: blockBytes), using: key, nonce: nonce)
    else { preconditionFailure("Keystream: AES-GCM") }
    return sealed.ciphertext.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
  }
}
