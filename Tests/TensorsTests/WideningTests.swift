import CKernels
import TestSupport
import Testing

/// Half-precision numbers, every pattern, and the search for numbers that are not finite.
@Suite struct WideningTests {
  private func isSame(_ a: Float, _ b: Float) -> Bool {
    a.bitPattern == b.bitPattern || a.isNaN && b.isNaN
  }

  @Test func everyHalfIsWidened() {
    let halves = (UInt16.min...UInt16.max).map { $0 }
    var wide = [Float](repeating: 0, count: halves.count)
    rbk_widen_f16(halves, halves.count, &wide)
    let wrong = halves.filter { !isSame(wide[Int($0)], Float(Float16(bitPattern: $0))) }
    #expect(wrong.isEmpty, "first wrong: \(wrong.first ?? 0)")
  }

  @Test func everyBrainFloatIsWidened() {
    let halves = (UInt16.min...UInt16.max).map { $0 }
    var wide = [Float](repeating: 0, count: halves.count)
    rbk_widen_bf16(halves, halves.count, &wide)
    let wrong = halves.filter { wide[Int($0)].bitPattern != UInt32($0) << 16 }
    #expect(wrong.isEmpty)
    // 1, -2, the largest, by value.
    #expect(wide[0x3F80] == 1 && wide[0xC000] == -2 && wide[0x7F7F] == 0x1.FEp127)
    #expect(wide[0x7F80] == .infinity && wide[0xFFC0].isNaN)
  }

  @Test func theFirstNumberThatIsNotFiniteIsFound() {
    let most = Float.greatestFiniteMagnitude
    let harmless: [Float] = [most, -most, .leastNonzeroMagnitude, -0]
    for count in [0, 1, 2, 1023, 1024, 1025, 2500] {
      let values = (0..<count).map { harmless[$0 % 4] }
      let x = GuardedFloats(values)
      #expect(rbk_first_nonfinite(x.pointer, count) == count)
      for odd in [Float.nan, .infinity, -.infinity, Float(bitPattern: 0xFF80_0001)] {
        for at in Set([0, 1, 1022, 1023, 1024, 1025, count - 1]) where (0..<count).contains(at) {
          x.pointer[at] = odd
          let second = (at + count) / 2
          let kept = x.pointer[second]
          x.pointer[second] = Float.nan
          #expect(rbk_first_nonfinite(x.pointer, count) == at, "\(odd) at \(at) of \(count)")
          x.pointer[second] = kept
          x.pointer[at] = 1
        }
      }
    }
  }
}
