import Basics
public import Models

/// Token sequences for supervised fine-tuning: which tokens a model reads, and which it learns.
///
/// Learnt are the tokens of completions: all of a text, what follows a prompt, or what the assistant
/// says in a conversation, each with the token that ends it.
public struct FineTuningExamples: Sendable {
  /// The sequences; each has a token to be learnt after its first one.
  public let sequences: [MaskedTokens]
  /// Records that were cut to the limit.
  public let cutCount: Int
  /// Records left out because nothing to be learnt was within the limit.
  public let emptyCount: Int

  /// Turns records into tokens.
  ///
  /// Texts, prompts and completions are plain text for the tokenizer: only its template, the chat
  /// template and the end token put special tokens. Prompt and completion are cut into tokens apart,
  /// as a prompt is when a model answers it.
  ///
  /// - Parameters:
  ///   - records: Records of any formats.
  ///   - tokenizer: The model's, with a token that ends a text.
  ///   - template: The model's chat template; `nil` refuses conversations.
  ///   - maximumTokens: Tokens after which a sequence is cut, 2 or more.
  ///   - learnsPrompts: Whether prompts are learnt too.
  /// - Throws: `InputError` if the tokenizer has no end token, a conversation meets no template, or
  ///   nothing to be learnt is left.
  public init(
    _ records: [FineTuningRecord], tokenizer: any Tokenizer, template: ChatTemplate?,
    maximumTokens: Int, learnsPrompts: Bool = false
  ) throws {
    precondition(maximumTokens >= 2, "sequences of at most \(maximumTokens) tokens")
    let renderer = try RecordRenderer(tokenizer, template)
    var sequences: [MaskedTokens] = []
    var (cut, empty) = (0, 0)
    for record in records {
      var tokens = try renderer.tokens(of: record)
      if learnsPrompts {
        tokens.isCompletion = Array(repeating: true, count: tokens.ids.count)
      }
      if tokens.ids.count > maximumTokens {
        cut += 1
        tokens = MaskedTokens(
          ids: Array(tokens.ids.prefix(maximumTokens)),
          isCompletion: Array(tokens.isCompletion.prefix(maximumTokens)))
      }
      // Nothing comes before the first token from which it could be foretold.
      if tokens.isCompletion.dropFirst().contains(true) {
        sequences.append(tokens)
      } else {
        empty += 1
      }
    }
    guard !sequences.isEmpty else {
      throw InputError(
        "none of \(records.count) examples has a completion within \(maximumTokens) tokens")
    }
    self.sequences = sequences
    cutCount = cut
    emptyCount = empty
  }
}

/// Turns one record into tokens.
private struct RecordRenderer {
  private let tokenizer: any Tokenizer
  private let template: ChatTemplate?
  private let begin: [Int32]
  private let end: Int32

  init(_ tokenizer: any Tokenizer, _ template: ChatTemplate?) throws {
    guard let end = tokenizer.specialTokens.eos else {
      throw InputError("the tokenizer names no token that ends a text ('eos_token')")
    }
    self.tokenizer = tokenizer
    self.template = template
    self.end = end
    // What the tokenizer's own template puts first, if anything.
    let added = tokenizer.encode("").ids
    begin = added.first.map { $0 == tokenizer.specialTokens.bos && $0 != end ? [$0] : [] } ?? []
  }

  func tokens(of record: FineTuningRecord) throws -> MaskedTokens {
    var tokens = MaskedTokens()
    switch record {
    case .text(let text):
      tokens.append(begin, isCompletion: false)
      tokens.append(plain(text) + [end], isCompletion: true)
    case .completion(let prompt, let completion):
      tokens.append(begin + plain(prompt), isCompletion: false)
      tokens.append(plain(completion) + [end], isCompletion: true)
    case .conversation(let messages):
      tokens = try chat().tokens(of: messages)
    case .answer(let prompt, let completion):
      let template = try chat()
      let read = template.tokens(of: prompt, addsGenerationPrompt: true).ids
      tokens = template.tokens(of: prompt + completion)
      precondition(tokens.ids.starts(with: read), "the prompt does not begin the conversation")
      for index in read.indices { tokens.isCompletion[index] = false }
    }
    return tokens
  }

  private func chat() throws -> ChatTemplate {
    guard let template else {
      throw InputError("the examples hold conversations, and the model has no chat template")
    }
    return template
  }

  private func plain(_ text: String) -> [Int32] {
    tokenizer.encodeWithoutTemplate(text, maximumTokens: nil).ids
  }
}
