import CKernels

/// One use of a parameter whose gradient is a sum of rows as large as it: a bias, a gain, a table of
/// relative positions.
struct SumUse {
  private let form: ParameterGradient.Form
  let packing: Packing
  private let coefficient: Float

  init?(_ gradient: ParameterGradient) {
    switch gradient.form {
    case .product, .lookup: return nil
    case .rowSum, .scaledRowSum, .perSequence: break
    }
    (form, packing, coefficient) = (gradient.form, gradient.packing, gradient.coefficient)
  }

  /// Adds the rows of one sequence.
  func add(_ sequence: Int, to sum: UnsafeMutablePointer<Float>, count: Int) {
    let rows = packing.rows(of: sequence)
    let weights =
      coefficient == 1 ? nil : [Float](repeating: coefficient, count: rows.count)
    func add(_ x: MatrixView, factors: MatrixView?) {
      rbk_column_sums(
        x.pointer + rows.lowerBound * x.rowStride, x.rowStride, rows.count,
        factors.map { $0.pointer + rows.lowerBound * $0.rowStride }, factors?.rowStride ?? 0,
        weights, 0, count, sum)
    }
    switch form {
    case .rowSum(let slice): add(slice.view, factors: nil)
    case .scaledRowSum(let outputs, let factors):
      add(MatrixView(outputs), factors: MatrixView(factors))
    case .perSequence(let gradients):
      rbk_add_scaled(
        gradients.storage.pointer + sequence * count, coefficient, count, sum)
    case .product, .lookup: break
    }
  }
}

/// One use of a table: row `ids[r]` gets `b[r]`.
struct LookupUse {
  let ids: [Int32]
  let outputs: Tensor
  let packing: Packing
  let coefficient: Float

  init?(_ gradient: ParameterGradient) {
    guard case .lookup(let ids, let outputs) = gradient.form else { return nil }
    (self.ids, self.outputs) = (ids, outputs)
    (packing, coefficient) = (gradient.packing, gradient.coefficient)
  }
}

extension ExampleNorms {
  /// Calls `body` for each example with memory for `count` numbers, and collects what it returns.
  private static func forEachExample(
    _ examples: Int, memory count: Int, in context: ComputeContext,
    _ body: (_ example: Int, _ memory: UnsafeMutablePointer<Float>) -> Double
  ) -> [Double] {
    let (memory, stride) = context.scratch(count)
    var results = [Double](repeating: 0, count: examples)
    results.withUnsafeMutableBufferPointer { results in
      let results = results
      context.parallel(examples) { example, thread in
        results[example] = body(example, memory.pointer + thread * stride)
      }
    }
    withExtendedLifetime(memory) {}
    return results
  }

  static func sumSquares(
    _ uses: [SumUse], count: Int, _ examples: Int, in context: ComputeContext
  ) -> [Double] {
    var sequences: [[(use: Int, sequence: Int)]] = Array(repeating: [], count: examples)
    for (use, packing) in uses.map(\.packing).enumerated() {
      for sequence in 0..<packing.sequenceCount {
        sequences[packing.examples[sequence]].append((use, sequence))
      }
    }
    return forEachExample(examples, memory: count, in: context) { example, sum in
      sum.update(repeating: 0, count: count)
      for (use, sequence) in sequences[example] { uses[use].add(sequence, to: sum, count: count) }
      return rbk_squared_norm(sum, count)
    }
  }

  /// The rows of one id are added up before they are squared.
  static func lookupSquares(
    _ uses: [LookupUse], _ examples: Int, in context: ComputeContext
  ) -> [Double] {
    let rows = ExampleRows(uses.map(\.packing), examples: examples)
    let columns = uses[0].outputs.columns
    return forEachExample(examples, memory: columns, in: context) { example, sum in
      let places = rows.segments[example].flatMap { use, rows in rows.map { (use: use, row: $0) } }
        .sorted {
          (uses[$0.use].ids[$0.row], $0.use, $0.row) < (uses[$1.use].ids[$1.row], $1.use, $1.row)
        }
      var total = 0.0
      var start = 0
      while start < places.count {
        let id = uses[places[start].use].ids[places[start].row]
        sum.update(repeating: 0, count: columns)
        while start < places.count, uses[places[start].use].ids[places[start].row] == id {
          let (use, row) = places[start]
          rbk_add_scaled(
            uses[use].outputs.storage.pointer + row * columns, uses[use].coefficient, columns, sum)
          start += 1
        }
        total += rbk_squared_norm(sum, columns)
      }
      return total
    }
  }

  /// The inner product of a table's gradient by its rows and by its use as an output head:
  /// `Σ_{t,s} β_s[v_t] (b_t · h_s)`, β the gradient at the scores, h the head's input.
  static func crossProducts(
    _ lookups: [LookupUse], _ heads: [ProductUse], _ examples: Int, in context: ComputeContext
  ) -> [Double] {
    let rows = ExampleRows(lookups.map(\.packing), examples: examples)
    let scored = ExampleRows(heads.map(\.packing), examples: examples)
    return forEachExample(examples, memory: 1, in: context) { example, _ in
      var total = 0.0
      for (use, rows) in rows.segments[example] {
        let lookup = lookups[use]
        let columns = lookup.outputs.columns
        for (number, positions) in scored.segments[example] {
          let head = heads[number]
          let scores = head.outputs.view
          let factor = Double(lookup.coefficient) * Double(head.coefficient)
          for t in rows {
            let b = lookup.outputs.storage.pointer + t * columns
            for s in positions {
              let beta = scores.pointer[s * scores.rowStride + Int(lookup.ids[t])]
              guard beta != 0 else { continue }
              let h = head.inputs.storage.pointer + s * columns
              total += factor * Double(beta) * Double(rbk_dot(b, h, columns))
            }
          }
        }
      }
      return total
    }
  }
}
