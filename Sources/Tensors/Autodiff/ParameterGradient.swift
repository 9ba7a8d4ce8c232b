import CKernels

/// Some neighbouring columns of a matrix.
public struct ColumnSlice {
  /// The matrix.
  public let tensor: Tensor
  /// Which columns.
  public let columns: Range<Int>

  /// Columns of a matrix; nil: all of them.
  public init(_ tensor: Tensor, columns: Range<Int>? = nil) {
    self.tensor = tensor
    self.columns = columns ?? 0..<tensor.columns
  }

  var view: MatrixView {
    MatrixView(
      tensor.storage.pointer + columns.lowerBound, rows: tensor.rows, columns: columns.count,
      rowStride: tensor.columns)
  }
}

/// The gradient of one parameter through one use of it, not yet multiplied out.
///
/// A layer's parameter gradient is a sum over the rows of the batch, and each row belongs to an
/// example (``packing``). What the rows contribute is kept here as factors, so that norms of single
/// examples can be computed without computing single examples' gradients, and a sum with a weight
/// for each example costs as much as the plain one.
///
/// - SeeAlso: Goodfellow 2015, "Efficient per-example gradient computations"; Li et al. 2022,
///   "Large language models can be strong differentially private learners", section 4 (ghost
///   clipping); Bu et al. 2023, "Differentially private optimization on large model at small cost"
///   (book-keeping).
public struct ParameterGradient {
  /// The factors. `b` is the gradient at the layer's output, `r` runs over the rows.
  public enum Form {
    /// `Σ_r b[r]ᵀ a[r]`, `[outputs, inputs]`: the weight of a linear layer with input `a`.
    case product(inputs: Tensor, outputs: ColumnSlice)
    /// `Σ_r b[r]`: a bias.
    case rowSum(ColumnSlice)
    /// `Σ_r b[r] ∘ f[r]`: the gain of a normalisation, `f` the normalised input.
    case scaledRowSum(Tensor, factors: Tensor)
    /// Row `ids[r]` gets `b[r]`: a table.
    case lookup(ids: [Int32], outputs: Tensor)
    /// `Σ_s g[s]`, `[sequences, parameter]`: multiplied out for each sequence, which is little.
    case perSequence(Tensor)
  }

  /// The parameter.
  public let parameter: Parameter
  /// The factors.
  public let form: Form
  /// Which example each row belongs to.
  public let packing: Packing
  /// What the whole gradient is multiplied by, where gradients at several points are combined.
  public var coefficient: Float = 1

  /// The same, with sums over rows taken for each sequence: little to keep, and read once for both
  /// lengths and sum.
  ///
  /// - Parameter context: where it runs. The number of threads does not change the bits.
  /// - Returns: `perSequence` in the place of a sum of more rows than sequences; else itself.
  public func summedBySequence(in context: ComputeContext) -> ParameterGradient {
    guard packing.rowCount > packing.sequenceCount, let use = SumUse(self) else { return self }
    if case .perSequence = form { return self }
    let sums = context.zeros([packing.sequenceCount, parameter.count])
    context.parallel(packing.sequenceCount) { sequence, _ in
      use.add(
        sequence, to: sums.storage.pointer + sequence * parameter.count, count: parameter.count)
    }
    // `use` has multiplied by the coefficient.
    return ParameterGradient(parameter: parameter, form: .perSequence(sums), packing: packing)
  }

  /// Multiplies out and adds to the parameter's gradient.
  ///
  /// - Parameters:
  ///   - exampleWeights: what each example's share is multiplied by, `packing.exampleCount`
  ///     numbers; nil: 1.
  ///   - context: where it runs. The number of threads does not change the bits.
  public func accumulate(exampleWeights: [Float]? = nil, in context: ComputeContext) {
    let exampleWeights =
      coefficient == 1
      ? exampleWeights
      : (exampleWeights ?? [Float](repeating: 1, count: packing.exampleCount))
        .map { $0 * coefficient }
    let weights = exampleWeights.map(packing.spread)
    let (target, isFresh) = parameter.gradientTarget()
    switch form {
    case .product(let inputs, let outputs):
      precondition(
        parameter.count == outputs.columns.count * inputs.columns
          && inputs.rows == packing.rowCount,
        "'\(parameter.name)': gradient [\(outputs.columns.count), \(inputs.columns)], shape \(parameter.shape)"
      )
      let operand = context.pack(MatrixView(inputs), rowWeights: weights)
      context.multiply(
        outputs.view.transposed, operand, into: target, stride: inputs.columns,
        accumulates: !isFresh)
    case .rowSum(let outputs):
      if isFresh { target.update(repeating: 0, count: parameter.count) }
      context.addColumnSums(outputs.view, factors: nil, rowWeights: weights, to: target)
    case .scaledRowSum(let outputs, let factors):
      if isFresh { target.update(repeating: 0, count: parameter.count) }
      context.addColumnSums(
        MatrixView(outputs), factors: MatrixView(factors), rowWeights: weights, to: target)
    case .lookup(let ids, let outputs):
      if isFresh { context.fill(target, count: parameter.count) }
      context.addRows(of: outputs, rowWeights: weights, to: target, at: ids)
    case .perSequence(let gradients):
      if isFresh { target.update(repeating: 0, count: parameter.count) }
      for sequence in 0..<packing.sequenceCount {
        rbk_add_scaled(
          gradients.storage.pointer + sequence * parameter.count,
          exampleWeights.map { $0[packing.examples[sequence]] } ?? 1, parameter.count, target)
      }
    }
  }
}
