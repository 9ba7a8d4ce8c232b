import CKernels
import Glibc

extension Tape {
  /// Softmax cross-entropy of each row, in nats.
  ///
  /// `loss[r] = −x[r][t] + log Σ_{j ∈ D(r)} exp x[r][j]` with `t = targets[r]`; gradient
  /// `dx[r][j] = dloss[r] (p[r][j] − [j = t])` with the softmax p over `D(r)`.
  ///
  /// - Parameters:
  ///   - x: `[rows, classes]`.
  ///   - targets: the right class of each row; a negative one leaves the row out, with loss 0.
  ///   - excluded: for each row the classes that are not in D, such as known positives; nil: none.
  ///   - keepsTarget: whether the target is in D. Without it this is the decoupled contrastive loss.
  /// - Returns: `[rows, 1]`. D must not be empty.
  public func crossEntropy(
    _ x: Variable, targets: [Int], excluded: [[Int]]? = nil, keepsTarget: Bool = true
  ) -> Variable {
    let (scores, slot) = (x.value, x.slot)
    let (rows, classes) = (scores.rows, scores.columns)
    precondition(
      targets.count == rows && targets.allSatisfy { $0 < classes }
        && (excluded.map { $0.count == rows } ?? true),
      "crossEntropy: x \(x.shape), \(targets.count) targets up to \(targets.max() ?? -1)")
    func absent(_ row: Int) -> [Int] {
      let others = (excluded?[row] ?? []).filter { $0 != targets[row] }
      return keepsTarget ? others : others + [targets[row]]
    }
    let loss = context.tensor([rows, 1])
    var shifts = [Double](repeating: 0, count: rows)
    let line = context.tensor([classes])
    for row in 0..<rows {
      guard targets[row] >= 0 else {
        loss.storage.pointer[row] = 0
        continue
      }
      let from = scores.storage.pointer + row * classes
      let absent = absent(row)
      precondition(
        Set(absent).count < classes, "crossEntropy: row \(row) has nothing to compare with")
      line.storage.pointer.update(from: from, count: classes)
      for column in absent { line.storage.pointer[column] = -.infinity }
      shifts[row] = Self.logSumExp(line.storage.pointer, count: classes)
      loss.storage.pointer[row] = Float(shifts[row] - Double(from[targets[row]]))
    }
    return result(loss, packing: x.packing, from: [x]) { tape, dloss in
      let dx = tape.context.tensor(scores.shape)
      for row in 0..<rows {
        let to = dx.storage.pointer + row * classes
        let target = targets[row]
        guard target >= 0 else {
          to.update(repeating: 0, count: classes)
          continue
        }
        let factor = dloss.storage.pointer[row]
        Self.writeExponentials(
          of: scores.storage.pointer + row * classes, count: classes, shift: shifts[row],
          factor: factor, to: to)
        for column in absent(row) { to[column] = 0 }
        to[target] -= factor
      }
      tape.add(dx, to: slot)
    }
  }

  /// `log Σ exp x[j]`. Terms of −∞ count as nothing, if there is another.
  static func logSumExp(_ x: UnsafePointer<Float>, count: Int) -> Double {
    let largest = rbk_largest(x, count)
    return Double(largest) + log(rbk_exp_sum(x, count, largest))
  }

  /// `to[j] = factor exp(x[j] − shift)`, with a shift that Float32 need not hold exactly.
  static func writeExponentials(
    of x: UnsafePointer<Float>, count: Int, shift: Double, factor: Float,
    to: UnsafeMutablePointer<Float>
  ) {
    let rounded = Float(shift)
    rbk_exp_scaled(x, count, rounded, factor * Float(exp(Double(rounded) - shift)), to)
  }
}
