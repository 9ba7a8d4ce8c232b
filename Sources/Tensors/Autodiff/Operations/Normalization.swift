import CKernels

extension Tape {
  /// LayerNorm of `x + residual`, row by row.
  ///
  /// With `s = x + residual` and `n = (s − mean(s)) / √(var(s) + ε)`: `y = γ n + β`. Gradients, with
  /// `g = γ dy`: `ds = (g − mean(g) − n mean(g n)) / √(var + ε)`, `dγ = Σ_r dy n`, `dβ = Σ_r dy`.
  ///
  /// - Parameters:
  ///   - x: `[rows, columns]`.
  ///   - residual: the same shape, or nil.
  ///   - weight: γ, `[columns]`.
  ///   - bias: β, `[columns]`.
  ///   - epsilon: added to the variance, positive.
  /// - Returns: `[rows, columns]`, with the bits of
  ///   ``ComputeContext/layerNorm(_:residual:weight:bias:epsilon:)``.
  public func layerNorm(
    _ x: Variable, residual: Variable? = nil, weight: Parameter, bias: Parameter, epsilon: Float
  ) -> Variable {
    let (rows, columns) = (x.value.rows, x.value.columns)
    precondition(
      weight.shape == [columns] && bias.shape == [columns]
        && (residual.map { $0.shape == x.shape } ?? true),
      "layerNorm '\(weight.name)': x \(x.shape), weight \(weight.shape), residual \(residual?.shape ?? [])"
    )
    let inputs = [x] + (residual.map { [$0] } ?? [])
    let (gamma, beta) = (weight.value, bias.value)
    let y = context.tensor(x.shape)
    let keeps = records(inputs, [weight, bias])
    let normalised = keeps ? context.tensor(x.shape) : nil
    let scales = keeps ? context.tensor([rows]) : nil
    context.parallelRows(rows, columns: columns) { part in
      let at = part.lowerBound * columns
      let from = x.value.storage.pointer + at
      let more = residual.map { UnsafePointer($0.value.storage.pointer + at) }
      let to = y.storage.pointer + at
      if let normalised, let scales {
        rbk_layer_norm_keeping(
          from, more, part.count, columns, gamma.storage.pointer, beta.storage.pointer, epsilon,
          to, normalised.storage.pointer + at, scales.storage.pointer + part.lowerBound)
      } else {
        rbk_layer_norm(
          from, more, part.count, columns, gamma.storage.pointer, beta.storage.pointer, epsilon, to)
      }
    }
    let (slot, residualSlot, packing) = (x.slot, residual?.slot, x.packing)
    return result(y, packing: packing, from: inputs, [weight, bias]) { tape, dy in
      guard let normalised, let scales else { return }
      if slot != nil || residualSlot != nil {
        let dx = tape.normGradient(dy, normalised, scales, gamma, isCentred: true)
        tape.add(dx, to: slot)
        tape.add(dx, to: residualSlot)
      }
      tape.emit(weight, packing: packing, .scaledRowSum(dy, factors: normalised))
      tape.emit(bias, packing: packing, .rowSum(ColumnSlice(dy)))
    }
  }

  /// RMSNorm, row by row.
  ///
  /// With `n = x / √(mean(x²) + ε)`: `y = γ n`. Gradients, with `g = γ dy`:
  /// `dx = (g − n mean(g n)) / √(mean(x²) + ε)`, `dγ = Σ_r dy n`.
  ///
  /// - Parameters:
  ///   - x: `[rows, columns]`.
  ///   - weight: γ, `[columns]`.
  ///   - epsilon: added to the mean square, positive.
  /// - Returns: `[rows, columns]`.
  /// - SeeAlso: Zhang and Sennrich 2019, "Root mean square layer normalization".
  public func rmsNorm(_ x: Variable, weight: Parameter, epsilon: Float) -> Variable {
    let (rows, columns) = (x.value.rows, x.value.columns)
    precondition(
      weight.shape == [columns], "rmsNorm '\(weight.name)': x \(x.shape), weight \(weight.shape)")
    let gamma = weight.value
    let (y, normalised) = (context.tensor(x.shape), context.tensor(x.shape))
    let scales = context.tensor([rows])
    context.parallelRows(rows, columns: columns) { part in
      let at = part.lowerBound * columns
      rbk_rms_norm(
        x.value.storage.pointer + at, part.count, columns, gamma.storage.pointer, epsilon,
        y.storage.pointer + at, normalised.storage.pointer + at,
        scales.storage.pointer + part.lowerBound)
    }
    let (slot, packing) = (x.slot, x.packing)
    return result(y, packing: packing, from: [x], [weight]) { tape, dy in
      tape.add(tape.normGradient(dy, normalised, scales, gamma, isCentred: false), to: slot)
      tape.emit(weight, packing: packing, .scaledRowSum(dy, factors: normalised))
    }
  }

  private func normGradient(
    _ dy: Tensor, _ normalised: Tensor, _ scales: Tensor, _ gamma: Tensor, isCentred: Bool
  ) -> Tensor {
    let columns = dy.columns
    let dx = context.tensor(dy.shape)
    context.parallelRows(dy.rows, columns: columns) { part in
      let at = part.lowerBound * columns
      rbk_norm_gradient(
        dy.storage.pointer + at, normalised.storage.pointer + at,
        scales.storage.pointer + part.lowerBound, part.count, columns, gamma.storage.pointer,
        isCentred, dx.storage.pointer + at)
    }
    return dx
  }
}
