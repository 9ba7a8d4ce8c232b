import Glibc

/// Random bits of the operating system, for noise that protects somebody: not seeded, not repeatable.
///
/// Reads in blocks, because one system call for each number would cost more than the number.
public struct SystemEntropy: RandomNumberGenerator {
  private var words: [UInt64] = []
  private var used = 0

  /// A source.
  public init() {}

  /// The next 64 bits. Without entropy the process ends: noise must not be made up.
  public mutating func next() -> UInt64 {
    if used == words.count { refill() }
    defer {
      // What was given out is not kept.
      words[used] = 0
      used += 1
    }
    return words[used]
  }

  private mutating func refill() {
    // 256 bytes are what one call gives at most; it gives all of them or fails.
    words = [UInt64](repeating: 0, count: 32)
    used = 0
    let status = words.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) }
    precondition(status == 0, "SystemEntropy: getentropy, errno \(errno)")
  }
}
