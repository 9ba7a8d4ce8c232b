import CKernels

/// The parameters of a linear layer.
public final class LinearLayer {
  /// `[outputs, inputs]`, the layout of PyTorch's `Linear.weight`.
  public let weight: Parameter
  /// `[outputs]`, or nil.
  public let bias: Parameter?
  /// What is added to the weight's product; its parameters are not among `parameters`.
  public var update: LowRankUpdate? {
    willSet {
      precondition(
        newValue.map { $0.down.shape[1] == inputs && $0.up.shape[0] == outputs } ?? true,
        "'\(weight.name)' \(weight.shape): update of another shape")
    }
  }

  /// Joins the parameters.
  public init(weight: Parameter, bias: Parameter? = nil) {
    precondition(
      weight.shape.count == 2 && (bias.map { $0.shape == [weight.shape[0]] } ?? true),
      "LinearLayer: weight \(weight.shape), bias \(bias?.shape ?? [])")
    self.weight = weight
    self.bias = bias
  }

  /// Rows of the weight.
  public var outputs: Int { weight.shape[0] }
  /// Columns of the weight.
  public var inputs: Int { weight.shape[1] }
  /// The parameters, weight first.
  public var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }
}

extension Tape {
  /// `y = [x W₁ᵀ + b₁ | x W₂ᵀ + b₂ | …]`, with the layers' low-rank updates, if they have one.
  ///
  /// Gradients: `dx = Σ dyᵢ Wᵢ`, `dWᵢ = dyᵢᵀ x`, `dbᵢ = Σ_r dyᵢ[r]`.
  ///
  /// - Parameters:
  ///   - x: `[rows, inputs]`.
  ///   - layers: layers whose outputs stand side by side; one, or query, key and value.
  /// - Returns: `[rows, Σ outputs]`, with the bits of ``ComputeContext/linear(_:_:bias:activation:)``.
  public func linear(_ x: Variable, _ layers: LinearLayer...) -> Variable {
    linear(x, layers)
  }

  /// The same for an array of layers.
  public func linear(_ x: Variable, _ layers: [LinearLayer]) -> Variable {
    for layer in layers {
      precondition(
        layer.inputs == x.value.columns,
        "linear '\(layer.weight.name)': x \(x.shape), weight \(layer.weight.shape)")
    }
    let width = layers.reduce(0) { $0 + $1.outputs }
    let y = context.tensor([x.value.rows, width])
    let parameters = layers.flatMap { $0.parameters + ($0.update?.parameters ?? []) }
    let keeps = records([x], parameters)
    var kept: [Tensor?] = []
    var column = 0
    for layer in layers {
      let bias = layer.bias?.value
      context.multiply(
        MatrixView(x.value), layer.weight.forwardOperand(in: context),
        into: y.storage.pointer + column, stride: width,
        bias: bias.map { UnsafePointer($0.storage.pointer) })
      withExtendedLifetime(bias) {}
      let scaled = layer.update?.add(
        x.value, to: y.storage.pointer + column, stride: width, in: context)
      kept.append(keeps ? scaled : nil)
      column += layer.outputs
    }
    let (slot, packing) = (x.slot, x.packing)
    let input = layers.contains { $0.weight.isTrainable || $0.update != nil } ? x.value : nil
    return result(y, packing: packing, from: [x], parameters) { [kept] tape, dy in
      var column = 0
      let dx = slot.map { _ in tape.context.tensor([dy.rows, layers[0].inputs]) }
      for (number, layer) in layers.enumerated() {
        let slice = ColumnSlice(dy, columns: column..<column + layer.outputs)
        column += layer.outputs
        if let dx {
          tape.context.multiply(
            slice.view, layer.weight.backwardOperand(in: tape.context), into: dx.storage.pointer,
            stride: dx.columns, accumulates: number > 0)
        }
        if let input {
          tape.emit(layer.weight, packing: packing, .product(inputs: input, outputs: slice))
        }
        if let update = layer.update, let input, let scaled = kept[number] {
          update.addGradients(
            slice, x: input, scaled: scaled, to: dx, packing: packing, on: tape)
        }
        tape.emit(layer.bias, packing: packing, .rowSum(slice))
      }
      if let dx { tape.add(dx, to: slot) }
    }
  }
}
