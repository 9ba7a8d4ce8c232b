import CKernels
import Glibc

extension Tape {
  /// Softmax cross-entropy within groups of scores, in nats; the first score of each group is the
  /// right one.
  ///
  /// `loss[g] = −x[first] + log Σ_{r ∈ g} exp x[r]`; gradient `dx[r] = dloss[g] (p[r] − [r is first])`.
  /// A group neither reads nor changes anything of another: not even a number that is not finite
  /// gets from one to another.
  ///
  /// - Parameters:
  ///   - x: `[rows, 1]`.
  ///   - boundaries: start of each group, none empty, and, last, the number of rows.
  ///   - packing: of the groups; nil: each is an example.
  /// - Returns: `[groups, 1]`.
  public func groupedCrossEntropy(
    _ x: Variable, boundaries: [Int], packing: Packing? = nil
  ) -> Variable {
    let (scores, slot) = (x.value, x.slot)
    let groups = zip(boundaries, boundaries.dropFirst()).map { $0..<$1 }
    precondition(
      scores.columns == 1 && boundaries.first == 0 && boundaries.last == scores.rows
        && groups.allSatisfy { !$0.isEmpty },
      "groupedCrossEntropy: x \(x.shape), boundaries \(boundaries.prefix(8))")
    let loss = context.tensor([groups.count, 1])
    let shifts = groups.map {
      Self.logSumExp(scores.storage.pointer + $0.lowerBound, count: $0.count)
    }
    for (number, group) in groups.enumerated() {
      loss.storage.pointer[number] = Float(
        shifts[number] - Double(scores.storage.pointer[group.lowerBound]))
    }
    return result(loss, packing: packing ?? .rows(groups.count), from: [x]) { tape, dloss in
      let dx = tape.context.tensor(scores.shape)
      for (number, group) in groups.enumerated() {
        let to = dx.storage.pointer + group.lowerBound
        Self.writeExponentials(
          of: scores.storage.pointer + group.lowerBound, count: group.count, shift: shifts[number],
          factor: dloss.storage.pointer[number], to: to)
        to[0] -= dloss.storage.pointer[number]
      }
      tape.add(dx, to: slot)
    }
  }
}
