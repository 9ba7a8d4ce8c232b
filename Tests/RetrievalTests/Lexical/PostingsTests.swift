import Foundation
import TestSupport
import Testing

@testable import Retrieval

@Suite struct PostingsTests {
  @Test func packingIsReversible() throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<50 {
      var (unit, bytes, expected) = (Int64(-1), [UInt8](), Postings())
      for _ in 0..<Int.random(in: 0...200, using: &random) {
        let next =
          unit
          + Int64.random(in: 1...(1 << Int64.random(in: 0...20, using: &random)), using: &random)
        let count = UInt32.random(
          in: 1...(1 << UInt32.random(in: 0...31, using: &random)), using: &random)
        Postings.pack(unit: UInt32(next), count: count, after: unit, into: &bytes)
        expected.units.append(UInt32(next))
        expected.counts.append(count)
        unit = next
      }
      let count = expected.units.count
      func unpack(_ bytes: [UInt8], _ frequency: Int, _ units: Int) -> Postings? {
        bytes.withUnsafeBytes {
          Postings.unpack($0, frequency: frequency, unitCount: units)
        }
      }
      #expect(unpack(bytes, count, Int(unit) + 1) == expected)
      // Damage is seen, and never asks for memory.
      #expect(unpack(bytes, count + 1, Int(unit) + 1) == nil)
      #expect(unpack(bytes, .max / 4, Int(unit) + 1) == nil)
      if count > 0 {
        #expect(unpack(bytes, count, Int(unit)) == nil)
        #expect(unpack(Array(bytes.dropLast()), count, Int(unit) + 1) == nil)
        #expect(unpack(bytes, count - 1, Int(unit) + 1) == nil)
      }
    }
  }

  @Test func termsAreNumberedInOrderOfAppearance() {
    var table = TermTable()
    var numbers: [[UInt8]: Int] = [:]
    var random = SeededGenerator(seed: 8)
    for _ in 0..<30_000 {
      let term = Array(String(UInt32.random(in: 0...9000, using: &random), radix: 36).utf8)
      let number = term.withUnsafeBytes { table.number(of: $0) }
      #expect(number == numbers[term, default: numbers.count])
      numbers[term] = number
    }
    #expect(table.count == numbers.count)
    #expect(numbers.allSatisfy { Array(table.term($0.value)) == $0.key })
    #expect([UInt8]().withUnsafeBytes { table.number(of: $0) } == numbers.count)
    #expect([UInt8]().withUnsafeBytes { table.number(of: $0) } == numbers.count)
  }

  @Test func theBestUnitsAreThoseOfASort() {
    var random = SeededGenerator(seed: 9)
    for limit in [1, 2, 7, 100, 1000] {
      let scores = (0..<500).map { _ in Double(Int.random(in: 0...40, using: &random)) }
      var best = BestUnits(limit: limit)
      for (unit, score) in scores.enumerated() { best.offer(unit, score) }
      let sorted = scores.enumerated().sorted {
        $0.element > $1.element || ($0.element == $1.element && $0.offset < $1.offset)
      }.prefix(limit)
      #expect(best.sorted().map(\.unit) == sorted.map(\.offset))
    }
  }

  @Test func inconsistentUnitsAreSeen() {
    let sound = LexicalUnits(
      chunks: [4, 5, 9], lengths: [1, 2, 3], documents: [0, 0, 1], idBytes: Array("abc".utf8),
      idEnds: [1, 3])
    #expect(sound.isConsistent && LexicalUnits().isConsistent)
    #expect(sound.id(ofDocument: 1) == "bc")
    for change: (inout LexicalUnits) -> Void in [
      { $0.lengths.removeLast() }, { $0.documents = [0, 1, 0] }, { $0.documents = [0, 0, 2] },
      { $0.documents = [1, 1, 1] }, { $0.idEnds = [3, 1] }, { $0.idEnds = [1, 4] },
      { $0.documents = [0, 0, 0] },
    ] {
      var units = sound
      change(&units)
      #expect(!units.isConsistent)
    }
  }
}
