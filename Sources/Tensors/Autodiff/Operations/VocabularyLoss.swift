import CKernels
import Glibc

extension Tape {
  /// Cross-entropy of a linear head over a vocabulary, in nats, without ever holding all scores.
  ///
  /// `z = h Wᵀ + b`, `loss[r] = −z[r][t] + log Σ_v exp z[r][v]`. Blocks of the vocabulary are scored
  /// one after the other, once for the loss and once more for the gradients
  /// `dz = dloss (softmax(z) − onehot)`, `dh = dz W`, `dW = dzᵀ h`, `db = Σ_r dz`.
  ///
  /// - Parameters:
  ///   - hidden: `[rows, inputs]`.
  ///   - head: `[vocabulary, inputs]`; its weight may be the word table.
  ///   - targets: the right token of each row; a negative one leaves the row out, with loss 0.
  ///   - block: tokens that are scored together. The loss's last bits depend on it.
  /// - Returns: `[rows, 1]`. Where gradients of parameters go to a receiver, the gradient at the
  ///   scores is held whole, `[rows, vocabulary]`, because it is one of the factors.
  public func vocabularyLoss(
    _ hidden: Variable, head: LinearLayer, targets: [Int], block: Int = 2048
  ) -> Variable {
    let (h, slot, packing) = (hidden.value, hidden.slot, hidden.packing)
    let (rows, vocabulary) = (h.rows, head.outputs)
    precondition(
      head.inputs == h.columns && targets.count == rows && block > 0
        && targets.allSatisfy { $0 < vocabulary },
      "vocabularyLoss: hidden \(hidden.shape), head \(head.weight.shape), \(targets.count) targets up to \(targets.max() ?? -1)"
    )
    let blocks = stride(from: 0, to: vocabulary, by: block).map {
      $0..<min(vocabulary, $0 + block)
    }
    let scorer = BlockScorer(hidden: h, weight: head.weight.value, bias: head.bias?.value)
    var shifts = [Double](repeating: -.infinity, count: rows)
    var right = [Double](repeating: 0, count: rows)
    for range in blocks {
      let z = scorer.scores(range, in: context)
      for row in 0..<rows where targets[row] >= 0 {
        let line = z.storage.pointer + row * range.count
        let more = Self.logSumExp(line, count: range.count)
        // NaN on either side stays.
        let (low, high) = shifts[row] < more ? (shifts[row], more) : (more, shifts[row])
        shifts[row] = high + log1p(exp(low - high))
        if range.contains(targets[row]) {
          right[row] = Double(line[targets[row] - range.lowerBound])
        }
      }
    }
    let loss = context.tensor([rows, 1])
    for row in 0..<rows {
      loss.storage.pointer[row] = targets[row] >= 0 ? Float(shifts[row] - right[row]) : 0
    }
    return result(loss, packing: packing, from: [hidden], head.parameters) { tape, dloss in
      let context = tape.context
      /// The gradient at the scores of a block, written over the scores.
      func gradients(_ range: Range<Int>, into to: UnsafeMutablePointer<Float>, _ stride: Int) {
        let z = scorer.scores(range, in: context)
        context.parallelRows(rows, columns: range.count) { part in
          for row in part {
            let line = to + row * stride
            guard targets[row] >= 0 else {
              line.update(repeating: 0, count: range.count)
              continue
            }
            let factor = dloss.storage.pointer[row]
            Self.writeExponentials(
              of: z.storage.pointer + row * range.count, count: range.count, shift: shifts[row],
              factor: factor, to: line)
            if range.contains(targets[row]) { line[targets[row] - range.lowerBound] -= factor }
          }
        }
      }
      let dh = slot.map { _ in context.tensor(h.shape) }
      let whole = tape.hasReceiver ? context.tensor([rows, vocabulary]) : nil
      for range in blocks {
        let dz = whole ?? context.tensor([rows, range.count])
        let first = whole == nil ? 0 : range.lowerBound
        gradients(range, into: dz.storage.pointer + first, dz.columns)
        let slice = ColumnSlice(dz, columns: first..<first + range.count)
        if let dh {
          context.multiply(
            slice.view, context.pack(scorer.rows(range)), into: dh.storage.pointer,
            stride: dh.columns, accumulates: range.lowerBound > 0)
        }
        guard whole == nil else { continue }
        scorer.accumulate(slice, of: range, head: head, in: context)
      }
      if let whole {
        tape.emit(
          head.weight, packing: packing, .product(inputs: h, outputs: ColumnSlice(whole)))
        tape.emit(head.bias, packing: packing, .rowSum(ColumnSlice(whole)))
      }
      if let dh { tape.add(dh, to: slot) }
    }
  }
}

/// Scores of some tokens of a vocabulary.
private struct BlockScorer {
  let hidden: Tensor
  let weight: Tensor
  let bias: Tensor?

  /// Rows of the weight.
  func rows(_ range: Range<Int>) -> MatrixView {
    MatrixView(
      weight.storage.pointer + range.lowerBound * weight.columns, rows: range.count,
      columns: weight.columns, rowStride: weight.columns)
  }

  func scores(_ range: Range<Int>, in context: ComputeContext) -> Tensor {
    let z = context.tensor([hidden.rows, range.count])
    context.multiply(
      MatrixView(hidden), context.pack(rows(range).transposed), into: z.storage.pointer,
      stride: range.count,
      bias: bias.map { UnsafePointer($0.storage.pointer + range.lowerBound) })
    return z
  }

  /// Adds a block's gradients of weight and bias.
  func accumulate(
    _ slice: ColumnSlice, of range: Range<Int>, head: LinearLayer, in context: ComputeContext
  ) {
    if head.weight.isTrainable {
      head.weight.updateGradient { gradient in
        guard let base = gradient.baseAddress else { return }
        context.multiply(
          slice.view.transposed, context.pack(MatrixView(hidden)),
          into: base + range.lowerBound * hidden.columns, stride: hidden.columns,
          accumulates: true)
      }
    }
    if let bias = head.bias, bias.isTrainable {
      bias.updateGradient { gradient in
        guard let base = gradient.baseAddress else { return }
        context.addColumnSums(
          slice.view, factors: nil, rowWeights: nil, to: base + range.lowerBound)
      }
    }
  }
}
