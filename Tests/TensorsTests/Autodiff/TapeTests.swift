import TestSupport
import Testing

@testable import Tensors

/// What a tape promises beside its operations: memory, capture, what is kept and what is not.
@Suite struct TapeTests {
  /// A post-norm layer with attention and a feed-forward part, as encoders have it.
  private struct Layer {
    let qkv: [LinearLayer]
    let output: LinearLayer
    let wide: LinearLayer
    let narrow: LinearLayer
    let norms: [(weight: Parameter, bias: Parameter)]
    let words: Parameter

    init(seed: UInt64, hidden: Int = 48) throws {
      var random = Philox(seed: seed)
      func parameter(_ name: String, _ shape: [Int]) throws -> Parameter {
        let count = shape.reduce(1, *)
        let values = random.floats(count, magnitude: 1 / Float(shape.last ?? 1).squareRoot())
        return Parameter(name, try Tensor(values, shape: shape))
      }
      func linear(_ name: String, _ outputs: Int, _ inputs: Int) throws -> LinearLayer {
        LinearLayer(
          weight: try parameter(name + ".weight", [outputs, inputs]),
          bias: try parameter(name + ".bias", [outputs]))
      }
      qkv = try ["q", "k", "v"].map { try linear($0, hidden, hidden) }
      output = try linear("o", hidden, hidden)
      wide = try linear("wide", 4 * hidden, hidden)
      narrow = try linear("narrow", hidden, 4 * hidden)
      norms = try (0..<2).map {
        (try parameter("norm\($0).weight", [hidden]), try parameter("norm\($0).bias", [hidden]))
      }
      words = try parameter("words", [50, hidden])
    }

    var parameters: [Parameter] {
      (qkv + [output, wide, narrow]).flatMap(\.parameters) + norms.flatMap { [$0.weight, $0.bias] }
        + [words]
    }

    func states(_ tape: Tape, _ ids: [Int32], _ packing: Packing, checkpoints: Bool = false)
      -> Variable
    {
      let x = tape.embedding([(words, ids)], packing: packing)
      return checkpoints
        ? tape.checkpointed([x]) { tape, x in self.body(tape, x[0]) } : body(tape, x)
    }

    private func body(_ tape: Tape, _ x: Variable) -> Variable {
      let attended = tape.linear(tape.attention(tape.linear(x, qkv), heads: 4), output)
      let y = tape.layerNorm(
        attended, residual: x, weight: norms[0].weight, bias: norms[0].bias, epsilon: 1e-12)
      let fed = tape.linear(tape.activation(tape.linear(y, wide), .gelu), narrow)
      return tape.layerNorm(
        fed, residual: y, weight: norms[1].weight, bias: norms[1].bias, epsilon: 1e-12)
    }

    /// One pooled vector a sequence, squared and summed for each sequence.
    func losses(_ tape: Tape, _ ids: [Int32], _ packing: Packing) -> Variable {
      let pooled = tape.meanPool(states(tape, ids, packing))
      return tape.rowProducts(pooled, pooled)
    }

    func gradients() -> [[Float]] { parameters.map { $0.gradient?.values ?? [] } }
    func clear() { for parameter in parameters { parameter.clearGradient() } }
  }

  private func batch(_ lengths: [Int], seed: UInt64) -> (ids: [Int32], packing: Packing) {
    var random = Philox(seed: seed)
    let packing = Packing(lengths: lengths)
    return ((0..<packing.rowCount).map { _ in Int32.random(in: 0..<50, using: &random) }, packing)
  }

  @Test(arguments: [1, 2]) func aRepeatedStepAllocatesNothing(threads: Int) throws {
    let context = ComputeContext(threads: threads)
    let layer = try Layer(seed: 1)
    func step(_ number: UInt64) {
      let (ids, packing) = batch([40, 7, 33, 21], seed: number)
      let tape = Tape(in: context)
      tape.backward(from: tape.mean(layer.losses(tape, ids, packing)))
      for parameter in layer.parameters {
        parameter.update { values, gradient in
          for i in values.indices { values[i] -= 0.01 * (gradient?[i] ?? .nan) }
        }
      }
      layer.clear()
    }
    step(0)
    let allocations = context.pool.allocations
    for number in 1...200 { step(UInt64(number)) }
    #expect(context.pool.allocations == allocations && allocations > 10)
    #expect(layer.parameters.allSatisfy { $0.value.values.allSatisfy(\.isFinite) })
  }

  @Test func forwardOnlyKeepsNothing() throws {
    let context = ComputeContext()
    let layer = try Layer(seed: 2)
    let (ids, packing) = batch([40, 7], seed: 3)
    let recording = Tape(in: context)
    let recorded = layer.states(recording, ids, packing)
    #expect(recording.recordedOperations == 9 && recorded.requiresGradient)
    let forward = Tape(in: context, mode: .forwardOnly)
    let value = layer.states(forward, ids, packing)
    #expect(forward.recordedOperations == 0 && !value.requiresGradient)
    #expect(value.value.values == recorded.value.values)
    // Frozen parameters and no wish for input gradients: nothing is recorded either.
    for parameter in layer.parameters { parameter.isTrainable = false }
    let frozen = Tape(in: context)
    #expect(layer.states(frozen, ids, packing).value.values == value.value.values)
    #expect(frozen.recordedOperations == 0)
  }

