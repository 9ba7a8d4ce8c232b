/// Ways to damage valid input systematically (FAULTS.md, section 3).
public enum Damage {
  /// Calls a closure with the input cut at every length, from 0 to one less than the whole.
  ///
  /// - Parameters:
  ///   - bytes: Valid input.
  ///   - step: 1 tries every length; a larger step serves large input.
  ///   - body: Given the rest and its length.
  /// - Throws: What `body` throws.
  public static func truncating(
    _ bytes: [UInt8], step: Int = 1, _ body: ([UInt8], _ length: Int) throws -> Void
  ) rethrows {
    for length in stride(from: 0, to: bytes.count, by: step) {
      try body(Array(bytes[..<length]), length)
    }
  }

  /// Calls a closure with every single byte changed in turn.
  ///
  /// - Parameters:
  ///   - bytes: Valid input.
  ///   - step: 1 tries every byte; a larger step serves large input.
  ///   - mask: The bits that are inverted.
  ///   - body: Given the damaged input and the position of the damage.
  /// - Throws: What `body` throws.
  public static func flipping(
    _ bytes: [UInt8], step: Int = 1, mask: UInt8 = 0xFF,
    _ body: ([UInt8], _ position: Int) throws -> Void
  ) rethrows {
    var damaged = bytes
    for position in stride(from: 0, to: bytes.count, by: step) {
      damaged[position] ^= mask
      try body(damaged, position)
      damaged[position] ^= mask
    }
  }
}
