public import Tensors

extension MaskedTokens {
  /// A prompt and the completion that is learned; without a prompt the whole text is.
  public init(prompt: [Int32] = [], completion: [Int32]) {
    self.init()
    append(prompt, isCompletion: false)
    append(completion, isCompletion: true)
  }

  /// Tokens whose loss counts: those of completions, without the text's first, which nothing stands
  /// before.
  public var predictedCount: Int { isCompletion.dropFirst().reduce(0) { $0 + ($1 ? 1 : 0) } }
}

extension TrainableDecoder {
  /// Losses of the learned tokens, in nats: sequences one behind the other, rows that nothing is
  /// learned from left out before the head, which is the largest product.
  ///
  /// - Parameters:
  ///   - examples: none longer than the context, ids within the vocabulary.
  ///   - tape: where it runs.
  /// - Returns: `[learned tokens, 1]`; its packing has one sequence for each example, whose rows are
  ///   the example's learned tokens in order.
  public func tokenLosses(of examples: [MaskedTokens], on tape: Tape) -> Variable {
    let states = states(
      from: embeddings(of: examples.map(\.ids), on: tape), on: tape)
    var rows: [Int] = []
    var targets: [Int] = []
    var start = 0
    for example in examples {
      for place in example.ids.indices.dropFirst() where example.isCompletion[place] {
        rows.append(start + place - 1)
        targets.append(Int(example.ids[place]))
      }
      start += example.ids.count
    }
    let kept = tape.gather(
      states, rows: rows, packing: Packing(lengths: examples.map(\.predictedCount)))
    return losses(of: targets, after: kept, on: tape)
  }

  /// The mean loss of each example over its own learned tokens, as privacy for each record needs it.
  ///
  /// - Parameters:
  ///   - examples: none longer than the context, ids within the vocabulary.
  ///   - tape: where it runs.
  /// - Returns: `[examples, 1]`, in nats, each row an example; 0 without learned tokens. How many there
  ///   are is ``MaskedTokens/predictedCount``.
  public func exampleLosses(of examples: [MaskedTokens], on tape: Tape) -> Variable {
    tape.meanPool(tokenLosses(of: examples, on: tape))
  }

  /// The mean loss over all learned tokens of a batch, as supervised fine-tuning and pre-training have
  /// it.
  ///
  /// - Parameters:
  ///   - examples: none longer than the context; one token at least is learned.
  ///   - tape: where it runs.
  /// - Returns: a scalar, in nats.
  public func meanLoss(of examples: [MaskedTokens], on tape: Tape) -> Variable {
    tape.mean(tokenLosses(of: examples, on: tape))
  }
}
