import Basics
import Models
import SystemPackage
import Tensors
import TestSupport
import Testing

/// Encoders on a tape: values against the encoders that embed, gradients against `transformers`
/// (Tests/Fixtures/models/make_gradients.py).
@Suite struct TrainableEncoderTests {
  private func sequences(_ name: String, _ golden: GoldenArrays) throws -> [TokenSequence] {
    let inputs = try GoldenArrays("models", name).idLists("inputs")
    return try golden.description.ints("inputs").map { index in
      TokenSequence(ids: inputs[index], typeIDs: inputs[index].map { _ in 0 })
    }
  }

  private func norm(_ values: some Sequence<Float>) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// The issue's bound for each tensor: ‖Δ‖ ≤ 1e-4 ‖g‖ + 1e-6 ‖all gradients‖.
  private func expectGradient(
    _ found: [Float]?, _ expected: [Float], all: Double, _ comment: String
  ) {
    guard let found, found.count == expected.count else {
      Issue.record("\(comment): \(found?.count ?? 0) numbers, expected \(expected.count)")
      return
    }
    let difference = norm(zip(found, expected).map { $0 - $1 })
    let allowed = 1e-4 * norm(expected) + 1e-6 * all
    #expect(difference <= allowed, "\(comment): off by \(difference), allowed \(allowed)")
  }

  @Test(arguments: ["tiny-bert", "tiny-bert-cls", "tiny-mpnet"], [1, 2])
  func statesHaveTheBitsOfTheEncoder(name: String, threads: Int) throws {
    let directory = Checkout.fixture("models/\(name)")
    let golden = try GoldenArrays("models", name)
    let sequences = try golden.idLists("inputs").map { ids in
      TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
    }
    let expected = try TransformerEncoder(directory: directory)
      .states(of: sequences, in: ComputeContext()).states.values
    let encoder = try TrainableTransformer(directory: directory)
    for mode in [Tape.Mode.recording, .forwardOnly] {
      let tape = Tape(in: ComputeContext(threads: threads), mode: mode)
      #expect(encoder.states(of: sequences, on: tape).value.values == expected)
    }
    encoder.checkpointsLayers = true
    let tape = Tape(in: ComputeContext(threads: threads))
    #expect(encoder.states(of: sequences, on: tape).value.values == expected)
  }

