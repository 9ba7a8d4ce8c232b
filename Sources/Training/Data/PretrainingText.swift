import Basics
public import Models

/// What a language model is pre-trained on: texts as tokens of a vocabulary.
public struct PretrainingText: Sendable {
  /// Where the vocabulary comes from.
  public enum Vocabulary {
    /// So many tokens, learnt from the texts to train on.
    case learnt(size: Int)
    /// That of a model.
    case given(any Tokenizer)
  }

  /// What was learnt from the texts to train on; nil: the vocabulary was given.
  public let vocabulary: TrainedVocabulary?
  /// The tokenizer of the vocabulary.
  public let tokenizer: any Tokenizer
  /// Blocks to train on; every token but the first of each is learnt.
  public let training: [MaskedTokens]
  /// Blocks of texts that are held out.
  public let heldOut: [MaskedTokens]

  /// Learns a vocabulary and cuts blocks.
  ///
  /// - Parameters:
  ///   - training: Plain texts to train on.
  ///   - heldOut: Texts to measure on.
  ///   - vocabulary: Where the vocabulary comes from.
  ///   - blockSize: Tokens of a block, 2 or more.
  ///   - keepsTextsApart: Whether a block is the beginning of one text, as private records must be, in the
  ///     place of what fills it of texts one behind the other.
  /// - Throws: `UsageError` for a vocabulary or blocks of a size that cannot be; `InputError` if the texts do not
  ///   fill two blocks to train on and one held out.
  public init(
    training: [String], heldOut: [String], vocabulary: Vocabulary, blockSize: Int,
    keepsTextsApart: Bool = false
  ) throws {
    guard blockSize >= 2 else {
      throw UsageError("blocks of \(blockSize) tokens: expected 2 or more")
    }
    let tokenizer: any Tokenizer
    switch vocabulary {
    case .given(let given): (tokenizer, self.vocabulary) = (given, nil)
    case .learnt(let size):
      var trainer = try BPETrainer(vocabularySize: size)
      for text in training { trainer.add(text) }
      let learnt = trainer.train()
      (tokenizer, self.vocabulary) = (try learnt.tokenizer(), learnt)
    }
    self.tokenizer = tokenizer
    func blocks(_ texts: [String]) -> [MaskedTokens] {
      keepsTextsApart
        ? texts.compactMap { Self.beginning(of: $0, tokenizer, size: blockSize) }
        : Self.blocks(of: texts, tokenizer, size: blockSize)
    }
    self.training = blocks(training)
    self.heldOut = blocks(heldOut)
    guard self.training.count >= 2, !self.heldOut.isEmpty else {
      throw InputError(
        "\(training.count + heldOut.count) texts fill \(self.training.count) blocks of \(blockSize)"
          + " tokens to train on and \(self.heldOut.count) held out, expected 2 and 1 or more")
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

  /// A text with the token that ends it, cut.
  ///
  /// - Returns: nil for a text without two tokens.
  public static func beginning(
    of text: String, _ tokenizer: any Tokenizer, size: Int
  ) -> MaskedTokens? {
    var ids = tokenizer.encodeWithoutTemplate(text, maximumTokens: nil).ids
    if let end = tokenizer.specialTokens.eos { ids.append(end) }
    return ids.count < 2 ? nil : MaskedTokens(completion: Array(ids.prefix(size)))
  }
}