  /// Memory is given back while the gradient is computed: the deepest point is the end of the forward
  /// pass, and a checkpoint lowers it.
  @Test func activationsAreReleasedAndCheckpointsSaveThem() throws {
    let layer = try Layer(seed: 4)
    let (ids, packing) = batch([200], seed: 5)
    func numbers(checkpoints: Bool) -> (forward: Int, after: Int, gradients: [[Float]]) {
      let context = ComputeContext()
      let tape = Tape(in: context)
      layer.clear()
      let y = layer.states(tape, ids, packing, checkpoints: checkpoints)
      let loss = tape.sum(y)
      let forward = context.pool.numbersInUse
      tape.backward(from: loss)
      return (forward, context.pool.numbersInUse, layer.gradients())
    }
    let plain = numbers(checkpoints: false)
    let saved = numbers(checkpoints: true)
    #expect(plain.gradients == saved.gradients)
    // Input, result and loss, against all values of the layer: some 17 times 200 × 48 numbers.
    #expect(saved.forward * 3 < plain.forward)
    #expect(plain.after * 3 < plain.forward)
  }

  @Test func watchedVariablesKeepTheirGradient() throws {
    let layer = try Layer(seed: 6)
    let (ids, packing) = batch([5, 9], seed: 7)
    func embeddingGradient() -> [Float] {
      let tape = Tape(in: ComputeContext())
      let x = tape.watched(tape.embedding([(layer.words, ids)], packing: packing))
      let y = tape.linear(x, layer.wide)
      tape.backward(from: tape.sum(tape.multiply(y, y)))
      return x.gradient?.values ?? []
    }
    let trainable = embeddingGradient()
    #expect(trainable.count == 14 * 48 && trainable.contains { $0 != 0 })
    for parameter in layer.parameters { parameter.isTrainable = false }
    // The weights' packed forms are kept from here on: twice, to use them.
    #expect(embeddingGradient() == trainable)
    #expect(embeddingGradient() == trainable)
  }

  @Test func whatIsNotReachedHasNoGradient() throws {
    let tape = Tape(in: ComputeContext())
    let x = tape.input(try Tensor([1, 2], shape: [2, 1]), requiresGradient: true)
    let z = tape.input(try Tensor([1, 2], shape: [2, 1]), requiresGradient: true)
    _ = tape.multiply(z, z)
    tape.backward(from: tape.sum(x))
    #expect(x.gradient?.values == [1, 1] && z.gradient == nil)
    // An output that depends on nothing.
    let constant = tape.input(try Tensor([1], shape: []))
    tape.backward(from: constant)
    #expect(tape.recordedOperations == 0)
  }

  /// The factors give each example's gradient: multiplied out with the weights of one example they
  /// equal the gradient of a batch of that example alone, and with weights of all the plain gradient.
  @Test func capturedFactorsAreTheGradientsOfExamples() throws {
    let context = ComputeContext(threads: 2)
    let layer = try Layer(seed: 8)
    let bias = Parameter("bias", try Tensor((0..<20).map { Float($0) / 10 }, shape: [5, 4]))
    let head = LinearLayer(weight: layer.words)
    let lengths = [6, 3, 11]
    let (ids, packing) = batch(lengths, seed: 9)
    let all = layer.parameters + [bias]
    /// Sum over the sequences of losses that reach every form of gradient.
    func loss(_ tape: Tape, _ ids: [Int32], _ packing: Packing) -> Variable {
      let x = layer.states(tape, ids, packing)
      let y = tape.attention(
        tape.linear(x, layer.qkv), heads: 4,
        relativeBias: RelativeBias(table: bias) { max(-2, min(2, $0)) + 2 })
      return tape.sum(tape.vocabularyLoss(y, head: head, targets: ids.map { Int($0) / 2 }))
    }
    func plain(_ ids: [Int32], _ packing: Packing) -> [[Float]] {
      for parameter in all { parameter.clearGradient() }
      let tape = Tape(in: context)
      tape.backward(from: loss(tape, ids, packing))
      return all.map { $0.gradient?.values ?? [] }
    }
    var captured: [ParameterGradient] = []
    for parameter in all { parameter.clearGradient() }
    let tape = Tape(in: context) { captured.append($0) }
    tape.backward(from: loss(tape, ids, packing))
    #expect(all.allSatisfy { $0.gradient == nil })
    // The attention layers' weights are used twice, the word table as table and as head.
    #expect(captured.count == 17 + 6 + 2 && Set(captured.map(\.parameter.name)).count == 18)
    func weighted(_ weights: [Float]?) -> [[Float]] {
      for parameter in all { parameter.clearGradient() }
      for gradient in captured { gradient.accumulate(exampleWeights: weights, in: context) }
      return all.map { $0.gradient?.values ?? [] }
    }
    let whole = plain(ids, packing)
    func expectEqual(_ found: [[Float]], _ expected: [[Float]], _ comment: String) {
      for (parameter, (a, b)) in zip(all, zip(found, expected)) {
        let largest = Double(b.reduce(0) { max($0, abs($1)) })
        expectClose(a, b, absolute: 1e-5 * largest + 1e-6, "\(comment), \(parameter.name)")
      }
    }
    expectEqual(weighted(nil), whole, "all")
    expectEqual(weighted([1, 1, 1]), whole, "weights of 1")
    var sum = whole.map { $0.map { _ in Float(0) } }
    for example in 0..<3 {
      var weights: [Float] = [0, 0, 0]
      weights[example] = 1
      let rows = packing.rows(of: example)
      let alone = plain(Array(ids[rows]), Packing(lengths: [rows.count]))
      expectEqual(weighted(weights), alone, "example \(example)")
      for (i, values) in alone.enumerated() {
        for (j, value) in values.enumerated() {
          sum[i][j] += value * [0.5, 2, -1][example]
        }
      }
    }
    expectEqual(weighted([0.5, 2, -1]), sum, "weighted")
  }

