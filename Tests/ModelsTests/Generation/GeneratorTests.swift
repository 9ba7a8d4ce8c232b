import Basics
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Models

/// Generation by the tiny Llamas.
@Suite struct GeneratorTests {
  /// Token i is the letter a + i % 26, or the first byte of é for 97 and the second for 98.
  private static let text = TokenDecoder(
    tokens: (0..<100).map(bytes), isSpecial: (0..<100).map { $0 < 3 })

  private static func bytes(_ id: Int) -> [UInt8] {
    switch id {
    case 97: [0xC3]
    case 98: [0xA9]
    default: [UInt8(ascii: "a") + UInt8(id % 26)]
    }
  }

  private static func generator(_ name: String) throws -> Generator {
    Generator(decoder: try TinyDecoder(name).decoder(), text: text)
  }

  private static func letters(_ tokens: [Int32]) -> String {
    text.text(tokens, keepsSpecialTokens: false)
  }

  @Test(arguments: TinyDecoder.names, [1, 2])
  func greedyContinuationsEqualTransformers(name: String, threads: Int) throws {
    let tiny = try TinyDecoder(name)
    let generator = try Self.generator(name)
    let prompts = try tiny.golden.idLists("prompts")
    let expected = try tiny.golden.idLists("continuations")
    let request = Generator.Request(maximumTokens: 12, stopTokens: [])
    let context = ComputeContext(threads: threads)
    let outputs = try generator.write(from: prompts, request, in: context)
    #expect(outputs.map(\.tokens) == expected)
    #expect(outputs.allSatisfy { $0.ending == .length })
    for (index, output) in outputs.enumerated() {
      #expect(output.text == Self.letters(output.tokens))
      // The same without the cache, and alone.
      var ids = prompts[index]
      for token in output.tokens {
        let logits = try generator.decoder.logits(of: [ids]).suffix(100)
        #expect(
          logits.firstIndex(of: logits.max() ?? 0).map { $0 - logits.startIndex } == Int(token))
        ids.append(token)
      }
      let alone = try generator.write(from: [prompts[index]], request, in: ComputeContext())
      #expect(alone[0].tokens == output.tokens)
      #expect(alone[0].logProbabilities == output.logProbabilities)
      // What is scored is what was generated.
      let scored = try generator.decoder.logProbabilities(
        of: [output.tokens], after: prompts[index], in: ComputeContext())
      expectClose(scored[0], output.logProbabilities, absolute: 1e-9)
    }
  }

  @Test func asManyTokensAsThereIsRoomFor() throws {
    let generator = try Self.generator("tiny-llama")
    let limit = generator.decoder.configuration.maximumTokens
    let output = try generator.write(
      from: [[5, 6, 7]], .init(maximumTokens: .max, stopTokens: []), in: ComputeContext())
    #expect(output[0].ending == .context && output[0].tokens.count == limit - 3)
  }

  /// Finite weights whose products are beyond Float32.
  @Test func scoresThatAreNotFiniteAreRefused() throws {
    let weights = DecoderWeights(
      try TinyDecoder("tiny-llama").decoder().configuration, seed: 1)
    let large = DecoderWeights(
      weights.configuration, origin: "large weights", expandedBytes: weights.expandedBytes
    ) { name in
      let tensor = try weights.tensor(name)
      return try Tensor(tensor.values.map { $0 * 1e19 }, shape: tensor.shape)
    }
    let generator = Generator(decoder: try TransformerDecoder(large), text: Self.text)
    #expect(throws: InputError.self) {
      _ = try generator.write(
        from: [[5, 6, 7]], .init(maximumTokens: 2, stopTokens: []), in: ComputeContext())
    }
    #expect(throws: InputError.self) {
      _ = try generator.decoder.perplexity(of: [[5, 6, 7]], in: ComputeContext())
    }
  }

  @Test func samplesDependOnTheSeedOnly() throws {
    let generator = try Self.generator("tiny-llama")
    let prompts: [[Int32]] = [[5, 6, 7], [5, 6, 7], [9]]
    func run(_ seed: UInt64, _ prompts: [[Int32]], threads: Int = 1) throws -> [[Int32]] {
      let request = Generator.Request(
        maximumTokens: 20, sampling: try Sampling(temperature: 2, topK: 50, topP: 0.99), seed: seed,
        stopTokens: [])
      return try generator.write(from: prompts, request, in: ComputeContext(threads: threads))
        .map(\.tokens)
    }
    let first = try run(1, prompts)
    #expect(try run(1, prompts, threads: 2) == first)
    #expect(try run(1, Array(prompts.prefix(2))) == Array(first.prefix(2)))
    #expect(first[0] != first[1])
    #expect(try run(2, prompts) != first)
  }

  @Test func whereTextsEnd() throws {
    let generator = try Self.generator("tiny-llama")
    let tiny = try TinyDecoder("tiny-llama")
    let prompts = Array(try tiny.golden.idLists("prompts").suffix(2))
    let expected = Array(try tiny.golden.idLists("continuations").suffix(2))
    let context = ComputeContext()
    func run(_ request: Generator.Request) throws -> (outputs: [Generator.Output], pieces: [String])
    {
      var pieces = prompts.map { _ in "" }
      let outputs = try generator.write(from: prompts, request, in: context) { pieces[$0] += $1 }
      return (outputs, pieces)
    }
    // A token of the first continuation ends it before its place; the other goes on.
    let stop = expected[0][4]
    let cut = try run(.init(maximumTokens: 12, stopTokens: [stop]))
    for (output, tokens) in zip(cut.outputs, expected) {
      let end = tokens.firstIndex(of: stop) ?? 12
      #expect(output.tokens == Array(tokens[..<end]))
      #expect(output.logProbabilities.count == end)
      #expect(output.ending == (end < 12 ? .stopToken : .length))
    }
    #expect(cut.pieces == cut.outputs.map(\.text))
    // A string over two tokens.
    let whole = Self.letters(expected[0])
    let string = String(whole.dropFirst(3).prefix(2))
    let stopped = try run(.init(maximumTokens: 12, stopTokens: [], stopStrings: ["##", string]))
    #expect(stopped.outputs[0].ending == .stopString)
    #expect(
      stopped.outputs[0].text
        == String(whole[..<(whole.range(of: string)?.lowerBound ?? whole.endIndex)]))
    #expect(stopped.pieces == stopped.outputs.map(\.text))
    // The context of 64 tokens; the last place is computed, its successor has none.
    let long = try generator.write(
      from: [[Int32](repeating: 7, count: 60)], .init(maximumTokens: 12, stopTokens: []),
      in: context)
    #expect(long[0].ending == .context && long[0].tokens.count == 4)
    #expect(try run(.init(maximumTokens: 0)).outputs.allSatisfy { $0.tokens.isEmpty })
    // The model's own end token is the default.
    #expect(generator.decoder.configuration.endTokens == [2])
  }

  @Test func requestsThatCannotBeMet() throws {
    let generator = try Self.generator("tiny-llama-tied")
    let context = ComputeContext()
    func message(_ prompts: [[Int32]], _ request: Generator.Request = .init(maximumTokens: 1))
      -> String?
    {
      refusal { _ = try generator.write(from: prompts, request, in: context) }
    }
    #expect(message([[]]) == "the prompt is empty")
    #expect(message([[5], []]) == "prompt 2 is empty")
    #expect(
      message([[Int32](repeating: 5, count: 48)]) == "the prompt has 48 tokens, the model takes 47")
    #expect(message([[Int32](repeating: 5, count: 47)]) == nil)
    #expect(message([[100]]) == "the prompt holds the token 100, the vocabulary has 100")
    #expect(message([[-1]])?.contains("-1") == true)
    #expect(message([[5]], .init(maximumTokens: -1))?.contains("-1") == true)
    #expect(message([[5]], .init(maximumTokens: 1, stopStrings: [""])) == "a stop string is empty")
    let sampling = try Sampling(temperature: 1, topK: 101)
    #expect(
      message([[5]], .init(maximumTokens: 1, sampling: sampling))
        == "top-k is 101, the vocabulary has 100 tokens")
    #expect(
      refusal {
        _ = try generator.decoder.perplexity(of: [[Int32](repeating: 5, count: 49)], in: context)
      } == "the prompt has 49 tokens, the model takes 48")
  }

  /// More tokens than one pass takes, in sequences that passes cut.
  @Test func passesDoNotMatter() throws {
    let configuration = try DecoderConfiguration(
      vocabularySize: 50, hiddenSize: 32, intermediateSize: 32, layers: 2, heads: 2,
      maximumTokens: 700)
    let weights = DecoderWeights(configuration, seed: 5)
    let decoder = try TransformerDecoder(weights)
    var random = Philox(seed: 6)
    let sequences = [300, 690, 3, 40].map { count in
      (0..<count).map { _ in Int32.random(in: 0..<50, using: &random) }
    }
    let context = ComputeContext(threads: 2)
    let caches = try sequences.map { try decoder.makeCache(tokens: $0.count) }
    let last = try decoder.lastStates(of: sequences, caches: caches, in: context)
    let logits = decoder.logits(of: last, in: context).values
    let model = try TrainableDecoder(weights)
    for (index, sequence) in sequences.enumerated() {
      #expect(caches[index].count == sequence.count)
      #expect(
        Array(logits[index * 50..<(index + 1) * 50]) == model.logits(of: [sequence]).suffix(50))
    }
    let together = try decoder.perplexity(of: sequences, in: context)
    var apart = Perplexity()
    for sequence in sequences {
      let one = try decoder.perplexity(of: [sequence], in: ComputeContext())
      apart.tokens += one.tokens
      apart.negativeLogLikelihood += one.negativeLogLikelihood
    }
    #expect(together.tokens == 1029 && apart.tokens == 1029)
    expectClose(together.value, apart.value, absolute: 1e-9)
    // A cache that is cut goes on from there.
    caches[3].truncate(to: 10)
    let again = try decoder.lastStates(
      of: [Array(sequences[3][10...])], caches: [caches[3]], in: ComputeContext())
    #expect(again.values == Array(last.values[3 * 32..<4 * 32]))
  }
}
