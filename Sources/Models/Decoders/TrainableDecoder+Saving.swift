import Basics
public import SystemPackage
import Tensors

extension TrainableDecoder {
  /// Files of a tokenizer and of its conversations.
  private static let tokenizerFiles = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja",
  ]

  /// Writes a folder that `transformers` loads: `config.json`, `generation_config.json` and
  /// `model.safetensors`, low-rank updates added to the weights they belong to.
  ///
  /// - Parameters:
  ///   - directory: a new folder, or one that a write before this left unfinished.
  ///   - source: a folder whose tokenizer files are copied; nil: none.
  /// - Throws: `FileError`; `InputError` if a copied file has changed on the way.
  public func save(to directory: FilePath, tokenizerFrom source: FilePath? = nil) throws {
    try DirectoryListing.create(directory)
    for name in Self.tokenizerFiles {
      guard let file = source?.appending(name), file.exists else { continue }
      try AtomicFile.write(
        FileBytes.read(file, limit: 1 << 30), to: directory.appending(name))
    }
    for (name, object) in [
      ("config.json", configuration.json), ("generation_config.json", configuration.generationJSON),
    ] {
      try AtomicFile.write(
        JSONValue.object(object).serialized(pretty: true) + "\n", to: directory.appending(name))
    }
    let weights = weights
    try SafetensorsWriter.write(
      parameters.map { ($0.name, $0.shape, try weights.tensor($0.name)) },
      metadata: ["format": "pt"], to: directory.appending("model.safetensors"))
  }
}
