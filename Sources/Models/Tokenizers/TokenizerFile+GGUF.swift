import Basics

extension TokenizerFile {
  /// The keys of a GGUF file that describe its tokenizer.
  private static let ggufPrefix = "tokenizer.ggml."

  /// Word rules by `tokenizer.ggml.pre`, and whether a word that is a token stays whole.
  private static let ggufRules: [(name: String, rules: [WordSplitter], keepsWholeWords: Bool)] = [
    ("smollm", [.digits(individually: true), .gpt2], false),
    ("gpt-2", [.gpt2], false),
    ("llama-bpe", [.cl100k(digits: 3)], true),
    ("qwen2", [.cl100k(digits: 1)], false),
  ]

  /// What a token is, by `tokenizer.ggml.token_type`.
  private enum GGUFTokenType: Int {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// The tokenizer in the metadata of a GGUF file: byte-level BPE (`gpt2`).
  ///
  /// Control, unknown and unused tokens never come from text. A beginning or end token is added only
  /// where the file asks for it.
  ///
  /// - Parameter file: A GGUF file.
  /// - Returns: The tokenizer.
  /// - Throws: `InputError` naming the key and the entry.
  /// - SeeAlso: ggml-org/ggml, `docs/gguf.md`, "Tokenizer"; `src/llama-vocab.cpp` of llama.cpp.
  public static func load(gguf file: GGUFFile) throws -> any Tokenizer {
    let metadata = file.metadata
    func place(_ key: String) -> Place { Place(file: file.path.shown, key: ggufPrefix + key) }
    func required<Value>(_ key: String, _ read: (String) throws -> Value?) throws -> Value {
      try metadata.required(ggufPrefix + key, read)
    }
    let model = try required("model", metadata.string)
    guard model == "gpt2" else { throw unsupported(model, "gpt2", at: place("model")) }
    let pre = try required("pre", metadata.string)
    guard let splitting = ggufRules.first(where: { $0.name == pre }) else {
      throw unsupported(pre, ggufRules.map(\.name).joined(separator: ", "), at: place("pre"))
    }
    let tokens = try required("tokens", metadata.strings)
    let types = try metadata.ints(ggufPrefix + "token_type")
    let special = try specialIDs(types, tokens, at: place("token_type"))
    let vocabulary = try vocabulary(tokens, special: special, at: place("tokens"))
    let merges = try merges(
      required("merges", metadata.strings).map { .string($0) }, vocabulary, reserved: special,
      at: place("merges"))

    func id(_ key: String) throws -> Int32? {
      let key = key + "_token_id"
      guard let id = try metadata.int(ggufPrefix + key) else { return nil }
      guard tokens.indices.contains(id) else {
        throw InputError(
          "\(quoted(place(key))): the id \(id) is outside the vocabulary of \(tokens.count) tokens",
          at: place(key))
      }
      return Int32(id)
    }
    var roles = SpecialTokens()
    roles.bos = try id("bos")
    roles.eos = try id("eos")
    roles.unk = try id("unknown")
    roles.pad = try id("padding")
    let added = try [
      ("bos", roles.bos, splitting.name == "llama-bpe"), ("eos", roles.eos, false),
    ].map { role, id, usual -> [Template.Part] in
      let key = "add_\(role)_token"
      guard try metadata.bool(ggufPrefix + key) ?? (usual && id != nil) else { return [] }
      guard let id else {
        throw InputError(
          "\(quoted(place(key))): there is no '\(ggufPrefix)\(role)_token_id'", at: place(key))
      }
      return [.tokens([id], typeID: 0)]
    }
    return PipelineTokenizer(
      normalizers: [], preTokenizer: .splits(splitting.rules),
      model: ByteLevelModel(
        vocabulary: vocabulary, merges: merges, keepsWholeWords: splitting.keepsWholeWords),
      template: Template(
        single: added[0] + [.first(typeID: 0)] + added[1],
        pair: added[0] + [.first(typeID: 0), .second(typeID: 1)] + added[1]),
      trimming: nil, specialTokens: roles, decoder: decoder(of: vocabulary, special: special))
  }

  /// The ids of the tokens that text never becomes.
  private static func specialIDs(
    _ types: [Int]?, _ tokens: [String], at place: Place
  ) throws -> Set<Int> {
    guard let types else { return [] }
    guard types.count == tokens.count else {
      throw InputError(
        "\(quoted(place)): \(types.count) types for \(tokens.count) tokens", at: place)
    }
    var special: Set<Int> = []
    for (id, type) in types.enumerated() {
      switch GGUFTokenType(rawValue: type) {
      case .normal: break
      case .unknown, .control, .unused: special.insert(id)
      case .userDefined, .byte, nil:
        throw InputError(
          "\(quoted(place)): the token \(id), '\(TerminalText.excerpt(tokens[id]))', has the type"
            + " \(type); a byte-level vocabulary has normal, unknown, control and unused tokens"
            + " (1, 2, 3, 5)", at: place)
      }
    }
    return special
  }

  private static func vocabulary(
    _ tokens: [String], special: Set<Int>, at place: Place
  ) throws -> Vocabulary {
    guard !tokens.isEmpty else {
      throw InputError("\(quoted(place)): the vocabulary is empty", at: place)
    }
    var bytes: [UInt8] = []
    let ends = tokens.map { token in
      bytes.append(contentsOf: token.utf8)
      return bytes.count
    }
    do {
      return try Vocabulary(
        tokens: bytes, ends: ends, isReserved: tokens.indices.map { special.contains($0) })
    } catch {
      throw InputError(
        "\(quoted(place)): the token '\(TerminalText.excerpt(tokens[error.second]))' has the ids"
          + " \(error.first) and \(error.second)", at: place)
    }
  }
}
