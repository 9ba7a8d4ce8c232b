import CKernels
import Glibc
import TestSupport
import Testing

@testable import Tensors

/// The training kernels of every instruction set against plain loops, within guarded memory.
@Suite struct TrainingKernelTests {
  /// Rows of several tiles and blocks, inner sizes around the block of 256, edges of panels.
  @Test(arguments: [
    (1, 1, 1), (13, 33, 5), (12, 32, 256), (25, 40, 257), (200, 31, 18), (3, 64, 600),
  ])
  func productsEqualPlainLoops(rows: Int, columns: Int, inner: Int) {
    var random = Philox(seed: UInt64(rows))
    let (a, b) = (random.floats(rows * inner), random.floats(inner * columns))
    let start = random.floats(rows * columns)
    let bias = GuardedFloats(random.floats(columns))
    var expected = start.map(Double.init)
    var sizes = expected.map(abs)
    for i in 0..<rows {
      for p in 0..<inner {
        for j in 0..<columns {
          let term = Double(a[i * inner + p]) * Double(b[p * columns + j])
          expected[i * columns + j] += term
          sizes[i * columns + j] += abs(term)
        }
      }
      for j in 0..<columns { expected[i * columns + j] += Double(bias.pointer[j]) }
    }
    func transposed(_ x: [Float], _ rows: Int, _ columns: Int) -> [Float] {
      (0..<columns).flatMap { j in (0..<rows).map { x[$0 * columns + j] } }
    }
    let tolerance = Double(inner + 3) * roundoff * (sizes.max() ?? 0)
    for set in InstructionSets.available {
      InstructionSets.using(set) {
        let scratch = GuardedFloats(count: rbk_product_scratch())
        let panels = (columns + 31) / 32
        var bits: [[UInt32]] = []
        for (aIsTransposed, bIsTransposed) in [
          (false, false), (false, true), (true, false), (true, true),
        ] {
          let left = GuardedFloats(aIsTransposed ? transposed(a, rows, inner) : a)
          let right = GuardedFloats(bIsTransposed ? transposed(b, inner, columns) : b)
          let packed = GuardedFloats(count: rbk_packed_count(columns, inner))
          if bIsTransposed {
            rbk_pack_rows(right.pointer, inner, columns, inner, packed.pointer, 0, panels)
          } else {
            rbk_pack_columns(right.pointer, columns, inner, columns, nil, packed.pointer, 0, panels)
          }
          let c = GuardedFloats(start)
          var job = rbk_product(
            a: left.pointer, a_row_stride: aIsTransposed ? 1 : inner,
            a_column_stride: aIsTransposed ? rows : 1, packed: packed.pointer, columns: columns,
            inner: inner, c: c.pointer, c_stride: columns, accumulate: true, bias: bias.pointer,
            activation: RBK_ACTIVATION_NONE)
          // In two parts of the rows, which must not matter.
          rbk_multiply(&job, rows / 2, rows, scratch.pointer)
          withExtendedLifetime((left, right, packed)) {
            rbk_multiply(&job, 0, rows / 2, scratch.pointer)
          }
          expectClose(c.values, expected, absolute: tolerance, "\(set)")
          bits.append(c.bits)
        }
        #expect(bits.allSatisfy { $0 == bits[0] }, "\(set): orientations differ")
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func aProductHasTheBitsOfTheEncoders(set: String) {
    InstructionSets.using(set) {
      var random = Philox(seed: 3)
      let (rows, inputs, outputs) = (29, 300, 70)
      let x = GuardedFloats(random.floats(rows * inputs))
      let weight = GuardedFloats(random.floats(outputs * inputs))
      let bias = GuardedFloats(random.floats(outputs))
      let packed = GuardedFloats.packed(weight, outputs: outputs, inputs: inputs)
      for activation in [RBK_ACTIVATION_NONE, RBK_ACTIVATION_GELU] {
        let (y, c) = (GuardedFloats(count: rows * outputs), GuardedFloats(count: rows * outputs))
        rbk_linear(
          x.pointer, inputs, rows, packed.pointer, outputs, inputs, bias.pointer, activation,
          y.pointer, outputs, 0, 3)
        var job = rbk_product(
          a: x.pointer, a_row_stride: inputs, a_column_stride: 1, packed: packed.pointer,
          columns: outputs, inner: inputs, c: c.pointer, c_stride: outputs, accumulate: false,
          bias: bias.pointer, activation: activation)
        let scratch = GuardedFloats(count: rbk_product_scratch())
        withExtendedLifetime((x, packed, bias, scratch)) {
          rbk_multiply(&job, 0, rows, scratch.pointer)
        }
        #expect(c.bits == y.bits)
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func packingWeighsRows(set: String) {
    InstructionSets.using(set) {
      let b = GuardedFloats([1, 2, 3, 4, 5, 6])
      let packed = GuardedFloats(count: 96)
      rbk_pack_columns(b.pointer, 2, 3, 2, [10, 0, -1], packed.pointer, 0, 1)
      var expected = [Float](repeating: 0, count: 96)
      for (at, value) in [(0, 10), (1, 20), (32, 0), (33, 0), (64, -5), (65, -6)] {
        expected[at] = Float(value)
      }
      #expect(packed.values == expected)
    }
  }

  /// Lengths on both sides of whole vectors, against Float64.
  @Test(arguments: InstructionSets.available)
  func reductionsEqualPlainLoops(set: String) {
    InstructionSets.using(set) {
      for count in [1, 15, 16, 17, 100, 1023, 1025, 3000] {
        var random = Philox(seed: UInt64(count))
        let x = GuardedFloats(random.floats(count, magnitude: 9))
        let values = x.values.map(Double.init)
        #expect(rbk_largest(x.pointer, count) == x.values.max())
        expectClose(
          rbk_squared_norm(x.pointer, count), values.reduce(0) { $0 + $1 * $1 }, absolute: 0,
          relative: 1e-13)
        let shift = values.max() ?? 0
        expectClose(
          rbk_exp_sum(x.pointer, count, Float(shift)),
          values.reduce(0) { $0 + exp64($1 - shift) }, absolute: 0, relative: 1e-5)
        let y = GuardedFloats(count: count)
        rbk_exp_scaled(x.pointer, count, Float(shift), 3, y.pointer)
        expectClose(y.values, values.map { 3 * exp64($0 - shift) }, absolute: 1e-12, relative: 1e-6)
        rbk_add_scaled(x.pointer, -2, count, y.pointer)
        rbk_add(x.pointer, y.pointer, count, y.pointer)
        expectClose(
          y.values, values.map { 3 * exp64($0 - shift) - $0 }, absolute: 1e-5)
        x.pointer[count / 2] = .nan
        #expect(rbk_largest(x.pointer, count).isNaN)
        x.pointer[count / 2] = -.infinity
        #expect(count == 1 || rbk_largest(x.pointer, count).isFinite)
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func columnSumsTakeWeightsAndFactors(set: String) {
    InstructionSets.using(set) {
      var random = Philox(seed: 12)
      let (rows, columns) = (150, 37)
      let x = GuardedFloats(random.floats(rows * columns))
      let factors = GuardedFloats(random.floats(rows * columns))
      let weights = random.floats(rows)
      let out = GuardedFloats(count: columns, filledWith: 1)
      for part in [(0, 16), (16, 32), (32, 37)] {
        rbk_column_sums(
          x.pointer, columns, rows, factors.pointer, columns, weights, part.0, part.1, out.pointer)
      }
      let expected = (0..<columns).map { j in
        (0..<rows).reduce(1.0) { sum, row in
          let at = row * columns + j
          return sum + Double(x.pointer[at]) * Double(factors.pointer[at]) * Double(weights[row])
        }
      }
      expectClose(out.values, expected, absolute: 1e-5)
    }
  }

  /// The gradient's attention and the encoders' have the same bits where both apply.
  @Test(arguments: InstructionSets.available)
  func attentionHasTheBitsOfTheEncoders(set: String) {
    InstructionSets.using(set) {
      for (tokens, size) in [(1, 8), (33, 5), (130, 32), (300, 40)] {
        var random = Philox(seed: UInt64(tokens))
        let qkv = GuardedFloats(random.floats(tokens * 3 * size))
        let bias = GuardedFloats(random.floats(2 * tokens - 1))
        let scale = 1 / Float(size).squareRoot()
        let (a, b) = (GuardedFloats(count: tokens * size), GuardedFloats(count: tokens * size))
        let plain = GuardedFloats(count: rbk_attention_scratch(tokens, size))
        rbk_attention(
          qkv.pointer, qkv.pointer + size, qkv.pointer + 2 * size, 3 * size, tokens, size, scale,
          bias.pointer, tokens - 1, a.pointer, size,
          plain.pointer)
        var shape = rbk_attention_shape(
          tokens: tokens, head_size: size, group: 1, stride: 3 * size, scale: scale, causal: false,
          cosines: nil, sines: nil, relative_bias: bias.pointer, bias_stride: 0,
          bias_centre: tokens - 1)
        let scratch = GuardedFloats(count: rbk_attention_gradient_scratch(&shape))
        withExtendedLifetime((qkv, bias, plain, scratch)) {
          rbk_grouped_attention(
            &shape, qkv.pointer, qkv.pointer + size, qkv.pointer + 2 * size, b.pointer, size,
            scratch.pointer)
        }
        #expect(a.bits == b.bits, "\(tokens) tokens of \(size)")
      }
    }
  }
}

private func exp64(_ x: Double) -> Double { Glibc.exp(x) }
