import Basics
public import SystemPackage

/// A byte-level vocabulary that ``BPETrainer`` has learnt.
public struct TrainedVocabulary: Sendable {
  /// The tokens by id, written in the alphabet of byte-level vocabularies.
  public let tokens: [String]
  /// Pairs of ids, in the order in which they merge.
  let merges: [(left: Int32, right: Int32)]
  let specialTokens: [String]

  /// The vocabulary as its files have it.
  var file: ByteLevelFile {
    ByteLevelFile(
      tokens: tokens,
      merges: merges.map { (tokens[Int($0.left)], tokens[Int($0.right)]) },
      specialIDs: Array(specialTokens.indices), splitsDigits: true, roles: roles)
  }

  /// The tokenizer of the vocabulary.
  ///
  /// - Returns: The same tokenizer that the written files give.
  /// - Throws: `InputError` never, unless this code is wrong.
  public func tokenizer() throws -> any Tokenizer {
    try TokenizerFile.tokenizer(
      json: Array(JSONValue.object(file.json).serialized().utf8), file: "the trained vocabulary",
      roles: roles)
  }

  /// Writes `tokenizer.json` and `tokenizer_config.json`; each appears whole.
  ///
  /// - Parameter directory: A folder that exists.
  /// - Throws: `FileError`.
  public func write(to directory: FilePath) throws { try file.write(to: directory) }

  /// The first special token ends, begins and fills.
  private var roles: TokenRoles {
    var roles = TokenRoles()
    if let first = specialTokens.first {
      roles.tokens = ["bos": first, "eos": first, "pad": first]
    }
    return roles
  }
}
