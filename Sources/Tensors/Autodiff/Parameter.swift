import CKernels

/// Numbers that training changes, with their gradient.
///
/// One computation at a time uses a parameter. `value` and `gradient` are ordinary tensors: whoever
/// keeps one keeps its numbers, because an update of memory that somebody else holds writes into a
/// copy.
public final class Parameter {
  /// The name in the weight file.
  public let name: String
  /// Sizes of the dimensions.
  public let shape: [Int]
  /// Product of the sizes.
  public let count: Int
  /// Whether gradients are computed. A frozen parameter costs neither time nor memory for them.
  public var isTrainable: Bool {
    didSet { packed = nil }
  }

  private var storage: TensorStorage
  private var gradientStorage: TensorStorage?
  private var hasGradient = false
  private var packed: (forward: PackedOperand?, backward: PackedOperand?)?

  /// A parameter with a first value.
  ///
  /// - Parameters:
  ///   - name: the name in the weight file.
  ///   - value: the numbers; they are copied at the first update.
  ///   - isTrainable: whether gradients are computed.
  public init(_ name: String, _ value: Tensor, isTrainable: Bool = true) {
    self.name = name
    self.shape = value.shape
    self.count = value.count
    self.isTrainable = isTrainable
    storage = value.storage
  }

  /// The numbers.
  public var value: Tensor { Tensor(storage: storage, shape: shape) }

  /// The gradient that has been added up since the last ``clearGradient()``; nil if nothing was.
  public var gradient: Tensor? {
    guard hasGradient, let gradientStorage else { return nil }
    return Tensor(storage: gradientStorage, shape: shape)
  }

  /// Begins a new sum of gradients; the memory is kept.
  public func clearGradient() { hasGradient = false }

  /// Gives the gradient's memory back.
  public func releaseGradient() {
    hasGradient = false
    gradientStorage = nil
  }

  /// Replaces the numbers.
  ///
  /// - Parameter value: of the same shape.
  /// - Throws: `ShapeError` if it is not.
  public func assign(_ value: Tensor) throws {
    guard value.shape == shape else {
      throw ShapeError(operation: "'\(name)'", expected: shape, found: value.shape)
    }
    storage = value.storage
    packed = nil
  }

  /// Changes the numbers in place.
  ///
  /// - Parameter body: gets `count` numbers, row-major, and the gradient, or nil if there is none.
  /// - Returns: what `body` returns.
  public func update<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>, UnsafeBufferPointer<Float>?) throws -> Result
  ) rethrows -> Result {
    if !storage.isOwned || !isKnownUniquelyReferenced(&storage) {
      let copy = TensorStorage(capacity: count)
      copy.pointer.update(from: storage.pointer, count: count)
      storage = copy
    }
    packed = nil
    let gradient = hasGradient ? gradientStorage : nil
    defer { withExtendedLifetime((storage, gradient)) {} }
    return try body(
      UnsafeMutableBufferPointer(start: storage.pointer, count: count),
      gradient.map { UnsafeBufferPointer(start: $0.pointer, count: count) })
  }

  /// Changes the gradient in place.
  ///
  /// - Parameter body: gets `count` numbers, row-major: the gradient, or zeros if there is none.
  /// - Returns: what `body` returns.
  public func updateGradient<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    let (pointer, isFresh) = gradientTarget()
    if isFresh { pointer.update(repeating: 0, count: count) }
    defer { withExtendedLifetime(gradientStorage) {} }
    return try body(UnsafeMutableBufferPointer(start: pointer, count: count))
  }

  /// Sum of the gradient's squares in Float64; 0 without a gradient.
  public func squaredGradientNorm() -> Double {
    guard hasGradient, let gradientStorage else { return 0 }
    return rbk_squared_norm(gradientStorage.pointer, count)
  }

  /// Multiplies the gradient, if there is one.
  public func scaleGradient(by factor: Float) {
    guard hasGradient else { return }
    updateGradient { values in
      for i in values.indices { values[i] *= factor }
    }
  }

  /// Where a gradient is added, or written if it is the first.
  func gradientTarget() -> (pointer: UnsafeMutablePointer<Float>, isFresh: Bool) {
    let isFresh = !hasGradient
    if gradientStorage == nil || !isKnownUniquelyReferenced(&gradientStorage) {
      let next = TensorStorage(capacity: count)
      if let old = gradientStorage, hasGradient {
        next.pointer.update(from: old.pointer, count: count)
      }
      gradientStorage = next
    }
    hasGradient = true
    guard let gradientStorage else { preconditionFailure("Parameter: no memory for a gradient") }
    return (gradientStorage.pointer, isFresh)
  }

  /// The weight as the right-hand side of `x Wᵀ`; kept while the parameter is frozen.
  func forwardOperand(in context: ComputeContext) -> PackedOperand {
    operand(\.forward, in: context) { MatrixView(value).transposed }
  }

  /// The weight as the right-hand side of `dy W`; kept while the parameter is frozen.
  func backwardOperand(in context: ComputeContext) -> PackedOperand {
    operand(\.backward, in: context) { MatrixView(value) }
  }

  private func operand(
    _ place: WritableKeyPath<(forward: PackedOperand?, backward: PackedOperand?), PackedOperand?>,
    in context: ComputeContext, _ view: () -> MatrixView
  ) -> PackedOperand {
    if let kept = packed?[keyPath: place] { return kept }
    let operand = context.pack(view())
    if !isTrainable {
      var all = packed ?? (nil, nil)
      all[keyPath: place] = operand
      packed = all
    }
    return operand
  }
}
