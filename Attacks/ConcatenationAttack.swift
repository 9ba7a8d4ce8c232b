public import Basics
public import Corpus
import Tensors

/// Universal poisoning by concatenation: a document is the target query followed by the payload.
///
/// The document keeps almost the whole similarity of the query to itself, because the embeddings
/// of query and payload are nearly orthogonal; nothing of the retriever need be known.
///
/// - SeeAlso: Xian et al. 2025, "On the vulnerability of applying retrieval-augmented generation
///   within knowledge-intensive application domains", section 3; arXiv 2409.17275.
public struct ConcatenationAttack: Attack {
  /// What it is, whose it is, what it needs.
  public static let metadata = AttackMetadata(
    name: "concatenation", title: "universal poisoning by concatenation", version: 1,
    paper: "Xian et al., On the Vulnerability of Applying Retrieval-Augmented Generation within "
      + "Knowledge-Intensive Application Domains, ICML 2025",
    arXiv: "2409.17275", access: .blackBox, documentsPerQuery: 1,
    description: "Writes the target query followed by the payload, without any knowledge of the "
      + "retriever; separators, order, lengths, copies, padding and paraphrase are parameters.",
    parameters: ConcatenationParameters.help)

  /// The variant.
  public let variant: ConcatenationParameters
  private let identity: AttackMetadata

  /// An attack with parameters by name.
  ///
  /// - Parameter parameters: Values; those left out have their defaults.
  /// - Throws: `UsageError` for an unknown name or a value out of range.
  public init(parameters: JSONObject) throws {
    try self.init(ConcatenationParameters(parameters))
  }

  /// An attack of a variant.
  ///
  /// - Parameter variant: The parameters.
  /// - Throws: `UsageError` for values that are out of range or exclude each other.
  public init(_ variant: ConcatenationParameters) throws {
    try self.init(variant, as: Self.metadata)
  }

  /// The same construction under the name of another paper.
  init(_ variant: ConcatenationParameters, as identity: AttackMetadata) throws {
    try variant.check()
    self.variant = variant
    self.identity = identity
  }

  /// All parameters with the values in force.
  public var parameters: JSONObject { variant.json }
  /// The number of documents written for one target query.
  public var documentsPerQuery: Int { variant.copies }

  /// Writes the poisoned documents; makes no use of the encoder.
  ///
  /// - Parameters:
  ///   - targets: The queries to be poisoned, with distinct ids.
  ///   - payloads: What the attacker wants to appear among the retrieved.
  ///   - seed: Decides which query carries which payload, and paraphrases by rules.
  ///   - surroundings: The tokens, clean passages and paraphrases that the variant needs.
  /// - Returns: The documents in the order of the targets, copy after copy.
  /// - Throws: ``NotApplicable`` without targets or payloads; `InputError` for blank texts, NUL, or
  ///   a query without clean passage or paraphrase; `UsageError` for surroundings that are missing.
  public func poison(
    _ targets: [Query], payloads: [Payload], seed: UInt64, surroundings: AttackSurroundings
  ) throws -> [PoisonedDocument] {
    try TextCheck.request(targets, payloads)
    try check(surroundings)
    let assignment = PayloadAssignment(payloads, seed: seed)
    var documents: [PoisonedDocument] = []
    documents.reserveCapacity(targets.count * variant.copies)
    for query in targets {
      let own = variant.payloadChoice == .ownFirst ? assignment.own(of: query.id) : []
      let order = own.isEmpty ? assignment.permutation(for: query.id) : own
      for copy in 0..<variant.copies {
        var record = parameters
        record["copy"] = JSONValue(copy + 1)
        let source: PayloadAssignment.Source = own.isEmpty ? .assigned : .own
        record["payload_source"] = .string(source.rawValue)
        let start = variant.copyPayloads == .same ? 0 : copy % order.count
        let rotated = Array(order[start...] + order[..<start])
        let payload = try payloadText(rotated, surroundings, &record)
        let block = try queryText(query, copy: copy, seed: seed, surroundings, &record)
        let padding = try cleanText(for: query, surroundings, &record)
        let (title, text) = try document(block, padding, payload, query, surroundings, &record)
        documents.append(
          PoisonedDocument(
            id: PoisonedDocument.identifier(
              attack: identity.name, kind: rotated[0].kind, query: query.id, copy: copy + 1),
            title: title, text: text, attack: identity.name, version: identity.version,
            seed: seed, targetQueryIDs: [query.id], payloadKind: rotated[0].kind,
            payloadID: rotated[0].id, parameters: record))
      }
    }
    return documents
  }

