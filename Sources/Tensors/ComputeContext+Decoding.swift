import CKernels

/// What decoders need besides what encoders do.
extension ComputeContext {
  /// RMSNorm, row by row, with the bits of ``Tape/rmsNorm(_:weight:epsilon:)``.
  ///
  /// - Parameters:
  ///   - x: `[rows, columns]`.
  ///   - weight: `[columns]`.
  ///   - epsilon: added to the mean square.
  /// - Returns: `[rows, columns]`.
  public func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor {
    precondition(weight.count == x.columns, "rmsNorm: x \(x.shape), weight \(weight.shape)")
    let (y, scales, columns) = (tensor(x.shape), tensor([x.rows]), x.columns)
    parallelRows(x.rows, columns: columns) { part in
      let to = y.storage.pointer + part.lowerBound * columns
      // The kernel writes the normalised input first: where the result goes.
      rbk_rms_norm(
        x.storage.pointer + part.lowerBound * columns, part.count, columns,
        weight.storage.pointer, epsilon, to, to, scales.storage.pointer + part.lowerBound)
    }
    return y
  }

  /// `gate σ(gate) up` of rows that hold both side by side, with the bits of
  /// ``Tape/swiGLU(gate:up:)``.
  ///
  /// - Parameter x: `[rows, 2 × columns]`, gates first.
  /// - Returns: `[rows, columns]`.
  public func swiGLU(_ x: Tensor) -> Tensor {
    let columns = x.columns / 2
    precondition(columns * 2 == x.columns, "swiGLU: x \(x.shape)")
    let y = tensor([x.rows, columns])
    parallelRows(x.rows, columns: columns) { part in
      for row in part {
        let gate = x.storage.pointer + row * 2 * columns
        rbk_swiglu(gate, gate + columns, columns, y.storage.pointer + row * columns)
      }
    }
    return y
  }

  /// `a + b`, element by element.
  ///
  /// - Parameters:
  ///   - a: any shape.
  ///   - b: the same shape.
  /// - Returns: the same shape.
  public func sum(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.shape == b.shape, "sum: \(a.shape) and \(b.shape)")
    let y = tensor(a.shape)
    add(a, b, into: y)
    return y
  }

  /// Rows of a packed weight, so that a word table that is the head too lies in memory once.
  ///
  /// - Parameters:
  ///   - weight: `[entries, columns]`.
  ///   - ids: rows of it.
  /// - Returns: `[ids.count, columns]`.
  public func rows(of weight: PackedWeight, _ ids: [Int32]) -> Tensor {
    precondition(
      ids.allSatisfy { $0 >= 0 && $0 < weight.outputs },
      "rows: an id outside [\(weight.outputs), \(weight.inputs)]")
    let (columns, panel) = (weight.inputs, Int(RBK_PANEL))
    let y = tensor([ids.count, columns])
    for (row, id) in ids.enumerated() {
      let from = weight.pointer + Int(id) / panel * panel * columns + Int(id) % panel
      let to = y.storage.pointer + row * columns
      for column in 0..<columns { to[column] = from[column * panel] }
    }
    return y
  }

  /// Chosen rows in a given order.
  ///
  /// - Parameters:
  ///   - x: `[n, columns]`.
  ///   - rows: rows of `x`.
  /// - Returns: `[rows.count, columns]`.
  public func gather(_ x: Tensor, rows: [Int]) -> Tensor {
    precondition(rows.allSatisfy { (0..<x.rows).contains($0) }, "gather: a row outside \(x.shape)")
    let y = tensor([rows.count, x.columns])
    for (i, row) in rows.enumerated() {
      (y.storage.pointer + i * x.columns).update(
        from: x.storage.pointer + row * x.columns, count: x.columns)
    }
    return y
  }

  /// Copies one row into another tensor that this context made.
  package func copyRow(_ row: Int, of x: Tensor, to target: Int, of y: Tensor) {
    precondition(
      x.columns == y.columns && row < x.rows && target < y.rows, "copyRow: \(x.shape), \(y.shape)")
    (y.storage.pointer + target * y.columns).update(
      from: x.storage.pointer + row * x.columns, count: x.columns)
  }

  /// Natural logarithm of the softmax of one row at some places.
  ///
  /// - Parameters:
  ///   - x: `[rows, classes]`.
  ///   - targets: for each row the class that is asked for.
  /// - Returns: one number a row, at most 0, in nats.
  public func logProbabilities(_ x: Tensor, of targets: [Int32]) -> [Double] {
    precondition(
      targets.count == x.rows && targets.allSatisfy { $0 >= 0 && $0 < x.columns },
      "logProbabilities: x \(x.shape), \(targets.count) targets")
    var result = [Double](repeating: 0, count: x.rows)
    result.withUnsafeMutableBufferPointer { result in
      // Rows are divided; each writes its own number.
      nonisolated(unsafe) let base = result.baseAddress
      parallel(x.rows) { row, _ in
        let line = x.storage.pointer + row * x.columns
        let total = Tape.logSumExp(line, count: x.columns)
        base?[row] = Double(line[Int(targets[row])]) - total
      }
    }
    return result
  }
}
