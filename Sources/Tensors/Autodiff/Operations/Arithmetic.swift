import CKernels

extension Tape {
  /// `y = a + b`; both get `dy`.
  ///
  /// - Parameters:
  ///   - a: any shape.
  ///   - b: the same shape.
  /// - Returns: the same shape.
  public func add(_ a: Variable, _ b: Variable) -> Variable { combined(a, b, 1, 1) }

  /// `y = a − b`.
  public func subtract(_ a: Variable, _ b: Variable) -> Variable { combined(a, b, 1, -1) }

  /// `y = factor x`.
  public func scaled(_ x: Variable, by factor: Float) -> Variable {
    let y = context.scaled(x.value, by: factor)
    let slot = x.slot
    return result(y, packing: x.packing, from: [x]) { tape, dy in
      tape.add(tape.context.scaled(dy, by: factor), to: slot)
    }
  }

  /// `y = x + number`.
  public func shifted(_ x: Variable, by number: Float) -> Variable {
    map(x) { ($0 + number, 1) }
  }

  /// `y = a b`, element by element; `da = dy b`, `db = dy a`.
  ///
  /// - Parameters:
  ///   - a: any shape.
  ///   - b: the same shape.
  /// - Returns: the same shape.
  public func multiply(_ a: Variable, _ b: Variable) -> Variable {
    precondition(a.shape == b.shape, "multiply: \(a.shape) and \(b.shape)")
    let (first, second) = (a.value, b.value)
    let slots = (a.slot, b.slot)
    return result(context.product(first, second), packing: a.packing, from: [a, b]) { tape, dy in
      tape.add(tape.context.product(dy, second), to: slots.0)
      tape.add(tape.context.product(dy, first), to: slots.1)
    }
  }

  private func combined(_ a: Variable, _ b: Variable, _ s: Float, _ t: Float) -> Variable {
    precondition(a.shape == b.shape, "add: \(a.shape) and \(b.shape)")
    let y = context.tensor(a.shape)
    let right = t == 1 ? b.value : context.scaled(b.value, by: t)
    context.add(a.value, right, into: y)
    let slots = (a.slot, b.slot)
    return result(y, packing: a.packing, from: [a, b]) { tape, dy in
      tape.add(dy, to: slots.0)
      tape.add(t == 1 ? dy : tape.context.scaled(dy, by: t), to: slots.1)
    }
  }
}

extension ComputeContext {
  /// `factor x`.
  func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    let y = tensor(x.shape)
    let (from, to) = (x.storage.pointer, y.storage.pointer)
    parallelRanges(x.count) { part in
      for i in part { to[i] = factor * from[i] }
    }
    return y
  }

  /// `a b`, element by element.
  func product(_ a: Tensor, _ b: Tensor) -> Tensor {
    let y = tensor(a.shape)
    let (a, b, to) = (a.storage.pointer, b.storage.pointer, y.storage.pointer)
    parallelRanges(y.count) { part in
      for i in part { to[i] = a[i] * b[i] }
    }
    return y
  }

  /// Calls `body` for ranges of rows.
  func parallelRows(_ rows: Int, columns: Int, _ body: (Range<Int>) -> Void) {
    parallelRanges(rows, grain: max(16, 16_384 / max(1, columns) / 16 * 16), body)
  }
}
