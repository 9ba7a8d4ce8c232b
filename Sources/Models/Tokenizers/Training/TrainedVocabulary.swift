import Basics
public import SystemPackage

/// A byte-level vocabulary that ``BPETrainer`` has learnt.
public struct TrainedVocabulary: Sendable {
  /// The tokens by id, written in the alphabet of byte-level vocabularies.
  public let tokens: [String]
  /// Pairs of ids, in the order in which they merge.
  let merges: [(left: Int32, right: Int32)]
  let specialTokens: [String]

  /// The vocabulary as `tokenizer.json`, which `tokenizers` loads.
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
    let added = specialTokens.enumerated().map { id, token in
      JSONValue.object([
        "id": JSONValue(id), "content": .string(token), "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true,
      ])
    }
    let pairs = merges.map { left, right in
      JSONValue.array([.string(tokens[Int(left)]), .string(tokens[Int(right)])])
    }
    return [
      "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(added),
      "normalizer": .null,
      "pre_tokenizer": step(
        "Sequence",
        [
          (
            "pretokenizers",
            .array([
              step("Digits", [("individual_digits", true)]), byteLevel(prefixSpace: false),
            ])
          )
        ]),
      "post_processor": .null, "decoder": byteLevel(prefixSpace: true),
      "model": step(
        "BPE",
        [
          ("dropout", .null), ("unk_token", .null), ("continuing_subword_prefix", .null),
          ("end_of_word_suffix", .null), ("fuse_unk", false), ("byte_fallback", false),
          ("ignore_merges", false),
          (
            "vocab",
            .object(JSONObject(tokens.enumerated().map { ($1, JSONValue($0)) }))
          ),
          ("merges", .array(pairs)),
        ]),
    ]
  }

  /// The tokenizer of the vocabulary.
  ///
  /// - Returns: The same tokenizer that the written files give.
  /// - Throws: `InputError` never, unless this code is wrong.
  public func tokenizer() throws -> any Tokenizer {
    try TokenizerFile.tokenizer(
      json: Array(JSONValue.object(json).serialized().utf8), file: "the trained vocabulary",
      roles: roles)
  }

  /// Writes `tokenizer.json` and `tokenizer_config.json`; each appears whole.
  ///
  /// - Parameter directory: A folder that exists.
  /// - Throws: `FileError`.
  public func write(to directory: FilePath) throws {
    try AtomicFile.write(
      JSONValue.object(json).serialized() + "\n", to: directory.appending("tokenizer.json"))
    var settings: JSONObject = [
      "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
    ]
    for (role, token) in roles.tokens.sorted(by: { $0.key < $1.key }) {
      settings["\(role)_token"] = .string(token)
    }
    try AtomicFile.write(
      JSONValue.object(settings).serialized(pretty: true) + "\n",
      to: directory.appending("tokenizer_config.json"))
  }

  /// The first special token ends, begins and fills.
  private var roles: TokenRoles {
    var roles = TokenRoles()
    if let first = specialTokens.first {
      roles.tokens = ["bos": first, "eos": first, "pad": first]
    }
    return roles
  }
}
