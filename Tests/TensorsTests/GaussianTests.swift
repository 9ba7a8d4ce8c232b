import Basics
import Glibc
import Tensors
import TestSupport
import Testing

/// Normal numbers: against mpmath, by their distribution, and as a sequence that can be entered
/// anywhere.
@Suite struct GaussianTests {
  @Test func numbersEqualASecondImplementation() throws {
    let rows = try JSONParser.parse(contentsOf: Checkout.fixture("autodiff/gaussians.json"))
      .requiredObject().array("rows")
    #expect(rows.count == 54)
    for row in rows {
      let cells = row.arrayValue ?? []
      let key = cells.prefix(3).compactMap { $0.stringValue.flatMap { UInt64($0) } }
      // The angle 2πu is rounded once before the cosine: up to 4e-16 of 6.3, times 8.6.
      expectClose(
        Philox.gaussian(seed: key[0], stream: key[1], index: key[2]),
        cells[3].doubleValue ?? .nan, absolute: 1e-14)
    }
  }

  @Test func theDistributionIsNormal() {
    let count = 400_000
    let values = (0..<count).map { Philox.gaussian(seed: 3, stream: 9, index: UInt64($0)) }
    let n = Double(count)
    func moment(_ power: Double) -> Double { values.reduce(0) { $0 + pow($1, power) } / n }
    // Five standard errors of each moment; the seed is fixed, so this cannot flicker.
    expectClose(moment(1), 0, absolute: 5 * (1 / n).squareRoot())
    expectClose(moment(2), 1, absolute: 5 * (2 / n).squareRoot())
    expectClose(moment(3), 0, absolute: 5 * (15 / n).squareRoot())
    expectClose(moment(4), 3, absolute: 5 * (96 / n).squareRoot())
    for limit in [1.0, 2, 3, 4] {
      let share = erfc(limit / 2.0.squareRoot())
      let found = values.reduce(0.0) { $0 + (abs($1) > limit ? 1 : 0) } / n
      expectClose(found, share, absolute: 5 * (share / n).squareRoot(), "beyond \(limit)")
    }
    let neighbours = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / n
    expectClose(neighbours, 0, absolute: 5 * (1 / n).squareRoot())
  }

  @Test func extremeBitsAreFinite() {
    let (largest, none) = Gaussian.pair(0, 0)
    expectClose(largest, (106 * log(2.0)).squareRoot(), absolute: 1e-12)
    #expect(none == 0)
    #expect(Gaussian.pair(.max, .max) == (0, 0))
  }

  @Test func aStretchIsTheSequence() {
    for start: UInt64 in [0, 1, 2, 7] {
      for count in 0..<6 {
        var values = [Float](repeating: 10, count: count)
        values.withUnsafeMutableBufferPointer {
          Philox.addGaussians(to: $0, scale: 2, seed: 4, stream: 5, from: start)
        }
        #expect(
          values
            == (0..<count).map {
              10 + Float(2 * Philox.gaussian(seed: 4, stream: 5, index: start + UInt64($0)))
            })
      }
    }
    var generator = GaussianGenerator(Philox(seed: 4, stream: 5))
    for index in 0..<6 {
      #expect(generator.next() == Philox.gaussian(seed: 4, stream: 5, index: UInt64(index)))
    }
  }

  @Test func uniformsLieInTheUnitInterval() {
    let values = (0..<10_000).map { Philox.uniform(seed: 1, stream: 2, index: $0) }
    #expect(values.allSatisfy { $0 >= 0 && $0 < 1 } && Set(values).count == 10_000)
    expectClose(values.reduce(0, +) / 10_000, 0.5, absolute: 5 * (1.0 / 120_000).squareRoot())
  }

  @Test func entropyDoesNotRepeat() {
    var (a, b) = (SystemEntropy(), SystemEntropy())
    var seen = Set<UInt64>()
    for _ in 0..<2000 { seen.formUnion([a.next(), b.next()]) }
    #expect(seen.count == 4000)
    let bits = seen.reduce(0) { $0 + $1.nonzeroBitCount }
    // Ten standard deviations of a fair coin: fails once in 10^23 runs.
    #expect(abs(bits - 128_000) < Int(10 * (64_000.0).squareRoot()))
  }
}
