import Tensors
import Testing

/// The generator against the known answers of Random123, and what streams promise.
@Suite struct PhiloxTests {
  /// `philox4x32 10` of `kat_vectors` in Random123 1.14: counter, key, answer.
  @Test(
    arguments: [
      (
        [0, 0, 0, 0], [0, 0],
        [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
      ),
      (
        [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff],
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
      ),
      (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
      ),
    ] as [([UInt64], [UInt64], [UInt32])])
  func knownAnswers(counter: [UInt64], key: [UInt64], answer: [UInt32]) {
    let block = Philox.block(
      seed: key[1] << 32 | key[0], stream: counter[3] << 32 | counter[2],
      index: counter[1] << 32 | counter[0])
    #expect([block.x, block.y, block.z, block.w] == answer)
  }

  @Test func twoNumbersComeFromOneBlock() {
    var generator = Philox(seed: 0)
    #expect(generator.next() == 0xe169_c58d_6627_e8d5 && generator.index == 1)
    #expect(generator.next() == 0x9b00_dbd8_bc57_ac4c && generator.index == 1)
    #expect(generator.next() != 0xe169_c58d_6627_e8d5 && generator.index == 2)
  }

  @Test func aSequenceCanBeEnteredAnywhere() {
    var whole = Philox(seed: 7, stream: 3)
    let numbers = (0..<20).map { _ in whole.next() }
    for block in 0..<10 {
      var part = Philox(seed: 7, stream: 3, index: UInt64(block))
      #expect([part.next(), part.next()] == Array(numbers[2 * block..<2 * block + 2]))
    }
    var last = Philox(seed: 7, stream: 3, index: .max)
    _ = (last.next(), last.next(), last.next())
    #expect(last.index == 1)
  }

  @Test func streamsAndSeedsShareNoNumber() {
    var seen = Set<UInt64>()
    for seed: UInt64 in [0, 1, 1 << 32] {
      for stream: UInt64 in [0, 1, 1 << 32] {
        var generator = Philox(seed: seed, stream: stream)
        for _ in 0..<1000 { seen.insert(generator.next()) }
      }
    }
    #expect(seen.count == 9000)
  }

  @Test func bitsOfNeighbouringStreamsAreUncorrelated() {
    var a = Philox(seed: 5, stream: 10)
    var b = Philox(seed: 5, stream: 11)
    let bits = 64 * 20_000
    let different = (0..<20_000).reduce(0) { sum, _ in sum + (a.next() ^ b.next()).nonzeroBitCount }
    // Five standard deviations of a fair coin; the seed is fixed, so this cannot flicker.
    #expect(abs(different - bits / 2) < Int(2.5 * Double(bits).squareRoot()))
  }
}
