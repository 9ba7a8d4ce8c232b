import Basics
import Models
import Tensors
import TestSupport
import Testing

/// Tiny Llamas against `transformers` (Tests/Fixtures/decoders/make_decoders.py).
@Suite struct DecoderGoldenTests {
  @Test(arguments: TinyDecoder.names) func logitsEqualTransformers(name: String) throws {
    let tiny = try TinyDecoder(name)
    let expected = try tiny.logits()
    // Scores of up to 20 out of two layers in Float32; the reference has norms and angles in Float32.
    expectClose(try tiny.trainable().logits(of: tiny.inputs), expected, absolute: 5e-5)
    expectClose(try tiny.decoder().logits(of: tiny.inputs), expected, absolute: 5e-5)
  }

  /// One token at a time, five at a time, all at once, beside others or alone, on a tape: the same bits.
  @Test(arguments: TinyDecoder.names, [1, 2])
  func cachedAndUncachedHaveTheSameBits(name: String, threads: Int) throws {
    let tiny = try TinyDecoder(name)
    let decoder = try tiny.decoder()
    let expected = try tiny.trainable().logits(of: tiny.inputs, threads: threads)
    for step in [1, 5, .max] {
      #expect(
        try decoder.logits(of: tiny.inputs, step: step, threads: threads) == expected,
        "\(step) tokens at a time")
    }
    let alone = try tiny.inputs.flatMap { try decoder.logits(of: [$0], step: 3) }
    #expect(alone == expected)
  }

  @Test(arguments: TinyDecoder.names, [false, true])
  func lossAndGradientsEqualTransformers(name: String, checkpoints: Bool) throws {
    let tiny = try TinyDecoder(name)
    let decoder = try tiny.trainable()
    decoder.checkpointsLayers = checkpoints
    func run(threads: Int) -> (losses: [Float], loss: Float) {
      for parameter in decoder.parameters { parameter.clearGradient() }
      let tape = Tape(in: ComputeContext(threads: threads))
      let losses = decoder.exampleLosses(of: tiny.examples, on: tape)
      #expect(losses.shape == [tiny.inputs.count, 1] && losses.packing == .rows(tiny.inputs.count))
      let loss = tape.mean(losses)
      tape.backward(from: loss)
      return (losses.value.values, loss.value.values[0])
    }
    let (losses, loss) = run(threads: 1)
    let expected = try tiny.golden.description.array("sequence_losses").compactMap(\.doubleValue)
    expectClose(losses, expected, absolute: 2e-6, relative: 1e-6)
    expectClose(Double(loss), try tiny.golden.description.double("loss"), absolute: 2e-6)
    expectGradients(
      decoder.parameters,
      try decoder.parameters.map { try tiny.golden.array("gradient/\($0.name)") },
      name)
    let gradients = decoder.parameters.map { $0.gradient?.values }
    #expect(run(threads: 2).losses == losses)
    #expect(decoder.parameters.map { $0.gradient?.values } == gradients)
  }

  /// What each record's weighted factors add up to is the gradient of its own mean loss.
  @Test func gradientsOfSingleRecords() throws {
    let tiny = try TinyDecoder("tiny-llama")
    let decoder = try tiny.trainable()
    let context = ComputeContext()
    var factors: [ParameterGradient] = []
    let tape = Tape(in: context, receiver: { factors.append($0) })
    let losses = decoder.exampleLosses(of: tiny.examples, on: tape)
    tape.backward(from: tape.sum(losses))
    for record in tiny.examples.indices {
      for parameter in decoder.parameters { parameter.clearGradient() }
      let weights: [Float] = tiny.examples.indices.map { $0 == record ? 1 : 0 }
      for factor in factors { factor.accumulate(exampleWeights: weights, in: context) }
      let together = decoder.parameters.map { $0.gradient?.values ?? [] }
      for parameter in decoder.parameters { parameter.clearGradient() }
      let alone = Tape(in: context)
      alone.backward(
        from: alone.sum(decoder.exampleLosses(of: [tiny.examples[record]], on: alone)))
      expectGradients(decoder.parameters, together, "record \(record)")
    }
  }

  @Test func tokenLossesAndMeansAreThoseOfTheExamples() throws {
    let tiny = try TinyDecoder("tiny-llama")
    let decoder = try tiny.trainable()
    let tape = Tape(in: ComputeContext(), mode: .forwardOnly)
    let examples = tiny.examples + [MaskedTokens(ids: [5, 6], isCompletion: [true, false])]
    let losses = decoder.tokenLosses(of: examples, on: tape)
    let counts = examples.map(\.predictedCount)
    #expect(losses.shape == [counts.reduce(0, +), 1] && counts.last == 0)
    let values = losses.value.values.map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    expectClose(
      Double(decoder.meanLoss(of: examples, on: tape).value.values[0]), mean, absolute: 1e-6)
    #expect(decoder.exampleLosses(of: examples, on: tape).value.values.last == 0)
    // The decoder that scores says the same.
    let found = try tiny.decoder().logProbabilities(
      of: tiny.inputs, from: tiny.starts, in: ComputeContext())
    expectClose(found.flatMap { $0.map { -$0 } }, values, absolute: 1e-5)
  }

  @Test(arguments: TinyDecoder.names) func frozenParametersGetNoGradient(name: String) throws {
    let tiny = try TinyDecoder(name)
    let decoder = try tiny.trainable()
    try decoder.freeze(["model.embed_tokens", "model.layers.*.self_attn", "model.layers.1.mlp"])
    let tape = Tape(in: ComputeContext())
    tape.backward(from: decoder.meanLoss(of: tiny.examples, on: tape))
    let trained = decoder.parameters.filter { $0.gradient != nil }.map(\.name)
    let expected = decoder.parameters.map(\.name).filter {
      !$0.contains("embed_tokens") && !$0.contains("self_attn")
        && !$0.hasPrefix("model.layers.1.mlp")
    }
    #expect(trained == expected && expected.contains("model.layers.1.input_layernorm.weight"))
    #expect(refusal { try decoder.freeze(["model.layers.2"]) }?.contains("model.layers.2") == true)
    #expect(refusal { try decoder.freeze(["model.layer"]) } != nil)
  }

  /// The whole gradient along random directions against central differences.
  @Test func gradientsEqualFiniteDifferences() throws {
    let tiny = try TinyDecoder("tiny-llama-tied")
    let decoder = try tiny.trainable()
    let context = ComputeContext()
    func loss() -> Double {
      let tape = Tape(in: context, mode: .forwardOnly)
      return Double(decoder.meanLoss(of: tiny.examples, on: tape).value.values[0])
    }
    let tape = Tape(in: context)
    tape.backward(from: decoder.meanLoss(of: tiny.examples, on: tape))
    var random = Philox(seed: 3)
    for parameter in decoder.parameters {
      let gradient = try #require(parameter.gradient).values
      // Along the gradient itself, so that the difference is large beside the rounding.
      let size = norm(gradient)
      let direction = gradient.map {
        Float(Double($0) / size) + Float.random(in: -0.01...0.01, using: &random)
      }
      let before = parameter.value
      func moved(_ step: Float) throws -> Double {
        try parameter.assign(
          Tensor(zip(before.values, direction).map { $0 + step * $1 }, shape: parameter.shape))
        return loss()
      }
      let h: Float = 1e-3
      let difference = (try moved(h) - moved(-h)) / Double(2 * h)
      try parameter.assign(before)
      let along = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      // Losses of 5 with errors of 1e-6 over 2e-3.
      expectClose(difference, along, absolute: 2e-3, relative: 5e-3, parameter.name)
    }
  }
}
