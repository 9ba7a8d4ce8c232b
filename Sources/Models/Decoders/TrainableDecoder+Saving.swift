import Basics
public import SystemPackage
import Tensors

extension TrainableDecoder {
  /// Writes a folder that `transformers` loads: `config.json`, `generation_config.json` and
  /// `model.safetensors`, low-rank updates added to the weights they belong to.
  ///
  /// - Parameter directory: a new folder, or one that a write before this left unfinished.
  /// - Throws: `FileError`.
  public func save(to directory: FilePath) throws {
    try DirectoryListing.create(directory)
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
