extension Tape {
  /// `Σ weights[i] x[i]` over all elements, added in Float64; every element gets `weights[i] dy`.
  ///
  /// - Parameters:
  ///   - x: any shape.
  ///   - weights: one for each element; nil: 1.
  /// - Returns: a scalar; 0 for no elements.
  public func sum(_ x: Variable, weights: [Float]? = nil) -> Variable {
    let (shape, slot) = (x.shape, x.slot)
    precondition(
      weights.map { $0.count == x.value.count } ?? true,
      "sum: \(x.value.count) elements, \(weights?.count ?? 0) weights")
    var total = 0.0
    x.value.withValues { values in
      for (i, value) in values.enumerated() {
        total += Double(value) * (weights.map { Double($0[i]) } ?? 1)
      }
    }
    return result(filled([], with: Float(total)), packing: .rows(1), from: [x]) { tape, dy in
      let dx = tape.context.tensor(shape)
      let d = dy.storage.pointer[0]
      for i in 0..<dx.count { dx.storage.pointer[i] = weights.map { $0[i] * d } ?? d }
      tape.add(dx, to: slot)
    }
  }

  /// The mean of all elements, of which there must be one.
  public func mean(_ x: Variable) -> Variable {
    precondition(x.value.count > 0, "mean: no elements")
    return scaled(sum(x), by: 1 / Float(x.value.count))
  }
}