  @Test func sequencesOfOneExampleShareItsWeight() {
    let packing = Packing(boundaries: [0, 2, 3, 3, 5], examples: [1, 0, 0, 1], exampleCount: 3)
    #expect(packing.spread([10, 20, 30]) == [20, 20, 10, 20, 20])
    #expect(
      packing.pooled.boundaries == [0, 1, 2, 3, 4] && packing.pooled.examples == [1, 0, 0, 1])
    #expect(packing.longest == 2 && packing.sequenceCount == 4 && packing.rowCount == 5)
  }

  @Test func valuesThatSomebodyHoldsAreNotChanged() throws {
    let parameter = Parameter("p", try Tensor([1, 2], shape: [2]))
    let before = parameter.value
    parameter.updateGradient { $0[0] = 5 }
    let gradient = parameter.gradient
    parameter.update { values, gradient in
      values[0] = 7
      #expect(gradient?[0] == 5)
    }
    #expect(before.values == [1, 2] && parameter.value.values == [7, 2])
    parameter.clearGradient()
    #expect(parameter.gradient == nil)
    parameter.updateGradient { $0[1] = 9 }
    #expect(gradient?.values == [5, 0] && parameter.gradient?.values == [0, 9])
    #expect(throws: ShapeError.self) { try parameter.assign(Tensor([1], shape: [1])) }
  }

  /// Several uses, and several passes, add up.
  @Test func gradientsAddUp() throws {
    let parameter = Parameter("w", try Tensor([2], shape: [1, 1]))
    let layer = LinearLayer(weight: parameter)
    func pass() throws {
      let tape = Tape(in: ComputeContext())
      let x = tape.input(try Tensor([3], shape: [1, 1]))
      // w² x
      tape.backward(from: tape.sum(tape.linear(tape.linear(x, layer), layer)))
    }
    try pass()
    #expect(parameter.gradient?.values == [12])
    try pass()
    #expect(parameter.gradient?.values == [24])
    parameter.clearGradient()
    try pass()
    #expect(parameter.gradient?.values == [12])
  }
}

/// Memory over many steps of different shapes.
@Suite struct PoolGrowthTests {
  /// Batches of other lengths at every step: buffers are shared by size, so the pool is full after one
  /// round of the lengths and a thousand steps later it has not grown.
  @Test func aThousandStepsDoNotGrow() throws {
    let context = ComputeContext(threads: 2)
    var random = Philox(seed: 41)
    let weight = Parameter("w", try Tensor(random.floats(48 * 16), shape: [48, 16]))
    let table = Parameter("t", try Tensor(random.floats(9 * 16), shape: [9, 16]))
    func step(_ number: Int) {
      let packing = Packing(lengths: [1 + number % 40, 1 + number * 7 % 23])
      let tape = Tape(in: context)
      let x = tape.embedding(
        [(table, (0..<packing.rowCount).map { Int32($0 % 9) })], packing: packing)
      let y = tape.attention(tape.linear(x, LinearLayer(weight: weight)), heads: 4)
      tape.backward(from: tape.mean(tape.normalized(tape.meanPool(y))))
      for parameter in [weight, table] { parameter.clearGradient() }
    }
    // 40 and 23 have no common factor: 920 steps see every pair of lengths.
    for number in 0..<920 { step(number) }
    let allocations = context.pool.allocations
    for number in 0..<1000 { step(number) }
    #expect(context.pool.allocations == allocations && context.pool.numbersInUse == 0)
  }
}
