import CKernels

extension Tape {
  /// Mean of the rows of each sequence: `y[s] = Σ_{r ∈ s} x[r] / |s|`; each row gets `dy[s] / |s|`.
  ///
  /// - Returns: `[sequences, columns]`; zeros for an empty sequence.
  public func meanPool(_ x: Variable) -> Variable {
    let (packing, slot, shape) = (x.packing, x.slot, x.shape)
    let y = context.meanPool(x.value, boundaries: packing.boundaries)
    return result(y, packing: packing.pooled, from: [x]) { tape, dy in
      let dx = tape.context.tensor(shape)
      let columns = dx.columns
      for sequence in 0..<packing.sequenceCount {
        let rows = packing.rows(of: sequence)
        let from = dy.storage.pointer + sequence * columns
        for row in rows {
          let to = dx.storage.pointer + row * columns
          for j in 0..<columns { to[j] = from[j] / Float(rows.count) }
        }
      }
      tape.add(dx, to: slot)
    }
  }

  /// First row of each sequence, which alone gets the gradient.
  ///
  /// - Returns: `[sequences, columns]`; zeros for an empty sequence.
  public func firstPool(_ x: Variable) -> Variable {
    let (packing, slot, shape) = (x.packing, x.slot, x.shape)
    let y = context.firstPool(x.value, boundaries: packing.boundaries)
    return result(y, packing: packing.pooled, from: [x]) { tape, dy in
      let dx = tape.context.tensor(shape)
      let columns = dx.columns
      tape.context.fill(dx.storage.pointer, count: dx.count)
      for sequence in 0..<packing.sequenceCount where !packing.rows(of: sequence).isEmpty {
        (dx.storage.pointer + packing.boundaries[sequence] * columns).update(
          from: dy.storage.pointer + sequence * columns, count: columns)
      }
      tape.add(dx, to: slot)
    }
  }

  /// Chosen rows in a given order: `y[i] = x[rows[i]]`; row `rows[i]` gets `dy[i]`.
  ///
  /// - Parameters:
  ///   - x: `[n, columns]`.
  ///   - rows: rows of `x`; one may occur several times.
  ///   - packing: of the result; nil: every row is an example.
  /// - Returns: `[rows.count, columns]`.
  public func gather(_ x: Variable, rows: [Int], packing: Packing? = nil) -> Variable {
    let (count, columns, slot) = (x.value.rows, x.value.columns, x.slot)
    precondition(
      rows.allSatisfy { (0..<count).contains($0) }, "gather: a row outside 0 ..< \(count)")
    let y = context.tensor([rows.count, columns])
    for (i, row) in rows.enumerated() {
      (y.storage.pointer + i * columns).update(
        from: x.value.storage.pointer + row * columns, count: columns)
    }
    return result(y, packing: packing ?? .rows(rows.count), from: [x]) { tape, dy in
      let dx = tape.context.tensor([count, columns])
      tape.context.fill(dx.storage.pointer, count: dx.count)
      tape.context.addRows(
        of: dy, rowWeights: nil, to: dx.storage.pointer, at: rows.map(Int32.init))
      tape.add(dx, to: slot)
    }
  }

  /// Rows divided by their length, at least 1e-12 as PyTorch's `normalize` has it.
  ///
  /// `u = x / |x|`; `dx = (du − u (u · du)) / |x|`, and `du / 1e-12` for a shorter row.
  ///
  /// - Returns: the shape of `x`, with the bits of ``ComputeContext/normalized(_:)``.
  public func normalized(_ x: Variable) -> Variable {
    let (value, slot) = (x.value, x.slot)
    let u = context.normalized(value)
    return result(u, packing: x.packing, from: [x]) { tape, du in
      let dx = tape.context.tensor(value.shape)
      let columns = value.columns
      for row in 0..<value.rows {
        let from = value.storage.pointer + row * columns
        let (unit, d) = (u.storage.pointer + row * columns, du.storage.pointer + row * columns)
        let to = dx.storage.pointer + row * columns
        let length = rbk_dot(from, from, columns).squareRoot()
        let along = length > 1e-12 ? rbk_dot(unit, d, columns) : 0
        let divisor = max(length, 1e-12)
        for j in 0..<columns { to[j] = (d[j] - unit[j] * along) / divisor }
      }
      tape.add(dx, to: slot)
    }
  }
}

extension Tape {
  /// Rows of several matrices one behind the other; each gets its part of the gradient.
  ///
  /// - Parameters:
  ///   - parts: one or more, with the same columns.
  ///   - packing: of the result; nil: every row is an example.
  /// - Returns: `[Σ rows, columns]`.
  public func concatenated(_ parts: [Variable], packing: Packing? = nil) -> Variable {
    let columns = parts.first?.value.columns ?? 0
    precondition(
      parts.allSatisfy { $0.value.columns == columns }, "concatenated: \(parts.map(\.shape))")
    let rows = parts.map(\.value.rows)
    let y = context.tensor([rows.reduce(0, +), columns])
    var at = 0
    for part in parts {
      (y.storage.pointer + at).update(from: part.value.storage.pointer, count: part.value.count)
      at += part.value.count
    }
    let slots = parts.map(\.slot)
    return result(y, packing: packing ?? .rows(y.rows), from: parts) { tape, dy in
      var at = 0
      for (slot, count) in zip(slots, rows) {
        if slot != nil {
          let dx = tape.context.tensor([count, columns])
          dx.storage.pointer.update(from: dy.storage.pointer + at, count: dx.count)
          tape.add(dx, to: slot)
        }
        at += count * columns
      }
    }
  }
}
