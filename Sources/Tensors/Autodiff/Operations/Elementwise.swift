import CKernels
import Glibc

extension Tape {
  /// `y = activation(x)`, the functions that feed-forward layers use.
  ///
  /// Gradient: `dx = dy activation'(x)`; for GELU `Φ(x) + x φ(x)`.
  ///
  /// - Returns: the shape of `x`, with the bits of the activation fused into
  ///   ``ComputeContext/linear(_:_:bias:activation:)``.
  public func activation(_ x: Variable, _ activation: Activation) -> Variable {
    let (value, kernel) = (x.value, activation.kernel)
    let y = context.tensor(x.shape)
    context.parallelRanges(value.count) { part in
      rbk_activate(
        kernel, value.storage.pointer + part.lowerBound, part.count,
        y.storage.pointer + part.lowerBound)
    }
    let slot = x.slot
    return result(y, packing: x.packing, from: [x]) { tape, dy in
      let dx = tape.context.tensor(value.shape)
      tape.context.parallelRanges(value.count) { part in
        rbk_activate_gradient(
          kernel, value.storage.pointer + part.lowerBound, dy.storage.pointer + part.lowerBound,
          part.count, dx.storage.pointer + part.lowerBound)
      }
      tape.add(dx, to: slot)
    }
  }

  /// `y = gate σ(gate) up`, the gated feed-forward layer of Llama.
  ///
  /// Gradients: `dup = dy gate σ`, `dgate = dy up (σ + gate σ (1 − σ))`.
  ///
  /// - Parameters:
  ///   - gate: any shape.
  ///   - up: the same shape.
  /// - Returns: the same shape.
  /// - SeeAlso: Shazeer 2020, "GLU variants improve Transformer".
  public func swiGLU(gate: Variable, up: Variable) -> Variable {
    precondition(gate.shape == up.shape, "swiGLU: gate \(gate.shape), up \(up.shape)")
    let (g, u) = (gate.value, up.value)
    let y = context.tensor(g.shape)
    context.parallelRanges(g.count) { part in
      let at = part.lowerBound
      rbk_swiglu(
        g.storage.pointer + at, u.storage.pointer + at, part.count, y.storage.pointer + at)
    }
    let slots = (gate.slot, up.slot)
    return result(y, packing: gate.packing, from: [gate, up]) { tape, dy in
      let (dg, du) = (tape.context.tensor(g.shape), tape.context.tensor(g.shape))
      tape.context.parallelRanges(g.count) { part in
        let at = part.lowerBound
        rbk_swiglu_gradient(
          g.storage.pointer + at, u.storage.pointer + at, dy.storage.pointer + at, part.count,
          dg.storage.pointer + at, du.storage.pointer + at)
      }
      tape.add(dg, to: slots.0)
      tape.add(du, to: slots.1)
    }
  }

  /// `y = f(x)` for any function of one number, for values as few as losses and pooled vectors.
  ///
  /// - Parameters:
  ///   - x: any shape.
  ///   - function: a number to the function's value and slope there.
  /// - Returns: the shape of `x`.
  public func map(
    _ x: Variable, _ function: (Float) -> (value: Float, slope: Float)
  ) -> Variable {
    let (y, slopes) = (context.tensor(x.shape), context.tensor(x.shape))
    for (i, number) in x.value.values.enumerated() {
      (y.storage.pointer[i], slopes.storage.pointer[i]) = function(number)
    }
    let slot = x.slot
    return result(y, packing: x.packing, from: [x]) { tape, dy in
      let dx = tape.context.tensor(dy.shape)
      for i in 0..<dy.count {
        dx.storage.pointer[i] = dy.storage.pointer[i] * slopes.storage.pointer[i]
      }
      tape.add(dx, to: slot)
    }
  }

  /// `y = tanh(x)`; slope `1 − y²`.
  public func tanh(_ x: Variable) -> Variable {
    map(x) { number in
      let value = tanhf(number)
      return (value, 1 - value * value)
    }
  }

  /// `y = max(x, 0)`; slope 0 at 0.
  public func positivePart(_ x: Variable) -> Variable {
    map(x) { $0.isNaN ? ($0, $0) : $0 > 0 ? ($0, 1) : (0, 0) }
  }

  /// `y = log σ(x) = −log(1 + e^(−x))`; slope `σ(−x)`.
  public func logSigmoid(_ x: Variable) -> Variable {
    map(x) { number in
      let x = Double(number)
      return (Float(min(x, 0) - log1p(exp(-abs(x)))), Float(1 / (1 + exp(x))))
    }
  }
}
