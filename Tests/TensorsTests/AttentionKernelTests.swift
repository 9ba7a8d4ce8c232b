import CKernels
import Glibc
import Tensors
import TestSupport
import Testing

/// One head of attention against the plain formula in Float64.
@Suite struct AttentionKernelTests {
  private struct Head {
    let tokens: Int, size: Int
    let stride: Int
    /// Queries, keys and values of two heads side by side, of which the second is used.
    let qkv: GuardedFloats
    let bias: [Float]?
    let scale: Float

    init(tokens: Int, size: Int, magnitude: Float = 1, withBias: Bool, seed: UInt64) {
      var random = Philox(seed: seed)
      (self.tokens, self.size) = (tokens, size)
      stride = 6 * size
      qkv = GuardedFloats(random.floats(tokens * stride, magnitude: magnitude))
      bias = withBias ? random.floats(2 * tokens + 7, magnitude: 3) : nil
      scale = 1 / Float(size).squareRoot()
    }

    var centre: Int { tokens + 2 }
    var query: UnsafeMutablePointer<Float> { qkv.pointer + size }
    var key: UnsafeMutablePointer<Float> { qkv.pointer + 3 * size }
    var value: UnsafeMutablePointer<Float> { qkv.pointer + 5 * size }

    /// `[tokens, size]`; what lies between the rows of the output is checked to be unchanged.
    func attend() -> [Float] {
      let outStride = size + 3
      let count = tokens == 0 ? 0 : (tokens - 1) * outStride + size
      let out = GuardedFloats(count: count, filledWith: 77)
      let scratch = GuardedFloats(count: rbk_attention_scratch(tokens, size))
      let bias = bias.map { GuardedFloats($0) }
      if tokens == 0 {
        rbk_attention(
          query, query, query, stride, 0, size, scale, bias?.pointer, centre, out.pointer,
          outStride, scratch.pointer)
        return []
      }
      rbk_attention(
        query, key, value, stride, tokens, size, scale, bias?.pointer, centre, out.pointer,
        outStride, scratch.pointer)
      let values = out.values
      for row in 0..<tokens - 1 {
        #expect(values[row * outStride + size..<(row + 1) * outStride].allSatisfy { $0 == 77 })
      }
      return (0..<tokens).flatMap { values[$0 * outStride..<$0 * outStride + size] }
    }

    /// Result and tolerance. A score is off by the roundings of its dot product, a weight by twice
    /// that, relatively; the sums over the tokens add one rounding a token.
    func reference() -> (values: [Double], tolerance: Double) {
      var result: [Double] = []
      var worst = 0.0
      for i in 0..<tokens {
        var scores: [Double] = []
        for j in 0..<tokens {
          var sum = 0.0
          var absolute = 0.0
          for c in 0..<size {
            let term = Double(query[i * stride + c]) * Double(key[j * stride + c])
            sum += term
            absolute += abs(term)
          }
          let added = bias.map { Double($0[centre + j - i]) } ?? 0
          scores.append(sum * Double(scale) + added)
          worst = max(worst, absolute * Double(scale) + abs(added))
        }
        let top = scores.max() ?? 0
        let weights = scores.map { exp($0 - top) }
        let total = weights.reduce(0, +)
        for c in 0..<size {
          var sum = 0.0
          for j in 0..<tokens { sum += weights[j] / total * Double(value[j * stride + c]) }
          result.append(sum)
        }
      }
      return (result, roundoff * (2 * Double(size + 2) * worst + Double(tokens + 16)))
    }
  }

  @Test(arguments: [1, 8, 32, 64, 80], [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 65, 300])
  func equalsThePlainFormula(size: Int, tokens: Int) {
    for withBias in [false, true] {
      let head = Head(
        tokens: tokens, size: size, withBias: withBias, seed: UInt64(1000 * size + tokens))
      let (values, tolerance) = head.reference()
      for set in InstructionSets.available {
        let found = InstructionSets.using(set) { head.attend() }
        expectClose(found, values, absolute: tolerance, "\(set), bias \(withBias)")
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func hugeScoresDoNotOverflow(set: String) {
    let head = Head(tokens: 40, size: 8, magnitude: 1e15, withBias: false, seed: 3)
    let found = InstructionSets.using(set) { head.attend() }
    // Scores of 1e30 lie so far apart that each query takes the value of its best key.
    for i in 0..<40 {
      let scores = (0..<40).map { j in
        (0..<8).reduce(0.0) {
          $0 + Double(head.query[i * head.stride + $1]) * Double(head.key[j * head.stride + $1])
        }
      }
      let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
      expectClose(
        found[i * 8..<i * 8 + 8],
        UnsafeBufferPointer(start: head.value + best * head.stride, count: 8).map { $0 },
        absolute: 0, relative: 1e-6, "\(set), query \(i)")
    }
  }

  @Test(arguments: InstructionSets.available)
  func equalScoresGiveTheMean(set: String) {
    let head = Head(tokens: 37, size: 5, withBias: false, seed: 4)
    for j in 0..<37 { for c in 0..<5 { head.key[j * head.stride + c] = 0 } }
    let found = InstructionSets.using(set) { head.attend() }
    let mean = (0..<5).map { c in
      (0..<37).reduce(0.0) { $0 + Double(head.value[$1 * head.stride + c]) } / 37
    }
    for i in 0..<37 {
      expectClose(found[i * 5..<i * 5 + 5], mean, absolute: 53 * roundoff, "\(set), query \(i)")
    }
  }

  @Test(arguments: InstructionSets.available)
  func nanPropagates(set: String) {
    for tokens in [1, 5, 16, 21] {
      let head = Head(tokens: tokens, size: 6, withBias: false, seed: 8)
      head.query[2 % tokens * head.stride + 1] = .nan
      let found = InstructionSets.using(set) { head.attend() }
      for i in 0..<tokens {
        let row = found[i * 6..<i * 6 + 6]
        #expect(row.allSatisfy { $0.isNaN == (i == 2 % tokens) }, "\(tokens) tokens, query \(i)")
      }
      // Every query meets a key that is not a number.
      head.query[2 % tokens * head.stride + 1] = 0
      head.key[(tokens - 1) * head.stride] = Float(bitPattern: 0x7F80_0001)
      let spoilt = InstructionSets.using(set) { head.attend() }
      #expect(spoilt.allSatisfy { $0.isNaN }, "\(tokens) tokens")
    }
  }
}