  private func check(_ surroundings: AttackSurroundings) throws {
    if variant.countsTokens, surroundings.tokens == nil {
      throw UsageError("\(identity.name): lengths in tokens need a retriever with a tokenizer")
    }
    if variant.placement == .beyondLimit, surroundings.tokens?.limit == nil {
      throw UsageError(
        "placement: this retriever reads documents to their end, nothing is beyond its limit")
    }
    if variant.padding == .cleanPassage, surroundings.cleanPassage == nil {
      throw UsageError("padding: there is no corpus to take clean passages from")
    }
    if variant.paraphrasing == .external, surroundings.paraphrases == nil {
      throw UsageError("paraphrase: 'external' needs a file of paraphrases")
    }
  }

  /// `t`, cut or extended to its length.
  private func payloadText(
    _ payloads: [Payload], _ surroundings: AttackSurroundings, _ record: inout JSONObject
  ) throws -> String {
    guard let tokens = variant.payloadTokens, let meter = surroundings.tokens else {
      return payloads[0].text
    }
    let (text, used) = try PayloadLength.text(of: payloads, tokens: tokens, by: meter)
    record["payload_ids"] = .array((0..<used).map { .string(payloads[$0 % payloads.count].id) })
    return text
  }

  /// `q`: paraphrased, with options, cut, in this order; not yet repeated.
  private func queryText(
    _ query: Query, copy: Int, seed: UInt64, _ surroundings: AttackSurroundings,
    _ record: inout JSONObject
  ) throws -> String {
    var query = query
    switch variant.paraphrasing {
    case .none: break
    case .rules:
      var generator = PayloadAssignment.generator(
        seed: seed, for: "paraphrase \(copy)", query.id)
      let paraphrase = RuleParaphraser().paraphrase(query.text, using: &generator)
      query.text = paraphrase.text
      record["paraphrase_rules"] = .array(paraphrase.rules.map { .string($0.rawValue) })
    case .external:
      guard let table = surroundings.paraphrases, let texts = table.paraphrases(of: query.id)
      else {
        throw InputError("there is no paraphrase of the query", at: Place(record: query.id))
      }
      query.text = texts[copy % texts.count]
      record["paraphrases_sha256"] = .string(table.checksum)
    }
    let text = variant.includesOptions ? query.textWithOptions : query.text
    guard let tokens = variant.queryTokens, let meter = surroundings.tokens else { return text }
    let cut = meter.prefix(text, tokens: tokens)
    try TextCheck.filled(cut, "text", at: Place(record: query.id))
    return cut
  }

  /// `c`, cut to its length.
  private func cleanText(
    for query: Query, _ surroundings: AttackSurroundings, _ record: inout JSONObject
  ) throws -> String? {
    guard variant.padding == .cleanPassage else { return nil }
    guard let passage = try surroundings.cleanPassage?(query) else {
      throw InputError("there is no clean passage for the query", at: Place(record: query.id))
    }
    record["clean_passage_id"] = .string(passage.id)
    var text = passage.text
    if let tokens = variant.paddingTokens, let meter = surroundings.tokens {
      text = meter.prefix(text, tokens: tokens)
    }
    try TextCheck.filled(text, "text", at: Place(record: passage.id))
    return text
  }

  private func document(
    _ query: String, _ padding: String?, _ payload: String, _ target: Query,
    _ surroundings: AttackSurroundings, _ record: inout JSONObject
  ) throws -> (title: String, text: String) {
    let separator = variant.separator
    let block = Array(repeating: query, count: variant.repetitions).joined(separator: separator)
    var title = ""
    var body = ConcatenatedText(separator: separator)
    if variant.field == .title { title = block }
    switch variant.order {
    case .queryFirst:
      if variant.field == .text { body.append(block) }
      if let padding { body.append(padding) }
      if variant.placement == .beyondLimit, let meter = surroundings.tokens,
        let limit = meter.limit
      {
        let added = try body.fill(with: padding ?? query, to: limit, by: meter, before: payload)
        record["fillings"] = JSONValue(added)
      }
      body.append(payload: payload)
    case .payloadFirst:
      body.append(payload: payload)
      if let padding { body.append(padding) }
      body.append(block)
    case .queryInMiddle:
      let (first, second) = PayloadSplit.halves(of: payload)
      body.append(payload: first)
      body.append(block)
      if let padding { body.append(padding) }
      if let second { body.append(payload: second) }
    }
    record["payload_ranges"] = .array(
      body.payloadRanges.map { [JSONValue($0.lowerBound), JSONValue($0.upperBound)] })
    return (title, body.text)
  }
}
