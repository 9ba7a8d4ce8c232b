import Basics
public import Models

/// What a language model is pre-trained on: texts with a vocabulary that was learnt from them.
public struct PretrainingText: Sendable {
  /// Learnt from the texts to train on only.
  public let vocabulary: TrainedVocabulary
  /// The tokenizer of the vocabulary.
  public let tokenizer: any Tokenizer
  /// Blocks to train on; every token but the first of each is learnt.
  public let training: [MaskedTokens]
  /// Blocks of texts that are held out.
  public let heldOut: [MaskedTokens]

  /// Splits the texts, learns a vocabulary and cuts blocks.
  ///
  /// - Parameters:
  ///   - texts: Plain text; equal ones stay on one side.
  ///   - share: Share of the texts that is held out.
  ///   - seed: Decides which.
  ///   - vocabularySize: Tokens of the vocabulary.
  ///   - blockSize: Tokens of a block, 2 or more.
  /// - Throws: `UsageError` for a vocabulary or blocks of a size that cannot be; `InputError` if the texts do not
  ///   fill two blocks to train on and one held out.
  public init(
    _ texts: [String], heldOut share: Double, seed: UInt64, vocabularySize: Int, blockSize: Int
  ) throws {
    guard blockSize >= 2 else {
      throw UsageError("blocks of \(blockSize) tokens: expected 2 or more")
    }
    let split = ExampleSplit(texts.map { [$0] }, heldOut: share, seed: seed)
    var trainer = try BPETrainer(vocabularySize: vocabularySize)
    for number in split.training { trainer.add(texts[number]) }
    vocabulary = trainer.train()
    let tokenizer = try vocabulary.tokenizer()
    self.tokenizer = tokenizer
    func blocks(_ numbers: [Int]) -> [MaskedTokens] {
      Self.blocks(of: numbers.lazy.map { texts[$0] }, tokenizer, size: blockSize)
    }
    training = blocks(split.training)
    heldOut = blocks(split.heldOut)
    guard training.count >= 2, !heldOut.isEmpty else {
      throw InputError(
        "\(texts.count) texts fill \(training.count) blocks of \(blockSize) tokens to train on and"
          + " \(heldOut.count) held out, expected 2 and 1 or more")
    }
  }

  /// Texts one behind the other, each with the token that ends it, cut into blocks. What does not fill
  /// the last block is left out.
  private static func blocks(
    of texts: some Sequence<String>, _ tokenizer: any Tokenizer, size: Int
  ) -> [MaskedTokens] {
    var blocks: [MaskedTokens] = []
    var rest: [Int32] = []
    for text in texts {
      rest += tokenizer.encodeWithoutTemplate(text, maximumTokens: nil).ids
      if let end = tokenizer.specialTokens.eos { rest.append(end) }
      var start = 0
      while rest.count - start >= size {
        blocks.append(MaskedTokens(completion: Array(rest[start..<start + size])))
        start += size
      }
      rest.removeFirst(start)
    }
    return blocks
  }
}
