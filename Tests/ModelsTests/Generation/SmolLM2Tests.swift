import Basics
import Tensors
import TestSupport
import Testing

@testable import Models

/// SmolLM2-135M-Instruct from its GGUF file against `transformers` on the same weights as Float
/// (Tests/Fixtures/smollm2). One model for all tests: it takes 540 MB.
@Suite(.serialized) struct SmolLM2Tests {
  private static func generator(test: String = #function) throws -> Generator? {
    guard let directory = installedModel("SmolLM2-135M-Instruct", test: test) else { return nil }
    let files = try GeneratorFiles(directory: directory)
    return Generator(
      decoder: try TransformerDecoder(DecoderWeights(directory: directory)),
      text: try #require(files.tokenizer.decoder))
  }

  @Test func equalsTransformers() throws {
    guard let generator = try Self.generator() else { return }
    let decoder = generator.decoder
    #expect(decoder.configuration.parameterCount == 134_515_008)
    let golden = try GoldenArrays("smollm2", "smollm2")
    let context = ComputeContext(threads: 2)
    let passages = try golden.idLists("passages")
    let sampled = try golden.description.ints("sampled")
    for number in 0..<4 {
      let cache = try decoder.makeCache(tokens: passages[number].count)
      let state = try decoder.lastStates(of: [passages[number]], caches: [cache], in: context)
      let logits = decoder.logits(of: state, in: context).values
      expectClose(
        sampled.map { logits[$0] }, try golden.array("logits/\(number)"), absolute: 1e-3,
        "passage \(number)")
    }
    // Perplexity of 50 passages.
    let losses = try golden.description.array("losses").compactMap(\.doubleValue)
    let found = try decoder.logProbabilities(of: passages, in: context).map { -$0.reduce(0, +) }
    expectClose(found, losses, absolute: 0, relative: 1e-4)
    expectClose(found.reduce(0, +), losses.reduce(0, +), absolute: 0, relative: 1e-5)
    try greedy(generator, golden, context)
  }

  /// 20 continuations of 32 tokens. Where the two best scores differ by less than 1e-3 either may
  /// come first, and what follows is another text.
  private func greedy(
    _ generator: Generator, _ golden: GoldenArrays, _ context: ComputeContext
  ) throws {
    let prompts = try golden.idLists("prompts")
    let expected = try golden.idLists("continuations")
    let margins = try golden.description.array("margins").map {
      ($0.arrayValue ?? []).compactMap(\.doubleValue)
    }
    let outputs = try generator.write(
      from: prompts, .init(maximumTokens: 32, stopTokens: []), in: context)
    var excepted = 0
    for (number, output) in outputs.enumerated() {
      let first = zip(output.tokens, expected[number]).enumerated().first { $1.0 != $1.1 }?.offset
      guard let first else { continue }
      excepted += 1
      #expect(
        margins[number][first] < 1e-3, "prompt \(number) differs at token \(first) of 32")
    }
    #expect(outputs.count == 20 && outputs.allSatisfy { $0.tokens.count == 32 })
    #expect(excepted <= 2, "\(excepted) of 20 continuations part where two scores are as good")
    if excepted > 0 {
      print("\(excepted) continuations part where the two best scores differ by < 1e-3")
    }
  }

  /// A chat turn ends with the model's own token, and the same with the trainable model's weights.
  @Test func conversationsEnd() throws {
    guard let directory = installedModel("SmolLM2-135M-Instruct") else { return }
    let files = try GeneratorFiles(directory: directory)
    let template = try #require(try files.chatTemplate())
    let weights = try DecoderWeights(directory: directory)
    #expect(
      weights.configuration.endTokens == [template.end] && weights.configuration.tiesWordTable)
    let generator = Generator(
      decoder: try TransformerDecoder(weights), text: try #require(files.tokenizer.decoder))
    let prompt = template.tokens(
      of: [ChatMessage(.user, "What is the capital of France?")], addsGenerationPrompt: true
    ).ids
    var streamed = ""
    let output = try generator.write(
      from: [prompt], .init(maximumTokens: 40), in: ComputeContext(threads: 2)
    ) { streamed += $1 }[0]
    #expect(output.ending == .stopToken && output.text.contains("Paris"))
    #expect(streamed == output.text)
  }
}
