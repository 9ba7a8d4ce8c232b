public import Basics

/// The variants of the concatenation attack.
public struct ConcatenationParameters: Sendable, Equatable {
  /// What stands first.
  public enum Order: String, Sendable, CaseIterable {
    /// `q ⊕ t`.
    case queryFirst = "query-first"
    /// `t ⊕ q`.
    case payloadFirst = "payload-first"
    /// The query between two parts of the payload.
    case queryInMiddle = "query-in-middle"
  }

  /// Which payloads several documents of one query carry.
  public enum CopyPayloads: String, Sendable, CaseIterable {
    /// Each another one, as far as there are enough.
    case distinct
    /// All the same.
    case same
  }

  /// Where a query's payloads come from.
  public enum PayloadChoice: String, Sendable, CaseIterable {
    /// All payloads, in a seeded order of the query's own.
    case assigned
    /// The payloads with ids `query-1`, `query-2`, … where there are any, else as `assigned`.
    case ownFirst = "own-first"
  }

  /// Where the payload stands relative to what the encoder sees.
  public enum Placement: String, Sendable, CaseIterable {
    /// Right behind the query.
    case visible
    /// Behind the encoder's truncation limit, which repetitions of the query or the clean passage
    /// fill.
    case beyondLimit = "beyond-limit"
  }

  /// The field that holds the query.
  public enum Field: String, Sendable, CaseIterable {
    /// The body, together with the payload; the title stays empty.
    case text
    /// The title; the payload is the body.
    case title
  }

  /// What stands between query and payload to look like a clean document.
  public enum Padding: String, Sendable, CaseIterable {
    /// Nothing.
    case none
    /// A clean passage: `q ⊕ c ⊕ t`.
    case cleanPassage = "clean-passage"
  }

  /// What is written instead of the query's own words.
  public enum Paraphrasing: String, Sendable, CaseIterable {
    /// Nothing: the query verbatim.
    case none
    /// What ``RuleParaphraser`` makes of it.
    case rules
    /// A paraphrase made elsewhere.
    case external
  }

  /// What joins the parts; any text without NUL.
  public var separator = " "
  /// What stands first.
  public var order = Order.queryFirst
  /// How often the query is written, joined by the separator.
  public var repetitions = 1
  /// The query is cut to this many tokens; `nil` keeps all.
  public var queryTokens: Int?
  /// Documents for a query.
  public var copies = 1
  /// Which payloads they carry.
  public var copyPayloads = CopyPayloads.distinct
  /// Where the payloads come from.
  public var payloadChoice = PayloadChoice.assigned
  /// The payload's exact length in tokens; `nil` takes it as it is.
  public var payloadTokens: Int?
  /// Where the payload stands relative to what the encoder sees.
  public var placement = Placement.visible
  /// Whether the answer options are part of the query.
  public var includesOptions = false
  /// The field that holds the query.
  public var field = Field.text
  /// What stands between query and payload.
  public var padding = Padding.none
  /// The clean passage is cut to this many tokens; `nil` keeps all.
  public var paddingTokens: Int?
  /// What is written instead of the query's own words.
  public var paraphrasing = Paraphrasing.none

  /// One document a query: the query, a space, the payload.
  public init() {}

  /// The greatest number of copies and of repetitions.
  public static let maximumCount = 1000
  /// The greatest number of tokens that may be asked for.
  public static let maximumTokens = 100_000