  @Test func staticVectorsHaveTheBitsOfTheEncoder() throws {
    let directory = Checkout.fixture("models/tiny-static")
    let sequences = try GoldenArrays("models", "tiny-static").idLists("inputs").map { ids in
      TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
    }
    let expected = try StaticEncoder(directory: directory)
      .vectors(of: sequences, pooling: .mean, in: ComputeContext())
    let encoder = try TrainableStaticEncoder(directory: directory)
    let tape = Tape(in: ComputeContext())
    let vectors = encoder.vectors(of: sequences, pooling: .mean, normalises: false, on: tape)
    #expect(vectors.value.values == expected.values)
    // The mean's gradient: each row of a token gets 1 / length, added up over its uses.
    tape.backward(from: tape.sum(vectors))
    var rows = [Float](repeating: 0, count: encoder.vocabularySize)
    for sequence in sequences {
      for id in sequence.ids { rows[Int(id)] += 1 / Float(sequence.ids.count) }
    }
    expectClose(
      encoder.parameters[0].gradient?.values ?? [],
      rows.flatMap { [Float](repeating: $0, count: encoder.dimension) }, absolute: 1e-6)
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet"], [false, true])
  func gradientsEqualTransformers(name: String, checkpoints: Bool) throws {
    let golden = try GoldenArrays("models", "\(name)-gradients")
    let sequences = try sequences(name, golden)
    let encoder = try TrainableTransformer(directory: Checkout.fixture("models/\(name)"))
    encoder.checkpointsLayers = checkpoints
    let expected = try encoder.parameters.map { try golden.array("gradient/\($0.name)") }
    let all = norm(expected.joined())
    let weights = try golden.array("weights")
    func run(threads: Int) throws -> (vectors: Tensor, embeddings: [Float]?, loss: Float) {
      for parameter in encoder.parameters { parameter.clearGradient() }
      let tape = Tape(in: ComputeContext(threads: threads))
      let embeddings = tape.watched(
        encoder.embeddings(of: sequences, packing: nil, on: tape))
      let vectors = tape.normalized(tape.meanPool(encoder.states(from: embeddings, on: tape)))
      let loss = tape.sum(vectors, weights: weights)
      tape.backward(from: loss)
      return (vectors.value, embeddings.gradient?.values, loss.value.values[0])
    }
    let (vectors, embeddings, loss) = try run(threads: 1)
    expectClose(vectors.values, try golden.array("vectors"), absolute: 2e-6)
    expectClose(Double(loss), try golden.description.double("loss"), absolute: 1e-5)
    let gradients = encoder.parameters.map { $0.gradient?.values }
    for (parameter, (found, expected)) in zip(encoder.parameters, zip(gradients, expected)) {
      expectGradient(found, expected, all: all, "\(name), \(parameter.name)")
    }
    expectGradient(
      embeddings, try golden.array("embedding_gradients"), all: 0, "\(name), embeddings")
    // Two threads give the same bits.
    let second = try run(threads: 2)
    #expect(second.embeddings == embeddings && second.vectors.values == vectors.values)
    #expect(encoder.parameters.map { $0.gradient?.values } == gradients)
  }

  /// The gradient at the embeddings along a random direction against central differences, all
  /// parameters frozen, as gradient attacks use it.
  @Test(arguments: ["tiny-bert", "tiny-mpnet"])
  func embeddingGradientsEqualFiniteDifferences(name: String) throws {
    let golden = try GoldenArrays("models", "\(name)-gradients")
    let sequences = try sequences(name, golden)
    let encoder = try TrainableTransformer(directory: Checkout.fixture("models/\(name)"))
    for parameter in encoder.parameters { parameter.isTrainable = false }
    let weights = try golden.array("weights")
    let context = ComputeContext()
    let tape = Tape(in: context)
    let embeddings = tape.watched(encoder.embeddings(of: sequences, packing: nil, on: tape))
    let vectors = tape.normalized(tape.meanPool(encoder.states(from: embeddings, on: tape)))
    tape.backward(from: tape.sum(vectors, weights: weights))
    let gradient = embeddings.gradient?.values ?? []
    #expect(encoder.parameters.allSatisfy { $0.gradient == nil })
    var random = Philox(seed: 21)
    for _ in 0..<3 {
      let direction = gradient.map { _ in Float.random(in: -1...1, using: &random) }
      func loss(_ step: Float) throws -> Double {
        let forward = Tape(in: context, mode: .forwardOnly)
        let moved = zip(embeddings.value.values, direction).map { $0 + step * $1 }
        let x = forward.input(
          try Tensor(moved, shape: embeddings.shape), packing: embeddings.packing)
        let y = forward.normalized(forward.meanPool(encoder.states(from: x, on: forward)))
        return zip(y.value.values, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
      let h: Float = 2e-3
      let difference = (try loss(h) - loss(-h)) / Double(2 * h)
      let along = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      // Values of 3 with errors of 1e-6 over 4e-3.
      expectClose(difference, along, absolute: 1e-3, relative: 1e-3, name)
    }
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet"])
  func classifiersEqualTransformers(name: String) throws {
    let golden = try GoldenArrays("models", "\(name)-steps")
    let classifier = try classifier(name, golden)
    let sequences = try sequences(name, golden)
    let tape = Tape(in: ComputeContext())
    let scores = classifier.scores(of: sequences, on: tape)
    expectClose(scores.value.values, try golden.array("scores"), absolute: 2e-6)
    let loss = tape.mean(
      tape.crossEntropy(scores, targets: try golden.description.ints("labels")))
    let losses = try golden.description.array("losses").compactMap(\.doubleValue)
    expectClose(Double(loss.value.values[0]), losses[0], absolute: 1e-6)
    tape.backward(from: loss)
    for parameter in classifier.headParameters {
      let expected = try golden.array("gradient/" + stored(name, parameter.name))
      expectGradient(parameter.gradient?.values, expected, all: norm(expected), parameter.name)
    }
  }

  private func stored(_ name: String, _ parameter: String) -> String {
    parameter.hasPrefix("pooler.") ? "bert." + parameter : parameter
  }

  private func classifier(_ name: String, _ golden: GoldenArrays) throws -> SequenceClassifier {
    let classifier = try SequenceClassifier(
      directory: Checkout.fixture("models/\(name)"), labels: ["a", "b", "c"], seed: 1)
    for parameter in classifier.headParameters {
      try parameter.assign(
        Tensor(golden.array("head/" + stored(name, parameter.name)), shape: parameter.shape))
    }
    return classifier
  }

  @Test(arguments: ["tiny-bert", "tiny-bert-cls", "tiny-mpnet", "tiny-static"])
  func savedEncodersEmbedAsTheyWereTrained(name: String) throws {
    let temporary = try TemporaryDirectory()
    let source = ModelDirectory.forTests(name)
    let encoder: any TrainableEncoder =
      name == "tiny-static"
      ? try TrainableStaticEncoder(directory: source.path)
      : try TrainableTransformer(directory: source.path)
    for parameter in encoder.parameters {
      parameter.update { values, _ in
        for i in values.indices { values[i] *= 1 + 0.01 * Float(i % 7) }
      }
    }
    let target = temporary.file("model")
    let card = try TrainedModelFiles.write(
      encoder, to: target, source: source, name: "trained", origin: "a test")
    #expect(card.name == "trained" && card.kind == source.card.kind)
    let model = try EmbeddingModel(directory: target)
    let before = try EmbeddingModel(directory: source.path, card: source.card)
    #expect(model.identity != before.identity && model.similarity == before.similarity)
    let side = model.encoder(for: .passage)
    #expect(side.pooling == before.encoder(for: .passage).pooling)
    guard let tokens = side.tokens(of: "the heart of a patient") else {
      Issue.record("nothing to embed")
      return
    }
    let tape = Tape(in: ComputeContext(), mode: .forwardOnly)
    let vectors = encoder.vectors(
      of: [tokens], pooling: side.pooling, normalises: side.normalises, on: tape)
    #expect(side.vectors(of: [tokens], in: ComputeContext()).values == vectors.value.values)
    // What is no part of the encoder is still there.
    let names = try WeightSet(directory: target).names
    #expect(name != "tiny-bert" || names.contains("pooler.dense.weight"))
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet"])
  func savedClassifiersAreReadAgain(name: String) throws {
    let temporary = try TemporaryDirectory()
    let golden = try GoldenArrays("models", "\(name)-steps")
    let classifier = try classifier(name, golden)
    let source = Checkout.fixture("models/\(name)")
    try classifier.save(to: temporary.file("model"), source: source)
    let again = try SequenceClassifier(
      directory: temporary.file("model"), labels: classifier.labels, seed: 2)
    #expect(again.parameters.map(\.name) == classifier.parameters.map(\.name))
    #expect(again.parameters.map(\.value.values) == classifier.parameters.map(\.value.values))
    // Other classes: a new head of another size, the same for the same seed.
    let other = try (0..<2).map { _ in
      try SequenceClassifier(
        directory: temporary.file("model"), labels: ["a", "b", "c", "d"], seed: 2)
    }
    #expect(other[0].headParameters.last?.shape == [4])
    #expect(
      other[0].headParameters.map(\.value.values) == other[1].headParameters.map(\.value.values))
  }
}

extension ModelDirectory {
  /// A tiny model with the card that its files suggest.
  static func forTests(_ name: String) -> ModelDirectory {
    var card = ModelCard.forTests(name)
    card.kind = name == "tiny-static" ? .static : .transformer
    return ModelDirectory(path: Checkout.fixture("models/\(name)"), card: card)
  }
}
