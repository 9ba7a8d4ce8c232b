import Basics

extension TokenizerFile {
  /// WordPiece from `vocab.txt`: one token a line, the id is the line.
  static func tokenizer(
    vocabularyText bytes: [UInt8], file: String, roles: TokenRoles
  ) throws -> any Tokenizer {
    let (tokens, ends) = try lines(of: bytes, file: file)
    let names = TokenRoles.roles.compactMap { role -> String? in
      roles.tokens[role] ?? (role == "bos" || role == "eos" ? nil : "[\(role.uppercased())]")
    }
    let reserved = Set(names.map { Array($0.utf8) })
    let longestName = reserved.map(\.count).max() ?? 0
    let vocabulary: Vocabulary
    do {
      var start = 0
      let isReserved = ends.map { end in
        defer { start = end }
        return end - start <= longestName && reserved.contains(Array(tokens[start..<end]))
      }
      vocabulary = try Vocabulary(tokens: tokens, ends: ends, isReserved: isReserved)
    } catch {
      throw InputError(
        "the token '\(TerminalText.excerpt(token(error.second, tokens, ends)))' stands also in "
          + "line \(error.first + 1)",
        at: Place(file: file, line: error.second + 1))
    }

    func id(_ role: String) throws -> Int32 {
      let token = roles.tokens[role] ?? "[\(role.uppercased())]"
      guard let id = vocabulary.id(of: token) else {
        throw InputError(
          "the \(role) token '\(TerminalText.excerpt(token))' is not in the vocabulary",
          at: Place(file: file))
      }
      return id
    }
    let unknown = try id("unk")
    let model = WordPieceModel(
      vocabulary: vocabulary, unknownID: unknown, continuingPrefix: "##",
      maximumScalarsPerWord: 100)
    let normalizer = BertNormalizer(
      cleansText: true, spacesIdeographs: roles.spacesIdeographs,
      stripsAccents: roles.stripsAccents, lowercases: roles.lowercases)
    return PipelineTokenizer(
      normalizers: [.bert(normalizer)], preTokenizer: .bert, model: model,
      template: try template(
        ofClass: roles.tokenizerClass, cls: id("cls"), sep: id("sep"), file: file),
      trimming: nil,
      specialTokens: roles.specialTokens(in: vocabulary, reserved: names, unknownID: unknown),
      decoder: nil)
  }

  /// The template that `transformers` gives a tokenizer class.
  private static func template(
    ofClass name: String?, cls: Int32, sep: Int32, file: String
  ) throws -> Template {
    let single: [Template.Part] = [
      .tokens([cls], typeID: 0), .first(typeID: 0), .tokens([sep], typeID: 0),
    ]
    switch name {
    case nil, "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer",
      "DistilBertTokenizerFast":
      return Template(
        single: single, pair: single + [.second(typeID: 1), .tokens([sep], typeID: 1)])
    case "MPNetTokenizer", "MPNetTokenizerFast":
      return Template(
        single: single,
        pair: single + [
          .tokens([sep], typeID: 0), .second(typeID: 1), .tokens([sep], typeID: 1),
        ])
    case let other?:
      throw InputError(
        "the tokenizer class '\(TerminalText.excerpt(other))' cannot be made from vocab.txt; "
          + "give tokenizer.json, or a BERT, DistilBERT or MPNet vocabulary",
        at: Place(file: file))
    }
  }

  /// All tokens in one buffer, and where each ends.
  private static func lines(
    of bytes: [UInt8], file: String
  ) throws -> (tokens: [UInt8], ends: [Int]) {
    guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
      throw InputError(
        "the vocabulary begins with a byte order mark", at: Place(file: file, line: 1))
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw InputError("the vocabulary is not valid UTF-8", at: Place(file: file))
    }
    var tokens: [UInt8] = []
    tokens.reserveCapacity(bytes.count)
    var ends: [Int] = []
    for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      let token = line.last == 0x0D ? line.dropLast() : line
      if token.isEmpty {
        guard line.endIndex == bytes.endIndex else {
          throw InputError("an empty token", at: Place(file: file, line: ends.count + 1))
        }
        continue
      }
      tokens.append(contentsOf: token)
      ends.append(tokens.count)
    }
    guard !ends.isEmpty else {
      throw InputError("the vocabulary is empty", at: Place(file: file))
    }
    return (tokens, ends)
  }

  private static func token(_ id: Int, _ tokens: [UInt8], _ ends: [Int]) -> String {
    String(decoding: tokens[(id == 0 ? 0 : ends[id - 1])..<ends[id]], as: UTF8.self)
  }
}
