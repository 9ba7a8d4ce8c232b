import Basics
public import Models
public import SystemPackage

/// An example for supervised fine-tuning of a generator, in one of the formats of TRL.
///
/// - SeeAlso: huggingface/trl, `docs/source/dataset_formats.md`.
public enum FineTuningRecord: Sendable, Equatable {
  /// `{"text": …}`: text to be continued.
  case text(String)
  /// `{"prompt": …, "completion": …}`: the completion brings its own leading space.
  case completion(prompt: String, completion: String)
  /// `{"messages": [{"role": …, "content": …}, …]}`: a conversation.
  case conversation([ChatMessage])
  /// `{"prompt": [ … ], "completion": [ … ]}`: a conversation and how it goes on.
  case answer(prompt: [ChatMessage], completion: [ChatMessage])

  /// What is asked first, or the whole text: examples that share it stay on one side of a split.
  public var question: String {
    switch self {
    case .text(let text): text
    case .completion(let prompt, _): prompt
    case .conversation(let messages), .answer(let messages, _):
      (messages.first { $0.role == .user } ?? messages.first)?.content ?? ""
    }
  }
}

extension TrainingRecords {
  /// Examples for supervised fine-tuning, each line in a format of its own.
  ///
  /// - Parameter path: A JSON Lines file, plain or gzip.
  /// - Returns: The examples, at least one.
  /// - Throws: `InputError` with file and line at the first one that has none of the formats or more
  ///   than one, an unknown role, an empty text or nothing that an assistant says; `FileError`.
  public static func fineTuning(_ path: FilePath) throws -> [FineTuningRecord] {
    try read(path) { object, place in try fineTuningRecord(object, at: place) }
  }

  private static func fineTuningRecord(
    _ object: JSONObject, at place: Place
  ) throws -> FineTuningRecord {
    let found = ["text", "messages", "prompt"].filter { object[$0] != nil }
    guard found.count == 1, let format = found.first else {
      throw InputError(
        "expected one of 'text', 'messages', or 'prompt' with 'completion', found"
          + " \(found.isEmpty ? "none" : found.map { "'\($0)'" }.joined(separator: " and "))",
        at: place)
    }
    switch format {
    case "text": return .text(try text("text", of: object, at: place))
    case "messages":
      let messages = try messages("messages", of: object, at: place)
      try requireAnswer(in: messages, "messages", at: place)
      return .conversation(messages)
    default:
      guard object["prompt"]?.arrayValue != nil else {
        return .completion(
          prompt: try text("prompt", of: object, at: place),
          completion: try text("completion", of: object, at: place))
      }
      let completion = try messages("completion", of: object, at: place)
      try requireAnswer(in: completion.prefix(1), "completion", at: place)
      return .answer(
        prompt: try messages("prompt", of: object, at: place), completion: completion)
    }
  }

  private static func messages(
    _ key: String, of object: JSONObject, at place: Place
  ) throws -> [ChatMessage] {
    let messages = try object.objects(key, at: place).enumerated().map { index, message in
      let inner = place.inside(key).inside(String(index))
      let name = try message.string("role", at: inner)
      guard let role = ChatMessage.Role(rawValue: name) else {
        let known = ChatMessage.Role.allCases.map(\.rawValue).joined(separator: ", ")
        throw InputError(
          "'\(key).\(index).role': expected one of \(known), found '\(TerminalText.excerpt(name))'",
          at: place)
      }
      let content = try message.string("content", at: inner)
      // A system message may be empty: it takes the place of the default one.
      if role != .system || content.utf8.contains(0) {
        try check(content, "\(key).\(index).content", at: place)
      }
      return ChatMessage(role, content)
    }
    guard !messages.isEmpty else { throw InputError("'\(key)' has no message", at: place) }
    return messages
  }

  private static func requireAnswer(
    in messages: some Sequence<ChatMessage>, _ key: String, at place: Place
  ) throws {
    guard messages.contains(where: { $0.role == .assistant }) else {
      let fault = key == "completion" ? "does not begin with" : "has no"
      throw InputError("'\(key)' \(fault) a message of the assistant", at: place)
    }
  }
}
