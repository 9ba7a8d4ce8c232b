import Basics
import Models
import Tensors

/// Writes on from prompts of held-out examples, so that a person sees what training changed.
struct SampleWriter {
  /// A prompt as text, and what the example has in its place.
  struct Prompt {
    var tokens: [Int32]
    var text: String
    var reference: String
  }

  /// Tokens of a prompt that has none of its own.
  private static let openingTokens = 16
  private static let count = 3
  private static let length = 48

  let prompts: [Prompt]
  private let text: TokenDecoder

  init(_ tokenizer: any Tokenizer, _ examples: [MaskedTokens]) throws {
    guard let text = tokenizer.decoder else {
      throw InputError("the tokenizer cannot turn tokens into text")
    }
    self.text = text
    prompts = examples.prefix(Self.count).map { example in
      let own = example.isCompletion.firstIndex(of: true) ?? 0
      let end = own > 0 ? own : min(Self.openingTokens, example.ids.count - 1)
      return Prompt(
        tokens: Array(example.ids.prefix(end)), text: text.text(example.ids.prefix(end)),
        reference: text.text(example.ids.dropFirst(end).prefix(Self.length)))
    }
  }

  /// The most probable continuations.
  func samples(of decoder: TrainableDecoder, in context: ComputeContext) throws -> [String] {
    let generator = Generator(decoder: try TransformerDecoder(decoder.weights), text: text)
    return try generator.write(
      from: prompts.map(\.tokens), .init(maximumTokens: Self.length), in: context
    ).map(\.text)
  }
}
