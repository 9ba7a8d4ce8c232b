import CKernels
import Glibc
import Statistics
import Tensors
import TestSupport
import Testing

@testable import Privacy

/// The noise itself: its distribution, its tail, and that it does not depend on threads.
@Suite struct NoiseTests {
  private func noise(
    _ count: Int, seed: UInt64?, threads: Int = 1, step: Int = 0, parameter: Int = 0
  ) -> [Float] {
    let randomness: PrivacyRandomness = seed.map { .insecure(InsecureSeed($0)) } ?? .operatingSystem
    var values = [Float](repeating: 0, count: count)
    values.withUnsafeMutableBufferPointer {
      PrivacyNoise(randomness).add(
        to: $0, deviation: 1, factor: 1, step: step, parameter: parameter,
        in: ComputeContext(threads: threads))
    }
    return values
  }

  @Test(arguments: [nil, 8] as [UInt64?]) func theDistributionIsNormal(seed: UInt64?) {
    let values = noise(1_000_003, seed: seed).map(Double.init)
    let n = Double(values.count)
    func moment(_ power: Double) -> Double { values.reduce(0) { $0 + pow($1, power) } / n }
    // Five standard errors of each moment.
    expectClose(moment(1), 0, absolute: 5 * (1 / n).squareRoot())
    expectClose(moment(2), 1, absolute: 5 * (2 / n).squareRoot())
    expectClose(moment(3), 0, absolute: 5 * (15 / n).squareRoot())
    expectClose(moment(4), 3, absolute: 5 * (96 / n).squareRoot())
    for limit in [0.1, 0.5, 1, 2, 3, 4] {
      let share = NormalDistribution.cumulative(-limit)
      for sign in [-1.0, 1] {
        let found = values.reduce(0.0) { $0 + (sign * $1 > limit ? 1 : 0) } / n
        expectClose(found, share, absolute: 5 * (share / n).squareRoot(), "beyond \(limit)")
      }
    }
    // Numbers of one pair stand 8 apart, numbers of different pairs side by side.
    for gap in [1, 8, 16] {
      let product = zip(values, values.dropFirst(gap)).reduce(0) { $0 + $1.0 * $1.1 } / n
      expectClose(product, 0, absolute: 5 * (1 / n).squareRoot(), "\(gap) apart")
    }
  }

  @Test func aSeedsNoiseDependsOnNothingElse() {
    let one = noise(70_001, seed: 3)
    #expect(noise(70_001, seed: 3, threads: 2) == one)
    #expect(Array(noise(40_000, seed: 3, threads: 2)) == Array(one[..<40_000]))
    #expect(noise(100, seed: 3, step: 1) != Array(one[..<100]))
    #expect(noise(100, seed: 3, parameter: 1) != Array(one[..<100]))
    #expect(noise(100, seed: 4) != Array(one[..<100]))
    for count in [0, 1, 7, 15, 16, 17] {
      #expect(noise(count, seed: 3) == Array(one[..<count]), "\(count)")
    }
  }

  /// The kernel against the library's functions, at random bits and at the ends of their range.
  @Test func numbersEqualThoseOfTheDefinition() {
    var random = Philox(seed: 5)
    for trial in 0..<2000 {
      var words = (0..<64).map { _ in random.next() }
      // All bits 1 is the smallest u, all 0 is u = 1; quarters of a turn.
      let special: [UInt64] = [0, .max, 1 << 62, 1 << 63, 3 << 62, .max << 12, 1 << 12]
      for i in 0..<trial % 5 { words[(trial * 7 + i * 13) % 64] = special[(trial + i) % 7] }
      var values = [Float](repeating: 0, count: 16)
      rbk_add_noise(words, 2, 0.5, 16, &values)
      for lane in 0..<8 {
        var (first, second) = (0.0, 0.0)
        for draw in 0..<4 {
          let u = 1 - Double(words[16 * draw + lane] >> 12) * 0x1p-52
          let t = Double(words[16 * draw + 8 + lane] >> 12) * 0x1p-52
          let radius = (-2 * log(u)).squareRoot()
          first += radius * cos(2 * Double.pi * t) / 2
          second += radius * sin(2 * Double.pi * t) / 2
        }
        expectClose(values[lane], first, absolute: 1e-14, relative: 1e-7)
        expectClose(values[8 + lane], second, absolute: 1e-14, relative: 1e-7)
      }
    }
  }
}
