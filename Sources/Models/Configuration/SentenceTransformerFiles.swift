import Basics
public import SystemPackage

/// How token states become one vector.
public enum Pooling: String, Sendable, Equatable {
  /// Mean over all tokens, template tokens included.
  case mean
  /// State of the first token.
  case cls
}

/// What the files of sentence-transformers say beside `config.json`; all of them are optional.
///
/// - SeeAlso: `modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json` and
///   `config_sentence_transformers.json` of sentence-transformers.
public struct SentenceTransformerFiles: Sendable, Equatable {
  /// The pooling; nil if no file names it.
  public var pooling: Pooling?
  /// Whether vectors are divided by their length.
  public var normalises = false
  /// Tokens after which a text is cut, template tokens included.
  public var maximumTokens: Int?
  /// Similarity by sentence-transformers' name: `cosine`, `dot` or `euclidean`.
  public var similarity: Similarity?
  /// Texts put before an input, by prompt name (`query`, `passage`, `document`).
  public var prompts: [String: String] = [:]

  /// Reads what is there.
  ///
  /// - Parameter directory: the model's folder.
  /// - Throws: `InputError` for a module, a pooling or a similarity that is not implemented.
  public init(directory: FilePath) throws {
    let modules = directory.appending("modules.json")
    if modules.exists { try readModules(modules, in: directory) }
    let limits = directory.appending("sentence_bert_config.json")
    if limits.exists {
      let place = Place(file: limits.shown)
      let object = try JSONParser.parse(contentsOf: limits).requiredObject(at: place)
      maximumTokens = try object.optionalInt("max_seq_length", at: place)
      if let maximumTokens, !(3...131_072).contains(maximumTokens) {
        throw InputError("'max_seq_length' is \(maximumTokens), expected 3 to 131072", at: place)
      }
    }
    let settings = directory.appending("config_sentence_transformers.json")
    if settings.exists { try readSettings(settings) }
  }

  private mutating func readModules(_ path: FilePath, in directory: FilePath) throws {
    let place = Place(file: path.shown)
    guard let modules = try JSONParser.parse(contentsOf: path).arrayValue else {
      throw InputError("expected an array of modules", at: place)
    }
    for (number, module) in modules.enumerated() {
      let place = place.inside("\(number)")
      let object = try module.requiredObject(at: place)
      let type = try object.string("type", at: place)
      let folder = try object.string("path", at: place)
      switch type.split(separator: ".").last {
      case "Transformer", "StaticEmbedding":
        guard folder.isEmpty else {
          throw InputError(
            "the module '\(type)' lies in '\(TerminalText.excerpt(folder))', expected here",
            at: place)
        }
      case "Normalize": normalises = true
      case "Pooling":
        guard !folder.utf8.contains(UInt8(ascii: "/")), RelativeName.fault(folder) == nil,
          !directory.appending(folder).isSymbolicLink
        else {
          throw InputError(
            "module path '\(TerminalText.excerpt(folder))' is not a plain sub-folder of the"
              + " model's folder", at: place)
        }
        try readPooling(directory.appending(folder).appending("config.json"))
      default:
        throw InputError(
          "module '\(TerminalText.excerpt(type))' is not implemented (Transformer,"
            + " StaticEmbedding, Pooling, Normalize are)", at: place)
      }
    }
  }

  private mutating func readPooling(_ path: FilePath) throws {
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    if try object.optionalBool("include_prompt", at: place) == false {
      throw InputError("'include_prompt' false is not implemented", at: place)
    }
    var chosen: [String] = []
    for (key, value) in object.members
    where key.hasPrefix("pooling_mode_") && value.boolValue == true {
      chosen.append(key)
    }
    switch chosen {
    case ["pooling_mode_mean_tokens"]: pooling = .mean
    case ["pooling_mode_cls_token"]: pooling = .cls
    default:
      throw InputError(
        "pooling \(chosen) is not implemented (one of pooling_mode_mean_tokens,"
          + " pooling_mode_cls_token is)", at: place)
    }
  }

  private mutating func readSettings(_ path: FilePath) throws {
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    if let name = try object.optionalString("similarity_fn_name", at: place) {
      switch name {
      case "cosine": similarity = .cosine
      case "dot": similarity = .innerProduct
      case "euclidean": similarity = .l2
      default:
        throw InputError(
          "'similarity_fn_name' is '\(name)', implemented are cosine, dot, euclidean", at: place)
      }
    }
    for (name, value) in try object.optionalObject("prompts", at: place)?.members ?? [] {
      guard let prompt = value.stringValue else {
        throw InputError("prompts.\(name): expected a string, found \(value.summary)", at: place)
      }
      prompts[name] = prompt
    }
  }
}
