import Basics
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// Static embeddings against `wordllama`: no template tokens, nothing cut, the mean of the rows.
@Suite struct StaticEncoderTests {
  @Test func pooledRowsEqualWordLlama() throws {
    let golden = try GoldenArrays("models", "tiny-static")
    let encoder = try StaticEncoder(directory: Checkout.fixture("models/tiny-static"))
    #expect(encoder.dimension == 16 && encoder.vocabularySize == 200)
    #expect(encoder.maximumTokens == nil)
    let sequences = try golden.idLists("inputs").map { ids in
      TokenSequence(ids: ids, typeIDs: ids.map { _ in 0 })
    }
    let context = ComputeContext()
    let together = encoder.vectors(of: sequences, pooling: .mean, in: context)
    // F16 rows of size 1: the mean of up to 40 of them in Float32.
    expectClose(together.values, try golden.array("pooled"), absolute: 1e-6)
    let first = encoder.vectors(of: sequences, pooling: .cls, in: context).values
    let alone = encoder.vectors(
      of: [TokenSequence(ids: [sequences[3].ids[0]], typeIDs: [0])], pooling: .mean, in: context)
    #expect(Array(first[48..<64]) == alone.values)
  }

  @Test func textsEqualWordLlama() throws {
    let golden = try GoldenArrays("models", "tiny-static")
    let model = try EmbeddingModel(
      directory: Checkout.fixture("models/tiny-static"),
      card: ModelCard(name: "tiny-static", kind: .static))
    let expected = try golden.array("text_embeddings")
    let ids = try golden.idLists("text_ids")
    let context = ComputeContext()
    for (index, text) in try golden.description.strings("texts").enumerated() {
      let tokens = model.tokens(ofQuery: text)
      guard !text.isEmpty else {
        #expect(tokens == nil)
        continue
      }
      #expect(tokens?.ids == ids[index], "text \(index)")
      guard let tokens else { continue }
      expectClose(
        model.encoder(for: .query).vectors(of: [tokens], in: context).values,
        expected[index * 16..<(index + 1) * 16], absolute: 1e-6, "text \(index)")
      #expect(model.encoder(for: .query).tokenCount(of: text) == ids[index].count)
      #expect(model.encoder(for: .query).contentTokenCount(of: text) == ids[index].count)
    }
  }

  /// A tokenizer whose template adds tokens, as WordLlama's adds `<s>`.
  @Test func theTemplateIsLeftOut() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "tokenizer.json",
      FileBytes.read(Checkout.fixture("models/tiny-bert/tokenizer.json"), limit: 1 << 20))
    let rows = (0..<400).map(Float.init)
    try directory.write("model.safetensors", SafetensorsBytes.file([("t", [200, 2], rows)]))
    let model = try EmbeddingModel(
      directory: directory.path, card: ModelCard(name: "t", kind: .static))
    let plain = model.encoder(for: .query).tokenizer
    let fever = try #require(plain.id(ofToken: "fever"))
    #expect(model.tokens(ofQuery: "fever")?.ids == [fever])
    #expect(
      model.tokens(ofPassage: "fever", text: "fever", separator: " ")?.ids == [fever, fever])
    let long = String(repeating: "fever ", count: 3000)
    #expect(model.tokens(ofQuery: long)?.ids.count == 3000)
    // A pair is one text without segments.
    let paired = try EmbeddingModel(
      directory: directory.path, card: ModelCard(name: "t", kind: .static, passageForm: .pair))
    #expect(
      paired.tokens(ofPassage: "fever", text: "fever", separator: "")?.ids == [fever, fever])
    #expect(
      model.identity
        != (try EmbeddingModel(
          directory: directory.path, card: ModelCard(name: "t", kind: .static, queryPrompt: "a")))
        .identity)
  }

  @Test func aTableThatIsTooSmallIsRefused() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "tokenizer.json",
      FileBytes.read(Checkout.fixture("models/tiny-bert/tokenizer.json"), limit: 1 << 20))
    let rows = (0..<398).map(Float.init)
    try directory.write("model.safetensors", SafetensorsBytes.file([("t", [199, 2], rows)]))
    let error = #expect(throws: InputError.self) {
      try EmbeddingModel(directory: directory.path, card: ModelCard(name: "t", kind: .static))
    }
    #expect(
      error?.message == "the tokenizer has ids up to 199, the word table 199 rows")
  }

  @Test(
    arguments: [
      [("a", [2], [1, 2])], [("a", [1, 2], [1, 2]), ("b", [1], [1])], [], [("a", [2, 0], [])],
      [("a", [0, 2], [])], [("a", [1, 1, 2], [1, 2])], [("a", [], [1])],
    ] as [[(String, [Int], [Float])]])
  func exactlyOneMatrix(tensors: [(String, [Int], [Float])]) throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "model.safetensors", SafetensorsBytes.file(tensors.map { ($0.0, $0.1, $0.2) }))
    let error = #expect(throws: InputError.self) { try StaticEncoder(directory: directory.path) }
    #expect(error?.message.contains("static embeddings are one matrix, found") == true)
  }

  @Test func wordLlamaEqualsThePackage() throws {
    guard let directory = installedModel("wordllama") else { return }
    let model = try EmbeddingModel(directory: directory)
    let golden = try JSONParser.parse(contentsOf: Checkout.fixture("wordllama/wordllama.json"))
      .requiredObject()
    let texts = try golden.strings("texts")
    let counts = try golden.ints("token_counts")
    let bytes = try FileBytes.read(Checkout.fixture("wordllama/embeddings.f32"), limit: 1 << 20)
    let expected = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(texts.count == 40 && expected.count == 40 * 256 && model.dimension == 256)
    let encoder = model.encoder(for: .passage)
    let context = ComputeContext()
    for (index, text) in texts.enumerated() {
      let count = encoder.tokenCount(of: text)
      #expect(count == counts[index], "text \(index)")
      // White space alone has a token there and is no text to us.
      guard let tokens = model.tokens(ofPassage: "", text: text, separator: " ") else {
        #expect(text.allSatisfy { $0.isWhitespace }, "text \(index)")
        continue
      }
      #expect(tokens.ids.count == count)
      let row = Array(expected[index * 256..<(index + 1) * 256])
      let wanted =
        encoder.normalises
        ? context.normalized(try Tensor(row, shape: [1, 256])).values : row
      expectClose(
        encoder.vectors(of: [tokens], in: context).values, wanted, absolute: 1e-5, "text \(index)")
    }
  }
}
