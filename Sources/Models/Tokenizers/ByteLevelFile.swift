import Basics
import SystemPackage

/// A byte-level vocabulary as the files that `tokenizers` and `transformers` load.
struct ByteLevelFile {
  /// The tokens by id.
  var tokens: [String]
  /// Pairs of tokens, in the order in which they merge.
  var merges: [(left: String, right: String)]
  /// Ids of tokens that text never becomes.
  var specialIDs: [Int]
  /// Whether each digit is a word of its own.
  var splitsDigits: Bool
  /// The tokens with a role.
  var roles: TokenRoles
  /// The source of the chat template, if there is one.
  var chatTemplate: String?

  /// `tokenizer.json`.
  var json: JSONObject {
    func step(_ type: String, _ options: [(String, JSONValue)]) -> JSONValue {
      .object(JSONObject([("type", .string(type))] + options))
    }
    // The decoder does not read its settings; `tokenizers` writes their defaults.
    func byteLevel(prefixSpace: JSONValue) -> JSONValue {
      step(
        "ByteLevel",
        [("add_prefix_space", prefixSpace), ("trim_offsets", true), ("use_regex", true)])
    }
    let added = specialIDs.map { id in
      JSONValue.object([
        "id": JSONValue(id), "content": .string(tokens[id]), "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true,
      ])
    }
    let words = byteLevel(prefixSpace: false)
    return [
      "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
      "normalizer": .null,
      "pre_tokenizer": splitsDigits
        ? step(
          "Sequence",
          [("pretokenizers", .array([step("Digits", [("individual_digits", true)]), words]))])
        : words,
      "post_processor": .null, "decoder": byteLevel(prefixSpace: true),
      "model": step(
        "BPE",
        [
          ("dropout", .null), ("unk_token", .null), ("continuing_subword_prefix", .null),
          ("end_of_word_suffix", .null), ("fuse_unk", false), ("byte_fallback", false),
          ("ignore_merges", false),
          ("vocab", .object(JSONObject(tokens.enumerated().map { ($1, JSONValue($0)) }))),
          ("merges", .array(merges.map { .array([.string($0.left), .string($0.right)]) })),
        ]),
    ]
  }

  /// Writes `tokenizer.json` and `tokenizer_config.json`; each appears whole.
  ///
  /// - Parameter directory: A folder that exists.
  /// - Throws: `FileError`.
  func write(to directory: FilePath) throws {
    try AtomicFile.write(
      JSONValue.object(json).serialized() + "\n", to: directory.appending("tokenizer.json"))
    var settings: JSONObject = [
      "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
    ]
    for (role, token) in roles.tokens.sorted(by: { $0.key < $1.key }) {
      settings["\(role)_token"] = .string(token)
    }
    if let chatTemplate { settings["chat_template"] = .string(chatTemplate) }
    try AtomicFile.write(
      JSONValue.object(settings).serialized(pretty: true) + "\n",
      to: directory.appending("tokenizer_config.json"))
  }
}

extension ByteLevelFile {
  /// The vocabulary in the metadata of a GGUF file.
  ///
  /// - Parameter file: A GGUF file whose tokenizer can be read.
  /// - Throws: `InputError` for words that are cut by another rule than GPT-2's, or the metadata.
  init(gguf file: GGUFFile) throws {
    let metadata = file.metadata
    let prefix = "tokenizer.ggml."
    let rule = try metadata.required(prefix + "pre", metadata.string)
    guard ["smollm", "gpt-2"].contains(rule) else {
      throw InputError(
        "'\(prefix)pre' is '\(TerminalText.excerpt(rule))': of a GGUF file the vocabularies smollm and"
          + " gpt-2 can be written; train an adapter instead", at: Place(file: file.path.shown))
    }
    let tokens = try metadata.required(prefix + "tokens", metadata.strings)
    let types = try metadata.ints(prefix + "token_type") ?? []
    var roles = TokenRoles()
    for (role, key) in [("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding")] {
      if let id = try metadata.int("\(prefix)\(key)_token_id"), tokens.indices.contains(id) {
        roles.tokens[role] = tokens[id]
      }
    }
    self.init(
      tokens: tokens,
      merges: try metadata.required(prefix + "merges", metadata.strings).map { merge in
        // A token holds no space: the byte has a letter of its own.
        let parts = merge.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
          throw InputError(
            "the merge '\(TerminalText.excerpt(merge))' is no pair",
            at: Place(file: file.path.shown))
        }
        return (parts[0], parts[1])
      },
      // 1: normal.
      specialIDs: types.indices.filter { types[$0] != 1 }, splitsDigits: rule == "smollm",
      roles: roles, chatTemplate: try metadata.string("tokenizer.chat_template"))
  }
}
