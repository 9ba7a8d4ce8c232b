import CKernels

/// Numbers in a row-major, contiguous array with a shape; Float32.
///
/// A tensor is a value: nothing changes it after the operation that made it. Copies share memory.
public struct Tensor: Sendable {
  /// Where the numbers lie.
  package private(set) var storage: TensorStorage
  /// Sizes of the dimensions, slowest first. `[]` is a scalar.
  public let shape: [Int]
  /// Product of the sizes.
  public let count: Int

  package init(storage: TensorStorage, shape: [Int]) {
    guard let count = elementCount(of: shape), count <= storage.capacity else {
      preconditionFailure("Tensor: shape \(shape) does not fit in \(storage.capacity) numbers")
    }
    self.storage = storage
    self.shape = shape
    self.count = count
  }

  /// A tensor of the given numbers.
  ///
  /// - Parameters:
  ///   - values: `count` numbers, row-major.
  ///   - shape: sizes whose product is `values.count`.
  /// - Throws: `ShapeError` if they differ.
  public init(_ values: [Float], shape: [Int]) throws {
    guard elementCount(of: shape) == values.count else {
      throw ShapeError(operation: "Tensor", expected: shape, found: [values.count])
    }
    let storage = TensorStorage(capacity: values.count)
    values.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { storage.pointer.update(from: base, count: values.count) }
    }
    self.init(storage: storage, shape: shape)
  }

  /// Size of the last dimension; 1 for a scalar.
  public var columns: Int { shape.last ?? 1 }

  /// Number of rows: the product of all dimensions but the last.
  public var rows: Int { columns == 0 ? 0 : count / columns }

  /// All numbers, row-major.
  public var values: [Float] { withValues { Array($0) } }

  /// Calls `body` with the numbers, row-major, without copying them.
  public func withValues<R, E: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(E) -> R
  ) throws(E) -> R {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.pointer, count: count))
  }

  /// Whether nobody else holds the memory, so that it may be written without anybody noticing.
  package mutating func isUniquelyHeld() -> Bool {
    storage.isOwned && isKnownUniquelyReferenced(&storage)
  }

  /// The same numbers in memory of their own.
  public func copied() -> Tensor {
    let copy = TensorStorage(capacity: count)
    copy.pointer.update(from: storage.pointer, count: count)
    return Tensor(storage: copy, shape: shape)
  }

  /// The index of the first number that is not finite, or nil.
  public var firstNonFinite: Int? {
    let index = withValues { rbk_first_nonfinite($0.baseAddress, $0.count) }
    return index < count ? index : nil
  }

  /// The same numbers in another shape.
  ///
  /// - Throws: `ShapeError` if the numbers of elements differ.
  public func reshaped(to shape: [Int]) throws -> Tensor {
    guard elementCount(of: shape) == count else {
      throw ShapeError(operation: "reshaped", expected: shape, found: self.shape)
    }
    return Tensor(storage: storage, shape: shape)
  }
}
