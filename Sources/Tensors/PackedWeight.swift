import CKernels

/// A linear layer's weight in the order in which the product kernel reads it.
///
/// Packing costs one pass over the weight and pays from the first product on: the kernel streams
/// panels of 32 outputs, reaches the same share of the processor's peak for one row as for
/// thousands, and gives each row the same bits whatever rows stand beside it.
public struct PackedWeight: Sendable {
  /// Outputs of the layer.
  public let outputs: Int
  /// Inputs of the layer.
  public let inputs: Int
  private let storage: TensorStorage

  /// Packs a weight.
  ///
  /// - Parameter weight: `[outputs, inputs]`, the layout of PyTorch's `Linear.weight`.
  /// - Throws: `ShapeError` if it is no matrix.
  public init(_ weight: Tensor) throws {
    try self.init(stacking: [weight])
  }

  /// Packs several weights with the same inputs as one layer, outputs in the given order.
  ///
  /// - Parameter weights: each `[outputs_i, inputs]`.
  /// - Throws: `ShapeError` if one is no matrix or the inputs differ.
  public init(stacking weights: [Tensor]) throws {
    let inputs = weights.first?.columns ?? 0
    for weight in weights where weight.shape.count != 2 || weight.columns != inputs {
      throw ShapeError(operation: "PackedWeight", expected: [-1, inputs], found: weight.shape)
    }
    self.inputs = inputs
    self.outputs = weights.reduce(0) { $0 + $1.rows }
    storage = TensorStorage(capacity: rbk_packed_count(outputs, inputs))
    if weights.count == 1, let weight = weights.first {
      rbk_pack(weight.storage.pointer, outputs, inputs, storage.pointer)
    } else {
      let stacked = TensorStorage(capacity: outputs * inputs)
      var at = 0
      for weight in weights {
        (stacked.pointer + at).update(from: weight.storage.pointer, count: weight.count)
        at += weight.count
      }
      withExtendedLifetime(stacked) {
        rbk_pack(stacked.pointer, outputs, inputs, storage.pointer)
      }
    }
  }

  package var pointer: UnsafePointer<Float> { UnsafePointer(storage.pointer) }

  /// Panels of 32 outputs.
  package var panels: Int { (outputs + Int(RBK_PANEL) - 1) / Int(RBK_PANEL) }
}
