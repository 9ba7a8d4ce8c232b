import Crypto
import Foundation
import Tensors

/// Random bits for noise and sampling: AES-128 in counter mode, so many that asking the system for
/// every number would take longer than a training step.
struct Keystream {
  private let key: SymmetricKey

  /// Words of one block.
  static let blockWords = 1 << 13
  private static let zeros = Data(count: 8 * blockWords)

  /// Under a key of the operating system's entropy, which is thrown away with the stream; or, for
  /// tests and reproductions, under a key that anybody can make from the seed.
  init(_ seed: UInt64?) {
    var entropy = SystemEntropy()
    let words = (0..<2).map { word in seed.map { $0 &+ UInt64(word) } ?? entropy.next() }
    key = words.withUnsafeBytes { SymmetricKey(data: $0) }
  }

  /// Calls `body` with the ``blockWords`` words at an address, aligned to bytes only: what zeros are
  /// encrypted to.
  func withBlock<Result>(
    _ stream: UInt64, _ block: UInt32, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    let nonce = (0..<12).map { byte in
      UInt8(truncatingIfNeeded: byte < 8 ? stream >> (8 * byte) : UInt64(block) >> (8 * (byte - 8)))
    }
    guard let nonce = try? AES.GCM.Nonce(data: nonce),
      let sealed = try? AES.GCM.seal(Self.zeros, using: key, nonce: nonce)
    else { preconditionFailure("Keystream: AES-GCM") }
    return sealed.ciphertext.withUnsafeBytes(body)
  }
}
