import Basics
public import SystemPackage

/// The files of a generator, a language model that writes text: a GGUF file, or a folder of Hugging
/// Face's layout.
public struct GeneratorFiles: Sendable {
  /// The model's folder.
  public let directory: FilePath
  /// The file with weights and settings; `nil` where the folder has `config.json` and safetensors.
  public let gguf: GGUFFile?
  /// The tokenizer, its ids below the rows of the word table.
  public let tokenizer: any Tokenizer

  /// Opens the files; weights are mapped, not read.
  ///
  /// - Parameter directory: The model's folder.
  /// - Throws: `FileError` or `InputError` naming what is missing or malformed.
  public init(directory: FilePath) throws {
    self.directory = directory
    let names = try DirectoryListing.names(in: directory).filter(ModelFiles.isGGUF)
    guard names.count <= 1 else {
      throw InputError(
        "\(names.count) GGUF files, expected one: \(names.joined(separator: ", "))",
        at: Place(file: directory.shown))
    }
    gguf = try names.first.map { try GGUFFile(directory.appending($0)) }
    if let gguf {
      tokenizer = try TokenizerFile.load(gguf: gguf)
      try Self.check(tokenizer, fits: gguf)
    } else {
      tokenizer = try TokenizerFile.load(directory: directory)
      if directory.appending("config.json").exists {
        let rows = try DecoderConfiguration(directory: directory).vocabularySize
        try Self.check(tokenizer, rows: rows, at: directory)
      }
    }
  }

  private static func check(_ tokenizer: any Tokenizer, fits file: GGUFFile) throws {
    guard let table = file.entry("token_embd.weight"), table.shape.count == 2 else {
      throw InputError(
        "there is no word table 'token_embd.weight'", at: Place(file: file.path.shown))
    }
    try check(tokenizer, rows: table.shape[0], at: file.path)
  }

  private static func check(_ tokenizer: any Tokenizer, rows: Int, at path: FilePath) throws {
    guard tokenizer.vocabularySize <= rows else {
      throw InputError(
        "the tokenizer has ids up to \(tokenizer.vocabularySize - 1), the word table"
          + " \(rows) rows", at: Place(file: path.shown))
    }
  }

  /// How conversations become tokens.
  ///
  /// - Returns: The template, `nil` if the model has none.
  /// - Throws: `InputError` if it has one that is not ChatML; `FileError`.
  public func chatTemplate() throws -> ChatTemplate? {
    if let gguf {
      guard try gguf.metadata.string("tokenizer.chat_template") != nil else { return nil }
      return try ChatTemplate(gguf: gguf, tokenizer)
    }
    let plain = directory.appending("chat_template.jinja")
    if let bytes = try TokenizerFile.readIfPresent(plain) {
      let place = Place(file: plain.shown)
      return try ChatTemplate(tokenizer, source: UTF8Check.string(bytes, at: place), at: place)
    }
    let settings = directory.appending("tokenizer_config.json")
    guard let bytes = try TokenizerFile.readIfPresent(settings) else { return nil }
    let place = Place(file: settings.shown, key: "chat_template")
    let object = try JSONParser.parse(bytes, file: settings.shown).requiredObject(at: place)
    guard let source = try object.optionalString("chat_template", at: Place(file: settings.shown))
    else { return nil }
    return try ChatTemplate(tokenizer, source: source, at: place)
  }

  /// Files of a tokenizer and of its conversations.
  private static let tokenizerFiles = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja",
  ]

  /// Refuses, before any work, a tokenizer that ``writeTokenizer(to:)`` could not write.
  ///
  /// - Throws: `InputError` for a vocabulary of a GGUF file that cannot be written.
  public func requireWritableTokenizer() throws {
    _ = try gguf.map { try ByteLevelFile(gguf: $0) }
  }

  /// Writes the tokenizer into a folder as `transformers` loads it.
  ///
  /// - Parameter directory: A folder that exists.
  /// - Throws: `FileError`; `InputError` for a vocabulary of a GGUF file that cannot be written.
  public func writeTokenizer(to directory: FilePath) throws {
    if let gguf { return try ByteLevelFile(gguf: gguf).write(to: directory) }
    for name in Self.tokenizerFiles {
      let file = self.directory.appending(name)
      guard file.exists else { continue }
      try AtomicFile.write(FileBytes.read(file, limit: 1 << 30), to: directory.appending(name))
    }
  }
}
