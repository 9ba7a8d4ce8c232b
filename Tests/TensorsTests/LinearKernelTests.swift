import CKernels
import Tensors
import TestSupport
import Testing

/// The packed product against plain Float64 loops.
///
/// A Float32 sum of n products is off by at most n roundings of the sum of the absolute products;
/// that bound is the tolerance.
@Suite struct LinearKernelTests {
  private struct Problem {
    let rows: Int, inputs: Int, outputs: Int
    let xStride: Int, yStride: Int
    let x: GuardedFloats, bias: GuardedFloats, weight: [Float], packed: GuardedFloats

    init(rows: Int, inputs: Int, outputs: Int, gap: Int, seed: UInt64) {
      var random = Philox(seed: seed)
      (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
      (xStride, yStride) = (inputs + gap, outputs + gap)
      // What lies between the rows must not matter.
      var values = [Float](repeating: .nan, count: (rows - 1) * xStride + inputs)
      for row in 0..<rows {
        values.replaceSubrange(
          row * xStride..<row * xStride + inputs, with: random.floats(inputs))
      }
      x = GuardedFloats(values)
      bias = GuardedFloats(random.floats(outputs))
      weight = random.floats(outputs * inputs)
      packed = .packed(GuardedFloats(weight), outputs: outputs, inputs: inputs)
    }

    func product(
      rows range: Range<Int>? = nil, panels: Range<Int>? = nil, withBias: Bool = true,
      into y: GuardedFloats? = nil
    ) -> GuardedFloats {
      let range = range ?? 0..<rows
      let panels = panels ?? 0..<(outputs + Int(RBK_PANEL) - 1) / Int(RBK_PANEL)
      let y = y ?? GuardedFloats(count: (range.count - 1) * yStride + outputs, filledWith: 77)
      rbk_linear(
        x.pointer + range.lowerBound * xStride, xStride, range.count, packed.pointer, outputs,
        inputs, withBias ? bias.pointer : nil, RBK_ACTIVATION_NONE, y.pointer, yStride,
        panels.lowerBound, panels.upperBound)
      return y
    }

    /// Result and tolerance of each element, row-major without gaps.
    func reference(withBias: Bool) -> (values: [Double], tolerances: [Double]) {
      var values: [Double] = []
      var tolerances: [Double] = []
      for row in 0..<rows {
        for output in 0..<outputs {
          var sum = withBias ? Double(bias.pointer[output]) : 0
          var absolute = abs(sum)
          for input in 0..<inputs {
            let term =
              Double(x.pointer[row * xStride + input]) * Double(weight[output * inputs + input])
            sum += term
            absolute += abs(term)
          }
          values.append(sum)
          tolerances.append(Double(inputs + 2) * roundoff * absolute)
        }
      }
      return (values, tolerances)
    }
  }

  @Test(arguments: 1...30)
  func equalsPlainLoops(rows: Int) {
    for inputs in [1, 2, 3, 15, 16, 17, 32, 63, 100] {
      for outputs in [1, 2, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 70] {
        let gap = (rows + inputs + outputs) % 4
        let withBias = outputs % 2 == 0
        let problem = Problem(
          rows: rows, inputs: inputs, outputs: outputs, gap: gap, seed: UInt64(rows))
        let (values, tolerances) = problem.reference(withBias: withBias)
        for set in InstructionSets.available {
          let y = InstructionSets.using(set) { problem.product(withBias: withBias) }
          var wrong = 0
          for row in 0..<rows {
            for column in 0..<(row + 1 < rows ? outputs + gap : outputs) {
              let found = y.pointer[row * problem.yStride + column]
              if column < outputs {
                let at = row * outputs + column
                if !(abs(Double(found) - values[at]) <= tolerances[at]) { wrong += 1 }
              } else if found != 77 {
                wrong += 1
              }
            }
          }
          #expect(wrong == 0, "\(set): \(rows) rows, \(inputs) inputs, \(outputs) outputs")
        }
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func aRowHasTheSameBitsInEveryBatch(set: String) {
    InstructionSets.using(set) {
      // More rows than a cache block of every instruction set, 192.
      let problem = Problem(rows: 230, inputs: 100, outputs: 70, gap: 3, seed: 5)
      let together = problem.product().bits
      for row in 0..<230 {
        let alone = problem.product(rows: row..<row + 1).bits
        #expect(alone == Array(together[row * 73..<row * 73 + 70]), "row \(row)")
      }
      for start in stride(from: 0, to: 230, by: 23) {
        let some = problem.product(rows: start..<start + 23).bits
        #expect(some == Array(together[start * 73..<start * 73 + some.count]), "from row \(start)")
      }
    }
  }

  @Test(arguments: InstructionSets.available)
  func panelsComputedApartGiveTheSameBits(set: String) {
    InstructionSets.using(set) {
      let problem = Problem(rows: 7, inputs: 33, outputs: 70, gap: 1, seed: 6)
      let whole = problem.product().bits
      let parts = GuardedFloats(count: whole.count, filledWith: 77)
      for panel in [2, 0, 1] { _ = problem.product(panels: panel..<panel + 1, into: parts) }
      #expect(parts.bits == whole)
      // No panels, no rows: nothing is written.
      let untouched = GuardedFloats(count: whole.count, filledWith: 77)
      _ = problem.product(panels: 1..<1, into: untouched)
      rbk_linear(
        problem.x.pointer, 34, 0, problem.packed.pointer, 70, 33, nil, RBK_ACTIVATION_NONE,
        untouched.pointer, 71, 0, 3)
      #expect(untouched.values.allSatisfy { $0 == 77 })
    }
  }

  @Test func packingPadsWithZeros() {
    let packed = GuardedFloats.packed(
      GuardedFloats((1...6).map(Float.init)), outputs: 3, inputs: 2)
    var expected = [Float](repeating: 0, count: 64)
    for (at, value) in [(0, 1), (1, 3), (2, 5), (32, 2), (33, 4), (34, 6)] {
      expected[at] = Float(value)
    }
    #expect(packed.values == expected)
    #expect(rbk_packed_count(0, 5) == 0 && rbk_packed_count(33, 2) == 128)
  }

  @Test(arguments: InstructionSets.available)
  func nanReachesItsOwnRowAndColumnOnly(set: String) {
    InstructionSets.using(set) {
      let problem = Problem(rows: 14, inputs: 9, outputs: 40, gap: 0, seed: 7)
      problem.x.pointer[5 * 9 + 4] = .nan
      let y = problem.product()
      for row in 0..<14 {
        let values = y.values[row * 40..<row * 40 + 40]
        #expect(values.allSatisfy { $0.isNaN == (row == 5) }, "row \(row)")
      }
      problem.x.pointer[5 * 9 + 4] = 1
      problem.bias.pointer[39] = .nan
      let biased = problem.product().values
      for (at, value) in biased.enumerated() { #expect(value.isNaN == (at % 40 == 39)) }
    }
  }
}
