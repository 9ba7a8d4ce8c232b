import Tensors
import TestSupport
import Testing

/// Values with shapes, their memory, and the operations of a context at their edges.
@Suite struct TensorTests {
  @Test(arguments: [
    ([], 1), ([0], 0), ([3, 0, 5], 0), ([2, 3, 4], 24), ([-1], nil), ([2, -3], nil),
    ([Int.max, 2], nil), ([1 << 32, 1 << 32], nil), ([Int.max, 1], Int.max),
    ([0, Int.max, Int.max], 0), ([Int.max, Int.max, 0], nil),
  ])
  func elementCounts(shape: [Int], expected: Int?) {
    #expect(elementCount(of: shape) == expected)
  }

  @Test func aShapeMustFitItsNumbers() throws {
    let tensor = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
    #expect(tensor.rows == 2 && tensor.columns == 3 && tensor.values == [1, 2, 3, 4, 5, 6])
    #expect(try tensor.reshaped(to: [3, 2]).values == tensor.values)
    for shape in [[2, 2], [7], [-2, -3], [Int.max, 6]] {
      #expect(throws: ShapeError(operation: "Tensor", expected: shape, found: [6])) {
        try Tensor(tensor.values, shape: shape)
      }
      #expect(throws: ShapeError(operation: "reshaped", expected: shape, found: [2, 3])) {
        try tensor.reshaped(to: shape)
      }
    }
    let scalar = try Tensor([7], shape: [])
    #expect(scalar.rows == 1 && scalar.columns == 1 && scalar.values == [7])
    let empty = try Tensor([], shape: [3, 0])
    #expect(empty.rows == 0 && empty.columns == 0 && empty.values.isEmpty)
  }

  @Test func aShapeErrorShowsBothShapes() throws {
    let matrix = try Tensor([1, 2, 3, 4], shape: [2, 2])
    let vector = try Tensor([1, 2], shape: [2])
    let error = #expect(throws: ShapeError.self) {
      try PackedWeight(stacking: [matrix, vector])
    }
    #expect(error?.description == "PackedWeight: expected shape [*, 2], found [2]")
  }

  @Test func stackedWeightsAreOneLayer() throws {
    var random = Philox(seed: 31)
    let parts = try [3, 32, 5].map { try Tensor(random.floats($0 * 7), shape: [$0, 7]) }
    let whole = try Tensor(parts.flatMap(\.values), shape: [40, 7])
    let x = try Tensor(random.floats(14), shape: [2, 7])
    let context = ComputeContext()
    let stacked = try PackedWeight(stacking: parts)
    #expect(stacked.outputs == 40 && stacked.inputs == 7)
    #expect(
      try context.linear(x, stacked, bias: nil).values
        == context.linear(x, PackedWeight(whole), bias: nil).values)
  }

  @Test func memoryIsReused() throws {
    let pool = TensorPool()
    var first: UnsafeMutablePointer<Float>?
    do {
      let storage = pool.storage(count: 100)
      first = storage.pointer
      #expect(storage.capacity == 128 && UInt(bitPattern: storage.pointer) % 64 == 0)
      // Not free yet: another buffer.
      #expect(pool.storage(count: 100).pointer != first)
    }
    let buffers = [pool.storage(count: 65), pool.storage(count: 128)]
    #expect(buffers.contains { $0.pointer == first } && pool.allocations == 2)
    #expect(pool.storage(count: 129).capacity == 256 && pool.allocations == 3)
    #expect(pool.storage(count: 0).capacity == 16)
  }

  @Test func aRepeatedStepAllocatesNothing() throws {
    var random = Philox(seed: 32)
    let context = ComputeContext()
    let x = try Tensor(random.floats(40 * 24), shape: [40, 24])
    let weight = try PackedWeight(Tensor(random.floats(72 * 24), shape: [72, 24]))
    let scale = try Tensor(random.floats(24), shape: [24])
    func step() -> [Float] {
      let qkv = context.linear(x, weight, bias: nil)
      let attended = context.selfAttention(qkv, boundaries: [0, 9, 40], heads: 3)
      let normal = context.layerNorm(attended, residual: x, weight: scale, bias: scale, epsilon: 1)
      return context.normalized(context.meanPool(normal, boundaries: [0, 9, 40])).values
    }
    let first = step()
    let allocations = context.pool.allocations
    for _ in 0..<5 { #expect(step() == first) }
    #expect(context.pool.allocations == allocations && allocations > 0)
  }

  @Test func poolingOfEmptySequences() throws {
    let context = ComputeContext()
    let x = try Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2])
    let boundaries = [0, 0, 2, 3, 3]
    #expect(context.meanPool(x, boundaries: boundaries).values == [0, 0, 2, 3, 5, 6, 0, 0])
    #expect(context.firstPool(x, boundaries: boundaries).values == [0, 0, 1, 2, 5, 6, 0, 0])
    let none = try Tensor([], shape: [0, 2])
    #expect(context.meanPool(none, boundaries: [0]).shape == [0, 2])
    let noTokens = try Tensor([], shape: [0, 6])
    #expect(context.selfAttention(noTokens, boundaries: [0], heads: 2).shape == [0, 2])
  }

  @Test func normalisedRowsHaveLengthOne() throws {
    let context = ComputeContext()
    let x = try Tensor([3, 4, 0, 0, 1e-15, 0, .nan, 1], shape: [4, 2])
    let y = context.normalized(x).values
    // Rows shorter than 1e-12 are divided by 1e-12, as PyTorch does.
    expectClose(y[0..<6], [0.6, 0.8, 0, 0, 1e-3, 0], absolute: 0, relative: 2 * roundoff)
    #expect(y[6].isNaN && y[7].isNaN)
  }

  @Test func embeddingAddsTables() throws {
    let context = ComputeContext()
    let table = try Tensor([1, 2, 10, 20], shape: [2, 2])
    let rows = context.embed([(table, [1, 0, 1]), (table, [0, 0, 1])], rows: 3)
    #expect(rows.shape == [3, 2] && rows.values == [11, 22, 2, 4, 20, 40])
    #expect(context.embed([(table, [])], rows: 0).shape == [0, 2])
  }

  @Test func anIdOutsideTheTableIsAMistakeOfOurs() async {
    await #expect(processExitsWith: .failure) {
      let table = try Tensor([1, 2], shape: [1, 2])
      _ = ComputeContext().embed([(table, [1])], rows: 1)
    }
  }
}
