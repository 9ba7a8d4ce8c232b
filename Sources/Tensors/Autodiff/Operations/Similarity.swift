import CKernels

extension Tape {
  /// All inner products of two sets of rows: `S = scale A Bᵀ`; `dA = scale dS B`,
  /// `dB = scale dSᵀ A`.
  ///
  /// - Parameters:
  ///   - a: `[n, columns]`.
  ///   - b: `[m, columns]`.
  ///   - scale: the inverse temperature.
  /// - Returns: `[n, m]`, with the packing of `a`.
  public func similarity(_ a: Variable, _ b: Variable, scale: Float = 1) -> Variable {
    precondition(
      a.value.columns == b.value.columns, "similarity: \(a.shape) and \(b.shape)")
    let (left, right) = (a.value, b.value)
    let product = context.tensor([left.rows, right.rows])
    context.multiply(
      MatrixView(left), context.pack(MatrixView(right).transposed), into: product.storage.pointer,
      stride: right.rows)
    let slots = (a.slot, b.slot)
    let y = scale == 1 ? product : context.scaled(product, by: scale)
    return result(y, packing: a.packing, from: [a, b]) { tape, dy in
      let context = tape.context
      let d = scale == 1 ? dy : context.scaled(dy, by: scale)
      if let slot = slots.0 {
        let da = context.tensor(left.shape)
        context.multiply(
          MatrixView(d), context.pack(MatrixView(right)), into: da.storage.pointer,
          stride: da.columns)
        tape.add(da, to: slot)
      }
      if let slot = slots.1 {
        let db = context.tensor(right.shape)
        context.multiply(
          MatrixView(d).transposed, context.pack(MatrixView(left)), into: db.storage.pointer,
          stride: db.columns)
        tape.add(db, to: slot)
      }
    }
  }

  /// Inner product of each row of `a` with the same row of `b`: `y[r] = a[r] · b[r]`;
  /// `da[r] = dy[r] b[r]`.
  ///
  /// - Parameters:
  ///   - a: `[n, columns]`.
  ///   - b: the same shape.
  /// - Returns: `[n, 1]`.
  public func rowProducts(_ a: Variable, _ b: Variable) -> Variable {
    precondition(a.shape == b.shape, "rowProducts: \(a.shape) and \(b.shape)")
    let (left, right) = (a.value, b.value)
    let columns = left.columns
    let y = context.tensor([left.rows, 1])
    for row in 0..<left.rows {
      y.storage.pointer[row] = rbk_dot(
        left.storage.pointer + row * columns, right.storage.pointer + row * columns, columns)
    }
    let slots = (a.slot, b.slot)
    return result(y, packing: a.packing, from: [a, b]) { tape, dy in
      func gradient(_ other: Tensor) -> Tensor {
        let d = tape.context.tensor(other.shape)
        for row in 0..<other.rows {
          for j in row * columns..<(row + 1) * columns {
            d.storage.pointer[j] = dy.storage.pointer[row] * other.storage.pointer[j]
          }
        }
        return d
      }
      tape.add(gradient(right), to: slots.0)
      tape.add(gradient(left), to: slots.1)
    }
  }
}