  /// Reads parameters over those of another set.
  ///
  /// - Parameters:
  ///   - object: Values by name; `null` stands for no limit.
  ///   - defaults: What is not named stays as it is here.
  /// - Throws: `UsageError` for an unknown name, a wrong value, or values that exclude each other.
  public init(
    _ object: JSONObject, over defaults: ConcatenationParameters = ConcatenationParameters()
  ) throws {
    self = defaults
    let values = ParameterValues(object, names: Self.help.map(\.name))
    try values.checkNames()
    separator = try values.text("separator") ?? separator
    order = try values.choice("order") ?? order
    repetitions = try values.count("repetitions", to: Self.maximumCount) ?? repetitions
    queryTokens = try values.limit("query_tokens", to: Self.maximumTokens, else: queryTokens)
    copies = try values.count("copies", to: Self.maximumCount) ?? copies
    copyPayloads = try values.choice("copy_payloads") ?? copyPayloads
    payloadChoice = try values.choice("payload_choice") ?? payloadChoice
    payloadTokens = try values.limit("payload_tokens", to: Self.maximumTokens, else: payloadTokens)
    placement = try values.choice("placement") ?? placement
    includesOptions = try values.flag("options") ?? includesOptions
    field = try values.choice("field") ?? field
    padding = try values.choice("padding") ?? padding
    paddingTokens = try values.limit("padding_tokens", to: Self.maximumTokens, else: paddingTokens)
    paraphrasing = try values.choice("paraphrase") ?? paraphrasing
    try check()
  }

  /// All parameters by name.
  public var json: JSONObject {
    [
      "separator": .string(separator), "order": .string(order.rawValue),
      "repetitions": JSONValue(repetitions),
      "query_tokens": queryTokens.map { JSONValue($0) } ?? .null,
      "copies": JSONValue(copies), "copy_payloads": .string(copyPayloads.rawValue),
      "payload_choice": .string(payloadChoice.rawValue),
      "payload_tokens": payloadTokens.map { JSONValue($0) } ?? .null,
      "placement": .string(placement.rawValue), "options": .bool(includesOptions),
      "field": .string(field.rawValue), "padding": .string(padding.rawValue),
      "padding_tokens": paddingTokens.map { JSONValue($0) } ?? .null,
      "paraphrase": .string(paraphrasing.rawValue),
    ]
  }

  /// Whether a ``TokenMeter`` is needed.
  var countsTokens: Bool {
    queryTokens != nil || payloadTokens != nil || paddingTokens != nil || placement == .beyondLimit
  }

  /// Refuses values that exclude each other; a caller that sets properties is checked at the attack.
  func check() throws {
    guard !separator.utf8.contains(0) else {
      throw UsageError("separator: NUL (U+0000) is not accepted")
    }
    if order != .queryFirst {
      if field == .title {
        throw UsageError("order: '\(order.rawValue)' and field 'title' exclude each other")
      }
      if placement == .beyondLimit {
        throw UsageError(
          "order: '\(order.rawValue)' and placement 'beyond-limit' exclude each other")
      }
    }
    if paddingTokens != nil, padding == .none {
      throw UsageError("padding_tokens: there is no padding to cut; set padding")
    }
    for (name, value) in [("repetitions", repetitions), ("copies", copies)]
    where !(1...Self.maximumCount).contains(value) {
      throw UsageError("\(name): expected 1 to \(Self.maximumCount), found \(value)")
    }
  }

  static let help: [AttackMetadata.Parameter] = [
    .init("separator", "any text", "what joins the parts"),
    .init("order", Order.listing, "where the query stands"),
    .init("repetitions", "1 to 1000", "how often the query is written"),
    .init("query_tokens", "number or null", "cut the query to its first tokens"),
    .init("copies", "1 to 1000", "documents for a query"),
    .init("copy_payloads", CopyPayloads.listing, "which payloads the copies carry"),
    .init("payload_choice", PayloadChoice.listing, "where a query's payloads come from"),
    .init("payload_tokens", "number or null", "cut or extend the payload to this length"),
    .init("placement", Placement.listing, "whether the encoder sees the payload"),
    .init("options", "true, false", "whether the answer options belong to the query"),
    .init("field", Field.listing, "the field that holds the query"),
    .init("padding", Padding.listing, "what stands between query and payload"),
    .init("padding_tokens", "number or null", "cut the clean passage to its first tokens"),
    .init("paraphrase", Paraphrasing.listing, "what is written instead of the query's own words"),
  ]
}
