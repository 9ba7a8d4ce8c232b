import Tensors
public import Training

/// Which records each step takes: every one with the same probability, independently, anew at each
/// step. A batch may be empty, and is accounted all the same.
///
/// The only plan that private training takes: what the accountants assume. Shuffled batches of a
/// fixed size cannot be put in its place.
public struct PoissonSampler: BatchPlan {
  /// Number of records.
  public let records: Int
  /// The probability, above 0 and up to 1.
  public let rate: Double
  private let seed: UInt64?

  init(records: Int, rate: Double, randomness: PrivacyRandomness) {
    precondition(
      records > 0 && rate > 0 && rate <= 1, "PoissonSampler: \(records) records, rate \(rate)")
    (self.records, self.rate) = (records, rate)
    seed = randomness.seed(.sampling)
  }

  /// 1 / rate, rounded up: a record is expected once in that many steps.
  public var stepsPerEpoch: Int { Int((1 / rate).rounded(.up)) }

  /// Records of a step, ascending. With the system's entropy each call draws anew, so that a run
  /// that goes on repeats no batch.
  public func batch(at step: Int) -> [Int] {
    let keystream = Keystream(seed)
    var chosen: [Int] = []
    for start in stride(from: 0, to: records, by: Keystream.blockWords) {
      keystream.withBlock(UInt64(step), UInt32(start / Keystream.blockWords)) { words in
        for i in 0..<min(Keystream.blockWords, records - start) {
          let word = words.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self)
          if Double(word >> 11) * 0x1p-53 < rate { chosen.append(start + i) }
        }
      }
    }
    return chosen
  }
}
