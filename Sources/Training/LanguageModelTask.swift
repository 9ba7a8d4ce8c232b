public import Models
public import Tensors

/// A language model that learns the completions of its examples, token by token.
///
/// The loss of an example is the mean over its own learnt tokens, which is what privacy for each record
/// needs; weighted by their number, a batch's loss is the mean over all of them.
public final class LanguageModelTask: TrainingTask {
  private let decoder: TrainableDecoder
  /// The decoder's, or those of its adapter.
  public let parameters: [Parameter]

  /// A task.
  ///
  /// - Parameters:
  ///   - decoder: predicts.
  ///   - adapter: what is trained in place of the decoder; nil: the decoder itself.
  public init(_ decoder: TrainableDecoder, adapter: LoRAAdapter? = nil) {
    self.decoder = decoder
    parameters = adapter?.parameters ?? decoder.parameters
  }

  /// Mean losses of the examples, in nats.
  public func losses(of examples: [MaskedTokens], on tape: Tape) -> Variable {
    decoder.exampleLosses(of: examples, on: tape)
  }

  /// The number of learnt tokens.
  public func weight(of example: MaskedTokens) -> Double { Double(example.predictedCount) }
}
