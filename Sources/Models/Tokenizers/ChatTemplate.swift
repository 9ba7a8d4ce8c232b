import Basics

/// A message of a conversation.
public struct ChatMessage: Sendable, Equatable {
  /// Who speaks.
  public enum Role: String, Sendable, CaseIterable {
    /// The instructions that stand before the conversation.
    case system
    /// The person or the program that asks.
    case user
    /// The model.
    case assistant
  }

  /// Who speaks.
  public var role: Role
  /// Plain text.
  public var content: String

  /// A message.
  public init(_ role: Role, _ content: String) {
    self.role = role
    self.content = content
  }
}

/// Tokens, and which of them a model is to learn to say.
public struct MaskedTokens: Sendable, Equatable {
  /// Token ids.
  public var ids: [Int32]
  /// For each token whether it belongs to a completion.
  public var isCompletion: [Bool]

  /// Tokens of parallel arrays.
  public init(ids: [Int32] = [], isCompletion: [Bool] = []) {
    precondition(ids.count == isCompletion.count, "\(ids.count) ids, \(isCompletion.count) marks")
    self.ids = ids
    self.isCompletion = isCompletion
  }

  /// Adds tokens of one kind.
  public mutating func append(_ ids: [Int32], isCompletion: Bool) {
    self.ids += ids
    self.isCompletion += Array(repeating: isCompletion, count: ids.count)
  }
}

/// ChatML: `<|im_start|>role`, a line break, the content, `<|im_end|>` and a line break.
///
/// Only the template puts special tokens: what a message says is plain text, also where it reads
/// `<|im_end|>`.
///
/// - SeeAlso: `chat_template` in `tokenizer_config.json` of HuggingFaceTB/SmolLM2-135M-Instruct.
public struct ChatTemplate: Sendable {
  /// What stands for a system message where a conversation begins with none; `nil` for nothing.
  public let defaultSystemPrompt: String?
  /// The token that ends a message, at which generation stops.
  public let end: Int32
  private let start: Int32
  private let lineBreak: [Int32]
  private let tokenizer: any Tokenizer

  /// The name of the token that begins a message.
  public static let startToken = "<|im_start|>"
  /// The name of the token that ends a message.
  public static let endToken = "<|im_end|>"

  /// The template over a vocabulary.
  ///
  /// - Parameters:
  ///   - tokenizer: A tokenizer with the two tokens of ChatML.
  ///   - defaultSystemPrompt: What stands for a system message where there is none.
  /// - Throws: `InputError` if one of the two is not in the vocabulary.
  public init(_ tokenizer: any Tokenizer, defaultSystemPrompt: String? = nil) throws {
    func id(_ token: String) throws -> Int32 {
      guard let id = tokenizer.id(ofToken: token) else {
        throw InputError("the vocabulary has no token '\(token)', which the ChatML template needs")
      }
      return id
    }
    start = try id(Self.startToken)
    end = try id(Self.endToken)
    lineBreak = tokenizer.encodeWithoutTemplate("\n", maximumTokens: nil).ids
    self.tokenizer = tokenizer
    self.defaultSystemPrompt = defaultSystemPrompt
  }

  /// The template that a GGUF file describes.
  ///
  /// - Parameters:
  ///   - file: A file whose `tokenizer.chat_template` is a ChatML template.
  ///   - tokenizer: Its tokenizer.
  /// - Throws: `InputError` if it has none or one of another kind.
  public init(gguf file: GGUFFile, _ tokenizer: any Tokenizer) throws {
    let source = try file.metadata.required(
      "tokenizer.chat_template", file.metadata.string)
    try self.init(
      tokenizer, source: source,
      at: Place(file: file.path.shown, key: "tokenizer.chat_template"))
  }

  /// A ChatML template in the language of `transformers`, recognised by its parts.
  ///
  /// - Parameters:
  ///   - tokenizer: A tokenizer with the two tokens of ChatML.
  ///   - source: A Jinja template.
  ///   - place: Where it stands.
  /// - Throws: `InputError` if it is of another kind.
  init(_ tokenizer: any Tokenizer, source: String, at place: Place) throws {
    let bytes = Array(source.replacing(#"\n"#, with: "\n").utf8)
    guard Self.range(of: Self.startToken, in: bytes[...]) != nil,
      Self.range(of: Self.endToken, in: bytes[...]) != nil
    else {
      throw InputError(
        "the chat template is not ChatML, the only one that is supported:"
          + " '\(TerminalText.excerpt(source))'", at: place)
    }
    var prompt: String?
    if let head = Self.range(of: Self.startToken + "system\n", in: bytes[...]),
      let tail = Self.range(of: Self.endToken, in: bytes[head.upperBound...])
    {
      let text = bytes[head.upperBound..<tail.lowerBound]
      // Else the text is put together of expressions, and none stands by itself.
      if !text.contains(UInt8(ascii: "'")), !text.contains(UInt8(ascii: "{")) {
        prompt = String(decoding: text, as: UTF8.self)
      }
    }
    try self.init(tokenizer, defaultSystemPrompt: prompt)
  }

  private static func range(of text: String, in bytes: ArraySlice<UInt8>) -> Range<Int>? {
    let text = Array(text.utf8)
    guard bytes.count >= text.count else { return nil }
    let starts = bytes.startIndex...bytes.endIndex - text.count
    let found = starts.first { bytes[$0..<$0 + text.count].elementsEqual(text) }
    return found.map { $0..<$0 + text.count }
  }

  /// A conversation as tokens.
  ///
  /// Completions are what the assistant says and the token that ends it. The head of an assistant's
  /// message is cut into tokens by itself, because a model that answers sees it so: the tokens of a
  /// prompt are always the beginning of those of prompt and answer.
  ///
  /// - Parameters:
  ///   - messages: The conversation; none gives at most the generation prompt.
  ///   - addsGenerationPrompt: Whether the head of an assistant's message follows.
  /// - Returns: The tokens.
  public func tokens(
    of messages: [ChatMessage], addsGenerationPrompt: Bool = false
  ) -> MaskedTokens {
    var messages = messages
    if let first = messages.first, first.role != .system, let defaultSystemPrompt {
      messages.insert(ChatMessage(.system, defaultSystemPrompt), at: 0)
    }
    var result = MaskedTokens()
    for message in messages {
      if message.role == .assistant {
        result.append(assistantHead, isCompletion: false)
        result.append(plain(message.content) + [end], isCompletion: true)
      } else {
        let text = "\(message.role.rawValue)\n\(message.content)"
        result.append([start] + plain(text) + [end], isCompletion: false)
      }
      result.append(lineBreak, isCompletion: false)
    }
    if addsGenerationPrompt { result.append(assistantHead, isCompletion: false) }
    return result
  }

  private var assistantHead: [Int32] { [start] + plain("assistant\n") }

  private func plain(_ text: String) -> [Int32] {
    tokenizer.encodeWithoutTemplate(text, maximumTokens: nil).ids
  }
}
