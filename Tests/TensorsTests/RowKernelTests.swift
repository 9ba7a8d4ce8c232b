import CKernels
import Tensors
import TestSupport
import Testing

/// LayerNorm, mean, embedding and dot product against plain Float64 loops.
@Suite struct RowKernelTests {
  private static let widths = [1, 2, 15, 16, 17, 31, 32, 33, 100, 384]

  @Test(arguments: InstructionSets.available)
  func layerNormEqualsPlainLoops(set: String) {
    for columns in Self.widths {
      for withResidual in [false, true] {
        var random = Philox(seed: UInt64(columns))
        let rows = 5
        let x = GuardedFloats(random.floats(rows * columns, magnitude: 4))
        let residual = GuardedFloats(random.floats(rows * columns))
        let gamma = GuardedFloats(random.floats(columns))
        let beta = GuardedFloats(random.floats(columns))
        let y = GuardedFloats(count: rows * columns)
        InstructionSets.using(set) {
          rbk_layer_norm(
            x.pointer, withResidual ? residual.pointer : nil, rows, columns, gamma.pointer,
            beta.pointer, 1e-5, y.pointer)
        }
        var expected: [Double] = []
        for row in 0..<rows {
          let sums = (0..<columns).map { column in
            let at = row * columns + column
            return Double(x.pointer[at]) + (withResidual ? Double(residual.pointer[at]) : 0)
          }
          let mean = sums.reduce(0, +) / Double(columns)
          let variance = sums.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
          for (column, sum) in sums.enumerated() {
            expected.append(
              (sum - mean) / (variance + 1e-5).squareRoot() * Double(gamma.pointer[column])
                + Double(beta.pointer[column]))
          }
        }
        // A width of 1 has variance 0: its rounded sum is divided by 0.003. Elsewhere the mean is
        // off by some columns / 16 roundings of numbers up to 5, over a deviation of about 2.
        let tolerance = Double(columns / 16 + 40) * roundoff
        expectClose(y.values, expected, absolute: tolerance, "\(set), \(columns), \(withResidual)")
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func constantRowsGiveTheBias(set: String) {
    for columns in Self.widths {
      // Sums of small integers are exact, so the deviations are exactly 0 at any epsilon.
      let x = GuardedFloats(
        [Float](repeating: 3, count: columns) + repeatElement(0, count: columns))
      let gamma = GuardedFloats(count: columns, filledWith: 2)
      let beta = GuardedFloats((0..<columns).map(Float.init))
      InstructionSets.using(set) {
        // In place, as the header allows.
        rbk_layer_norm(x.pointer, nil, 2, columns, gamma.pointer, beta.pointer, 1e-12, x.pointer)
      }
      #expect(x.values == beta.values + beta.values, "\(set), \(columns) columns")
    }
  }

  @Test(arguments: InstructionSets.available)
  func layerNormTreatsEachRowAlone(set: String) {
    InstructionSets.using(set) {
      for columns in [17, 384] {
        var random = Philox(seed: 9)
        var values = random.floats(6 * columns)
        values[3 * columns + 5] = .nan
        let x = GuardedFloats(values)
        let gamma = GuardedFloats(random.floats(columns))
        let beta = GuardedFloats(random.floats(columns))
        let together = GuardedFloats(count: 6 * columns)
        rbk_layer_norm(
          x.pointer, nil, 6, columns, gamma.pointer, beta.pointer, 1e-12, together.pointer)
        for row in 0..<6 where row != 3 {
          let alone = GuardedFloats(count: columns)
          rbk_layer_norm(
            x.pointer + row * columns, nil, 1, columns, gamma.pointer, beta.pointer, 1e-12,
            alone.pointer)
          #expect(alone.bits == Array(together.bits[row * columns..<(row + 1) * columns]))
        }
        #expect(together.values[3 * columns..<4 * columns].allSatisfy { $0.isNaN })
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func meanEqualsPlainLoops(set: String) {
    var random = Philox(seed: 10)
    for columns in Self.widths {
      for rows in [1, 2, 7, 200] {
        let stride = columns + 2
        let x = GuardedFloats(random.floats((rows - 1) * stride + columns))
        let y = GuardedFloats(count: columns)
        InstructionSets.using(set) { rbk_mean(x.pointer, stride, rows, columns, y.pointer) }
        let expected = (0..<columns).map { column in
          (0..<rows).reduce(0.0) { $0 + Double(x.pointer[$1 * stride + column]) } / Double(rows)
        }
        // The sum of n numbers below 1 is off by at most n roundings of n, the mean by n of 1.
        expectClose(y.values, expected, absolute: Double(rows) * roundoff, "\(set), \(columns)")
      }
      let none = GuardedFloats(count: columns)
      InstructionSets.using(set) { rbk_mean(none.pointer, columns, 0, columns, none.pointer) }
      #expect(none.bits.allSatisfy { $0 == 0 })
    }
  }

  @Test(arguments: InstructionSets.available)
  func embedAddsTheRowsOfTheTables(set: String) {
    var random = Philox(seed: 11)
    for columns in Self.widths {
      let tables = (0..<3).map { _ in GuardedFloats(random.floats(4 * columns)) }
      let ids: [[Int32]] = [[3, 0, 2, 3, 1], [0, 1, 2, 3, 0], [1, 1, 0, 0, 3]]
      for count in 1...3 {
        let y = GuardedFloats(count: 5 * columns)
        InstructionSets.using(set) {
          rbk_embed(
            tables[0].pointer, ids[0], count > 1 ? tables[1].pointer : nil, ids[1],
            count > 2 ? tables[2].pointer : nil, ids[2], 5, columns, y.pointer)
        }
        // Words, then token types, then positions: the order of `transformers`, to the bit.
        let expected = (0..<5).flatMap { row in
          (0..<columns).map { column in
            [0, 2, 1].filter { $0 < count }.dropFirst().reduce(
              tables[0].pointer[Int(ids[0][row]) * columns + column]
            ) { $0 + tables[$1].pointer[Int(ids[$1][row]) * columns + column] }
          }
        }
        #expect(y.values == expected, "\(set), \(columns) columns, \(count) tables")
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func dotEqualsAPlainLoop(set: String) {
    var random = Philox(seed: 12)
    for count in Array(0...70) + [384, 1000] {
      let a = GuardedFloats(random.floats(count))
      let b = GuardedFloats(random.floats(count))
      let terms = zip(a.values, b.values).map { Double($0) * Double($1) }
      let found = InstructionSets.using(set) { rbk_dot(a.pointer, b.pointer, count) }
      // 16 sums of count / 16 products each, then four additions.
      let bound = Double(count / 16 + 6) * roundoff * terms.reduce(0) { $0 + abs($1) }
      expectClose(found, terms.reduce(0, +), absolute: bound, "\(set), \(count)")
    }
  }
}
