import Basics
import Tensors
import TestSupport
import Testing
import Training

@testable import Privacy

/// Poisson sampling and the sources of random bits.
@Suite struct SamplingTests {
  @Test(arguments: [nil, 4] as [UInt64?]) func recordsAreTakenIndependently(seed: UInt64?) {
    let randomness: PrivacyRandomness = seed.map { .insecure(InsecureSeed($0)) } ?? .operatingSystem
    let (count, rate, steps) = (50, 0.1, 4000)
    let sampler = PoissonSampler(records: count, rate: rate, randomness: randomness)
    var times = [Int](repeating: 0, count: count)
    var together = 0
    var sizes: [Int] = []
    for step in 0..<steps {
      let batch = sampler.batch(at: step)
      #expect(batch == batch.sorted() && Set(batch).count == batch.count)
      for record in batch { times[record] += 1 }
      if batch.contains(3), batch.contains(7) { together += 1 }
      sizes.append(batch.count)
    }
    // Five standard errors of each binomial count.
    let n = Double(steps)
    for record in times {
      expectClose(Double(record), n * rate, absolute: 5 * (n * rate * (1 - rate)).squareRoot())
    }
    let both = rate * rate
    expectClose(Double(together), n * both, absolute: 5 * (n * both).squareRoot())
    // Sizes vary as a binomial number does, and empty batches occur.
    let mean = Double(sizes.reduce(0, +)) / n
    let variance = sizes.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / n
    expectClose(mean, 5, absolute: 5 * (4.5 / n).squareRoot())
    expectClose(variance, 4.5, absolute: 0, relative: 0.15)
    #expect(sizes.contains(0))
    // With a seed a function of the step; without, new each time.
    let other = PoissonSampler(records: count, rate: rate, randomness: randomness)
    let again = (0..<40).map { other.batch(at: $0) } == (0..<40).map { sampler.batch(at: $0) }
    #expect(again == (seed != nil))
  }

  @Test func aRateOfOneTakesEverything() {
    let sampler = PoissonSampler(records: 5, rate: 1, randomness: .operatingSystem)
    #expect(sampler.batch(at: 0) == [0, 1, 2, 3, 4] && sampler.stepsPerEpoch == 1)
    #expect(
      PoissonSampler(records: 5, rate: 0.3, randomness: .operatingSystem).stepsPerEpoch == 4)
  }

  @Test func noiseAndSamplingHaveStreamsOfTheirOwn() {
    let randomness = PrivacyRandomness.insecure(InsecureSeed(9))
    #expect(randomness.seed(.noise) != randomness.seed(.sampling))
    #expect(PrivacyRandomness.insecure(InsecureSeed(10)).seed(.noise) != randomness.seed(.noise))
    #expect(PrivacyRandomness.operatingSystem.seed(.noise) == nil)
    #expect(randomness.label.contains("INSECURE") && randomness.label.contains("9"))
    #expect(!PrivacyRandomness.operatingSystem.label.contains("INSECURE"))
  }

  @Test func keystreamsAreUniformAndDiffer() {
    func read(_ stream: Keystream, _ address: UInt64 = 0) -> [UInt64] {
      (0..<2).flatMap { block in
        stream.withBlock(address, UInt32(block)) { bytes in
          (0..<Keystream.blockWords).map {
            bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)
          }
        }
      }
    }
    let first = Keystream(nil)
    let words = read(first)
    #expect(read(Keystream(nil)) != words && read(first, 1) != words && read(first) == words)
    #expect(Set(words).count == words.count)
    #expect(read(Keystream(7)) == read(Keystream(7)) && read(Keystream(8)) != read(Keystream(7)))
    let bits = words.reduce(0) { $0 + $1.nonzeroBitCount }
    let n = Double(words.count * 64)
    expectClose(Double(bits), n / 2, absolute: 5 * (n / 4).squareRoot())
    for bit in 0..<64 {
      let ones = words.reduce(0) { $0 + Int($1 >> UInt64(bit) & 1) }
      expectClose(Double(ones), 8192, absolute: 5 * 4096.0.squareRoot(), "bit \(bit)")
    }
  }
}
