import Basics
import TestSupport
import Testing

@testable import Models

/// Seeded damage and random text: an error or a result, never a trap.
@Suite struct TokenizerFuzzTests {
  private static let sources = [
    TokenizerFixtures.wordPieceJSON(), TokenizerFixtures.bpeJSON(), TokenizerFixtures.byteLevelJSON,
  ]

  @Test(arguments: [0, 1, 2])
  func damagedFiles(_ source: Int) throws {
    let bytes = Array(Self.sources[source].utf8)
    var generator = SeededGenerator(seed: 0xFA17 + UInt64(source))
    var accepted = 0
    for _ in 0..<4_000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let position = Int.random(in: damaged.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: damaged[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: damaged.remove(at: position)
        case 2: damaged.insert(damaged[damaged.count - 1 - position], at: position)
        default: damaged[position] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &generator)
        }
      }
      do {
        let tokenizer = try TokenizerFile.tokenizer(
          json: damaged, file: "damaged", roles: TokenRoles())
        accepted += 1
        let encoding = tokenizer.encode(
          "Unaffable \u{E9}\u{301} [SEP] <s> ab", pair: "日x", maximumTokens: 9)
        for id in encoding.ids { #expect(id >= 0 && id < tokenizer.vocabularySize) }
      } catch {
        #expect(error is InputError)
      }
    }
    // Both outcomes happen, so neither branch is idle.
    #expect(accepted > 50 && accepted < 3_950)
  }

  @Test(arguments: [0, 1, 2])
  func cutFiles(_ source: Int) {
    let bytes = Array(Self.sources[source].utf8)
    for length in bytes.indices {
      #expect(throws: InputError.self) {
        try TokenizerFile.tokenizer(
          json: Array(bytes[..<length]), file: "cut", roles: TokenRoles())
      }
    }
  }

  /// Blocks where normalisation changes lengths: Latin, marks, Hangul, ideographs, musical marks.
  private static let blocks: [ClosedRange<UInt32>] = [
    0x20...0x7E, 0x20...0x7E, 0x61...0x7A, 0x0...0x24F, 0x300...0x36F, 0x1E00...0x1FFF,
    0x1100...0x11FF, 0xAC00...0xD7A3, 0x4E00...0x4E20, 0x2000...0x206F, 0xF900...0xFAFF,
    0x1D15E...0x1D1C0, 0x1F300...0x1F64F, 0xE0000...0xE007F, 0x0...0x10FFFF,
  ]

  @Test(arguments: [0, 1, 2])
  func randomText(_ source: Int) throws {
    let tokenizer = try TokenizerFixtures.tokenizer(Self.sources[source])
    var generator = SeededGenerator(seed: 0x7E87 + UInt64(source))
    for _ in 0..<3_000 {
      var view = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        let block = Self.blocks[Int.random(in: Self.blocks.indices, using: &generator)]
        if let scalar = Unicode.Scalar(UInt32.random(in: block, using: &generator)) {
          view.append(scalar)
        }
      }
      let text = String(view)
      let encoding = tokenizer.encodeWithoutTemplate(text, maximumTokens: nil)
      var last = 0..<0
      for range in encoding.offsets {
        #expect(range.upperBound <= view.count, "\(text.debugDescription)")
        #expect(
          range.lowerBound >= last.lowerBound && range.upperBound >= last.upperBound,
          "\(text.debugDescription)")
        last = range
      }
      for id in encoding.ids { #expect(id >= 0 && id < tokenizer.vocabularySize) }
    }
  }
}
