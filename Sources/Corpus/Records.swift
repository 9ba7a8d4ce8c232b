public import Basics

/// A document as it is retrieved: one row of `passages.jsonl`.
public struct Passage: Sendable, Equatable {
  /// Identifier, compared by bytes and unique in its corpus.
  public var id: String
  /// Title, empty if there is none.
  public var title: String
  /// Body; may be empty or hold nothing that can be embedded.
  public var text: String
  /// Whatever else the source says, `_id`, `title` and `text` excepted.
  public var metadata: JSONObject

  /// A passage.
  public init(id: String, title: String = "", text: String, metadata: JSONObject = JSONObject()) {
    self.id = id
    self.title = title
    self.text = text
    self.metadata = metadata
  }

  /// Title, separator and text, or the text alone when the title is empty.
  ///
  /// - Parameter separator: The corpus's ``CorpusBundle/titleSeparator``.
  /// - Returns: The text that is embedded.
  public func fullText(separator: String) -> String {
    title.isEmpty ? text : title + separator + text
  }

  /// Equality by bytes, where `String` would compare by canonical equivalence.
  public static func == (left: Passage, right: Passage) -> Bool {
    utf8Equal(left.id, right.id) && utf8Equal(left.title, right.title)
      && utf8Equal(left.text, right.text) && left.metadata == right.metadata
  }
}

/// A question, with what its answer is judged by.
public struct Query: Sendable, Equatable {
  /// Identifier, compared by bytes and unique in its set.
  public var id: String
  /// The question without its options.
  public var text: String
  /// The answers to choose from, in the order of the source; empty for an open question.
  public var options: [AnswerOption]
  /// The label of the right option, or the answer itself if there are no options.
  public var answer: String?
  /// Identifiers of the passages that answer the question, all of them in the corpus.
  public var goldPassages: [String]
  /// Whatever else the source says, `rationale` for one.
  public var metadata: JSONObject

  /// A question.
  public init(
    id: String, text: String, options: [AnswerOption] = [], answer: String? = nil,
    goldPassages: [String] = [], metadata: JSONObject = JSONObject()
  ) {
    self.id = id
    self.text = text
    self.options = options
    self.answer = answer
    self.goldPassages = goldPassages
    self.metadata = metadata
  }

  /// The question followed by its options, one a line as `A. text`.
  public var textWithOptions: String {
    ([text] + options.map { "\($0.label). \($0.text)" }).joined(separator: "\n")
  }
}

/// One of the answers to choose from.
public struct AnswerOption: Sendable, Equatable {
  /// `A`, `B`, …
  public var label: String
  /// The answer.
  public var text: String

  /// An option.
  public init(label: String, text: String) {
    self.label = label
    self.text = text
  }
}

/// A piece of targeted information: what an attacker wants to appear among the retrieved.
public struct Payload: Sendable, Equatable {
  /// Identifier, unique in its kind.
  public var id: String
  /// `pii`, `diag`, `web`, …
  public var kind: String
  /// The text.
  public var text: String

  /// A payload.
  public init(id: String, kind: String, text: String) {
    self.id = id
    self.kind = kind
    self.text = text
  }
}
