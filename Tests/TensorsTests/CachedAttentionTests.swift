import Tensors
import TestSupport
import Testing

/// Attention over a cache against the attention of whole sequences on a tape.
@Suite struct CachedAttentionTests {
  /// Heads of widths below, at and beyond a panel; lengths around panels and row tiles.
  static let cases: [(heads: Int, shared: Int, size: Int, lengths: [Int])] = [
    (4, 2, 8, [1, 31, 40]), (3, 1, 64, [33, 97, 2]), (2, 2, 34, [13, 64]), (6, 2, 32, [130]),
  ]

  @Test(arguments: InstructionSets.available, cases.indices)
  func stepsHaveTheBitsOfTheWhole(instructions: String, index: Int) throws {
    try InstructionSets.using(instructions) { try compare(index, instructions) }
  }

  private func compare(_ index: Int, _ instructions: String) throws {
    let (heads, shared, size, lengths) = Self.cases[index]
    let width = (heads + 2 * shared) * size
    let packing = Packing(lengths: lengths)
    var random = Philox(seed: UInt64(index))
    let values = (0..<packing.rowCount * width).map { _ in Float.random(in: -2...2, using: &random)
    }
    let qkv = try Tensor(values, shape: [packing.rowCount, width])
    let rotary = RotaryTable(positions: 160, headSize: size, base: 100)
    let context = ComputeContext()
    let tape = Tape(in: context, mode: .forwardOnly)
    let expected = tape.attention(
      tape.input(qkv, packing: packing), heads: heads, keyValueHeads: shared, isCausal: true,
      rotary: rotary
    ).value.values
    for step in [1, 7, 200] {
      let caches = lengths.map {
        KeyValueCache(layers: 1, keyValueHeads: shared, headSize: size, tokens: $0)
      }
      var found = [Float](repeating: .nan, count: packing.rowCount * heads * size)
      for start in stride(from: 0, to: packing.longest, by: step) {
        let active = lengths.indices.filter { lengths[$0] > start }
        let counts = active.map { min(step, lengths[$0] - start) }
        let rows = zip(active, counts).flatMap { sequence, count in
          (0..<count).map { packing.boundaries[sequence] + start + $0 }
        }
        let part = context.gather(qkv, rows: rows)
        let out = context.cachedAttention(
          part, boundaries: Packing(lengths: counts).boundaries, caches: active.map { caches[$0] },
          layer: 0, heads: heads, rotary: rotary
        ).values
        for (sequence, count) in zip(active, counts) { caches[sequence].advance(by: count) }
        let columns = heads * size
        for (i, row) in rows.enumerated() {
          for c in 0..<columns { found[row * columns + c] = out[i * columns + c] }
        }
      }
      #expect(found == expected, "\(instructions), \(step) tokens at a time")
    }
  }

  @Test func layersAndTruncation() {
    let cache = KeyValueCache(layers: 3, keyValueHeads: 2, headSize: 8, tokens: 33)
    #expect(cache.capacity == 64 && cache.count == 0)
    #expect(
      KeyValueCache.bytes(layers: 3, keyValueHeads: 2, headSize: 8, tokens: 33)
        == 4 * 3 * 2 * 64 * (8 + 32))
    cache.advance(by: 40)
    cache.truncate(to: 12)
    #expect(cache.count == 12)
  }
}
