import Basics
public import SystemPackage

/// Loads tokenizers from files.
public enum TokenizerFile {
  /// The size of a file that is accepted: 256 MiB.
  static let maximumBytes = 256 << 20

  /// The tokenizer of a model directory: `tokenizer.json` if there is one, else the WordPiece
  /// vocabulary `vocab.txt` with the settings of `tokenizer_config.json`.
  ///
  /// The limits on length and the padding that a `tokenizer.json` may ask for are not applied: the
  /// caller states its limit with each text.
  ///
  /// - Parameter directory: A directory of Hugging Face's layout.
  /// - Returns: The tokenizer.
  /// - Throws: `InputError` that names the file and the entry; `FileError` if neither file is there
  ///   or one cannot be read.
  public static func load(directory: FilePath) throws -> any Tokenizer {
    let roles = try TokenRoles(directory: directory)
    let json = directory.appending("tokenizer.json")
    if let bytes = try readIfPresent(json) {
      return try tokenizer(json: bytes, file: json.shown, roles: roles)
    }
    let text = directory.appending("vocab.txt")
    guard let bytes = try readIfPresent(text) else {
      throw FileError(
        cannot: "read a tokenizer in", directory,
        reason: "it has neither tokenizer.json nor vocab.txt", exitStatus: .noInput)
    }
    return try tokenizer(vocabularyText: bytes, file: text.shown, roles: roles)
  }

  /// The tokenizer of one file in the format of `tokenizer.json`, whatever its name.
  ///
  /// - Parameter file: A regular file.
  /// - Returns: The tokenizer.
  /// - Throws: `InputError` that names the file and the entry; `FileError` if it cannot be read.
  public static func load(file: FilePath) throws -> any Tokenizer {
    let bytes = try FileBytes.read(file, limit: maximumBytes)
    return try tokenizer(json: bytes, file: file.shown, roles: TokenRoles())
  }

  /// The bytes of a file, `nil` if nothing has its name.
  static func readIfPresent(_ path: FilePath) throws -> [UInt8]? {
    do {
      return try FileBytes.read(path, limit: maximumBytes)
    } catch let error as FileError where error.errno == .noSuchFileOrDirectory {
      return nil
    }
  }
}
