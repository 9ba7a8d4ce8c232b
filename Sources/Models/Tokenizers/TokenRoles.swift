import Basics
import SystemPackage

/// The settings beside a tokenizer: which token has which role, and how `vocab.txt` is to be read.
///
/// - SeeAlso: `tokenizer_config.json` and `special_tokens_map.json` of `transformers`.
struct TokenRoles: Sendable, Equatable {
  /// Tokens by role, the key without `_token`: `cls`, `sep`, `pad`, `unk`, `mask`, `bos`, `eos`.
  var tokens: [String: String] = [:]
  /// `do_lower_case`, true where it is not said.
  var lowercases = true
  /// `strip_accents`; `nil` follows `lowercases`.
  var stripsAccents: Bool?
  /// `tokenize_chinese_chars`, true where it is not said.
  var spacesIdeographs = true
  /// `tokenizer_class`.
  var tokenizerClass: String?

  static let roles = ["cls", "sep", "pad", "unk", "mask", "bos", "eos"]

  init() {}

  /// The settings of a model directory; files that are absent say nothing.
  init(directory: FilePath) throws {
    for name in ["special_tokens_map.json", "tokenizer_config.json"] {
      let path = directory.appending(name)
      guard let bytes = try TokenizerFile.readIfPresent(path) else { continue }
      let place = Place(file: path.shown)
      try read(JSONParser.parse(bytes, file: path.shown).requiredObject(at: place), at: place)
    }
  }

  /// Takes the settings of one file; what it does not say stays.
  mutating func read(_ object: JSONObject, at place: Place) throws {
    for role in Self.roles {
      let key = role + "_token"
      switch object[key] {
      case nil, .null?: continue
      case .string(let token)?: tokens[role] = token
      case .object(let token)?:
        tokens[role] = try token.string("content", at: place.inside(key))
      case let other?:
        throw InputError("'\(key)': expected a token, found \(other.summary)", at: place)
      }
    }
    lowercases = try object.optionalBool("do_lower_case", at: place) ?? lowercases
    stripsAccents = try object.optionalBool("strip_accents", at: place) ?? stripsAccents
    spacesIdeographs =
      try object.optionalBool("tokenize_chinese_chars", at: place) ?? spacesIdeographs
    tokenizerClass = try object.optionalString("tokenizer_class", at: place) ?? tokenizerClass
  }

  /// The usual names of a role, for files without settings beside them.
  static let usualNames: [String: [String]] = [
    "cls": ["[CLS]"], "sep": ["[SEP]"], "pad": ["[PAD]", "<pad>"], "unk": ["[UNK]", "<unk>"],
    "mask": ["[MASK]", "<mask>"], "bos": ["<s>"], "eos": ["</s>"],
  ]

  /// The ids by role: the token the settings name, else a usual name among the reserved tokens.
  ///
  /// - Parameters:
  ///   - vocabulary: All tokens.
  ///   - reserved: Tokens declared special.
  ///   - unknownID: What the model itself uses for the unknown token.
  /// - Returns: The ids.
  func specialTokens(
    in vocabulary: Vocabulary, reserved: [String], unknownID: Int32?
  ) -> SpecialTokens {
    let reserved = Set(reserved.map { UTF8Key($0) })
    func id(_ role: String) -> Int32? {
      if let token = tokens[role] { return vocabulary.id(of: token) }
      let usual = Self.usualNames[role]?.first { reserved.contains(UTF8Key($0)) }
      return usual.flatMap { vocabulary.id(of: $0) }
    }
    var result = SpecialTokens()
    result.cls = id("cls")
    result.sep = id("sep")
    result.pad = id("pad")
    result.unk = unknownID ?? id("unk")
    result.mask = id("mask")
    result.bos = id("bos")
    result.eos = id("eos")
    return result
  }
}
