import Basics
import Models
import SystemPackage
import Tensors
import TestSupport
import Testing

/// Hidden states and vectors against `transformers` (Tests/Fixtures/models).
///
/// The tolerance is the 1e-5; the reference itself moves by 2e-6 when it pads.
@Suite struct EncoderGoldenTests {
  @Test(arguments: ["tiny-bert", "tiny-bert-cls", "tiny-mpnet"])
  func statesEqualTransformers(name: String) throws {
    let golden = try GoldenArrays("models", name)
    let encoder = try TransformerEncoder(
      directory: Checkout.fixture("models/\(name)"))
    let sequences = try golden.idLists("inputs").map { ids in
      TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
    }
    let context = ComputeContext()
    let (states, boundaries) = encoder.states(of: sequences, in: context)
    let values = states.values
    for index in sequences.indices {
      let range = boundaries[index] * 32..<boundaries[index + 1] * 32
      expectClose(
        values[range], try golden.array("last_hidden_state/\(index)"), absolute: 1e-5,
        "\(name), input \(index)")
    }
  }

  @Test(arguments: ["tiny-bert", "tiny-bert-cls", "tiny-mpnet"])
  func textsEqualSentenceTransformers(name: String) throws {
    let golden = try GoldenArrays("models", name)
    let card = ModelCard.forTests(name)
    let model = try EmbeddingModel(
      directory: Checkout.fixture("models/\(name)"), card: card)
    let expected = try golden.array("text_embeddings")
    let context = ComputeContext()
    for (index, text) in try golden.description.strings("texts").enumerated() {
      guard let tokens = model.tokens(ofQuery: text) else { continue }
      expectClose(
        model.encoder(for: .query).vectors(of: [tokens], in: context).values,
        expected[index * 32..<(index + 1) * 32], absolute: 1e-5, "\(name), text \(index)")
    }
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet"])
  func aRowDoesNotDependOnItsBatch(name: String) throws {
    let encoder = try TransformerEncoder(
      directory: Checkout.fixture("models/\(name)"))
    let sequences = try GoldenArrays("models", name).idLists("inputs").map { ids in
      TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
    }
    let together = encoder.vectors(of: sequences, pooling: .mean, in: ComputeContext()).values
    for (context, label) in [(ComputeContext(), "1 thread"), (ComputeContext(threads: 2), "2")] {
      for (index, sequence) in sequences.enumerated() {
        let alone = encoder.vectors(of: [sequence], pooling: .mean, in: context).values
        #expect(alone == Array(together[index * 32..<(index + 1) * 32]), "\(label), input \(index)")
      }
    }
  }

  @Test func miniLMEqualsSentenceTransformers() throws {
    guard let directory = installedModel("all-MiniLM-L6-v2") else { return }
    try expectSentenceTransformers(
      directory, fixture: "minilm", texts: 300, dimension: 384, limit: 256)
  }

  /// Wants a model that only `make verify` installs.
  @Test func mpnetEqualsSentenceTransformers() throws {
    guard let directory = installedModel("all-mpnet-base-v2") else { return }
    try expectSentenceTransformers(
      directory, fixture: "mpnet", texts: 40, dimension: 768, limit: 384)
  }

  /// Compares a model with the tokens counted and the vectors made by sentence-transformers.
  private func expectSentenceTransformers(
    _ directory: FilePath, fixture: String, texts count: Int, dimension: Int, limit: Int
  ) throws {
    let model = try EmbeddingModel(directory: directory)
    #expect(model.dimension == dimension && model.similarity == .cosine)
    let encoder = model.encoder(for: .passage)
    var reader = try LineReader(Checkout.fixture("\(fixture)/texts.jsonl.gz"))
    var sequences: [TokenSequence] = []
    while let line = try reader.next() {
      let row = try JSONParser.parse(line.bytes).requiredObject()
      let (text, tokens) = (try row.string("text"), try row.int("tokens"))
      #expect(encoder.tokenCount(of: text) == tokens)
      let sequence = try #require(model.tokens(ofPassage: "", text: text, separator: " "))
      #expect(sequence.ids.count == min(tokens, limit))
      sequences.append(sequence)
    }
    let bytes = try FileBytes.read(
      Checkout.fixture("\(fixture)/embeddings.f32"), limit: 1 << 26)
    let expected = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(sequences.count == count && expected.count == count * dimension)
    let context = ComputeContext()
    for start in stride(from: 0, to: count, by: 20) {
      let batch = Array(sequences[start..<start + 20])
      let vectors = encoder.vectors(of: batch, in: context).values
      for row in 0..<20 {
        let ours = vectors[row * dimension..<(row + 1) * dimension]
        let theirs = expected[(start + row) * dimension..<(start + row + 1) * dimension]
        let cosine = zip(ours, theirs).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        #expect(cosine >= 0.99999, "text \(start + row): cosine \(cosine)")
        expectClose(ours, theirs, absolute: 1e-5, "text \(start + row)")
      }
    }
  }
}

extension ModelCard {
  static func forTests(_ name: String) -> ModelCard {
    ModelCard(
      name: name, title: name, licence: "none", source: "Tests/Fixtures", kind: .transformer,
      passageForm: .joined, files: [])
  }
}
