import Basics
import SystemPackage

extension ModelInstaller {
  /// Writes the pooling in sentence-transformers' form for a model whose files do not say it.
  ///
  /// Files that are there are left alone: what a model's authors say goes first.
  func writePooling(_ pooling: Pooling?, into directory: FilePath) throws {
    let modules = directory.appending("modules.json")
    guard let pooling, !modules.exists else { return }
    let folder = "1_Pooling"
    func module(_ index: Int, _ type: String, _ path: String) -> JSONValue {
      .object([
        "idx": .integer(Int64(index)), "name": .string(String(index)), "path": .string(path),
        "type": .string("sentence_transformers.models.\(type)"),
      ])
    }
    let list = JSONValue.array([module(0, "Transformer", ""), module(1, "Pooling", folder)])
    let modes = JSONValue.object([
      "pooling_mode_cls_token": .bool(pooling == .cls),
      "pooling_mode_mean_tokens": .bool(pooling == .mean),
    ])
    try DirectoryListing.create(directory.appending(folder))
    try AtomicFile.write(
      modes.serialized(pretty: true) + "\n",
      to: directory.appending(folder).appending("config.json"))
    try AtomicFile.write(list.serialized(pretty: true) + "\n", to: modules)
  }
}
