/// What LoRA adds to a linear layer: `y += scale · x Aᵀ Bᵀ`.
///
/// - SeeAlso: Hu et al. 2022, "LoRA: low-rank adaptation of large language models", section 4.1.
public struct LowRankUpdate {
  /// A, `[rank, inputs]`.
  public let down: Parameter
  /// B, `[outputs, rank]`.
  public let up: Parameter
  /// The scale, α / rank in the paper.
  public let scale: Float

  /// Joins the factors.
  public init(down: Parameter, up: Parameter, scale: Float) {
    precondition(
      down.shape.count == 2 && up.shape.count == 2 && down.shape[0] == up.shape[1],
      "LowRankUpdate: A \(down.shape), B \(up.shape)")
    self.down = down
    self.up = up
    self.scale = scale
  }

  /// Rows of A.
  public var rank: Int { down.shape[0] }
  /// A and B.
  public var parameters: [Parameter] { [down, up] }
}

extension LowRankUpdate {
  /// Adds `scale · x Aᵀ Bᵀ` to some columns.
  ///
  /// - Returns: `scale · x Aᵀ`, `[rows, rank]`, which the gradient needs.
  func add(
    _ x: Tensor, to y: UnsafeMutablePointer<Float>, stride: Int, in context: ComputeContext
  ) -> Tensor {
    let z = context.tensor([x.rows, rank])
    context.multiply(
      MatrixView(x), down.forwardOperand(in: context), into: z.storage.pointer, stride: rank)
    let scaled = context.scaled(z, by: scale)
    context.multiply(
      MatrixView(scaled), up.forwardOperand(in: context), into: y, stride: stride,
      accumulates: true)
    return scaled
  }

  /// With `u = scale · x Aᵀ`: `dB = dyᵀ u`, `dz = scale · dy B`, `dA = dzᵀ x`, `dx += dz A`.
  ///
  /// - Parameters:
  ///   - dy: the gradient at the layer's output.
  ///   - x: the layer's input.
  ///   - scaled: u.
  ///   - dx: where the input's gradient is added, or nil.
  ///   - packing: of the rows.
  ///   - tape: where it runs.
  func addGradients(
    _ dy: ColumnSlice, x: Tensor, scaled: Tensor, to dx: Tensor?, packing: Packing, on tape: Tape
  ) {
    let context = tape.context
    if dx != nil || down.isTrainable {
      let product = context.tensor([x.rows, rank])
      context.multiply(
        dy.view, up.backwardOperand(in: context), into: product.storage.pointer, stride: rank)
      let dz = context.scaled(product, by: scale)
      if let dx {
        context.multiply(
          MatrixView(dz), down.backwardOperand(in: context), into: dx.storage.pointer,
          stride: dx.columns, accumulates: true)
      }
      tape.emit(down, packing: packing, .product(inputs: x, outputs: ColumnSlice(dz)))
    }
    tape.emit(up, packing: packing, .product(inputs: scaled, outputs: dy))
  }
}
