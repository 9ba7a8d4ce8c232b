import Basics
public import SystemPackage
import Tensors

/// The folder of an adapter as `peft` has it: `adapter_config.json` and `adapter_model.safetensors`.
extension LoRAAdapter {
  private static let settingsFile = "adapter_config.json"
  private static let weightsFile = "adapter_model.safetensors"

  /// Reads an adapter and puts it on a model.
  ///
  /// - Parameters:
  ///   - directory: the adapter's folder.
  ///   - model: without an adapter.
  ///   - isTrainable: whether training goes on; else A and B are frozen. An adapter with dropout cannot
  ///     be trained on: nothing here drops anything.
  /// - Throws: `FileError`; `InputError` with all tensors that are missing, have other shapes or belong
  ///   to no layer of the model; `UsageError` as for a new adapter.
  public convenience init(
    directory: FilePath, on model: some AdaptableModel, isTrainable: Bool
  ) throws {
    let settings = directory.appending(Self.settingsFile)
    let configuration = try LoRAConfiguration(path: settings)
    guard !isTrainable || configuration.dropout == 0 else {
      throw InputError(
        "'lora_dropout' is \(configuration.dropout), an adapter is trained on here with 0 only",
        at: Place(file: settings.shown))
    }
    let targets: [(path: String, layer: LinearLayer)]
    do {
      targets = try configuration.targets.layers(of: model)
    } catch let error as UsageError {
      throw InputError(
        "the adapter does not fit the model: \(error.message)", at: Place(file: settings.shown))
    }
    let path = directory.appending(Self.weightsFile)
    let file = try SafetensorsFile(path)
    var problems: [String] = []
    var wanted: Set<UTF8Key> = []
    for (path, layer) in targets {
      let names = Self.names(path)
      for (name, shape) in [
        (names.down, [configuration.rank, layer.inputs]),
        (names.up, [layer.outputs, configuration.rank]),
      ] {
        wanted.insert(UTF8Key(name))
        guard let entry = file.entry(name) else {
          problems.append("missing: \(name) \(shape)")
          continue
        }
        if entry.shape != shape {
          problems.append("\(name): expected \(shape), found \(entry.shape)")
        }
      }
    }
    problems += file.entries.filter { !wanted.contains(UTF8Key($0.name)) }.map {
      "unexpected: \(TerminalText.excerpt($0.name))"
    }
    guard problems.isEmpty else {
      throw InputError(
        "the adapter does not fit the model: \(problems.joined(separator: "; "))",
        at: Place(file: path.shown))
    }
    try self.init(configuration, on: model, targets) { _, path, _ in
      let names = Self.names(path)
      guard let down = file.entry(names.down), let up = file.entry(names.up) else {
        preconditionFailure("LoRAAdapter: '\(path)' was not looked for")
      }
      return (down: try file.tensor(down), up: try file.tensor(up))
    }
    for parameter in parameters { parameter.isTrainable = isTrainable }
  }

  /// Writes the adapter as `peft` reads it.
  ///
  /// - Parameters:
  ///   - directory: a new folder, or one that a write before this left unfinished.
  ///   - task: the kind of model, such as `CAUSAL_LM`; nil: none is named.
  ///   - base: checksums of the files of the model that it was trained on; kept where `peft` does not
  ///     look, for ``base(of:)``.
  ///   - origin: where it comes from, kept beside it; nil: nothing is said.
  /// - Throws: `FileError`.
  public func save(
    to directory: FilePath, task: String? = "CAUSAL_LM", base: String? = nil, origin: String? = nil
  ) throws {
    try DirectoryListing.create(directory)
    let object = configuration.json(task: task, paths: modules.map(\.path))
    try AtomicFile.write(
      JSONValue.object(object).serialized(pretty: true) + "\n",
      to: directory.appending(Self.settingsFile))
    try SafetensorsWriter.write(
      parameters.map { ($0.name, $0.shape, $0.value) },
      metadata: ["format": "pt"].merging(base.map { [Self.baseKey: $0] } ?? [:]) { $1 }
        .merging(origin.map { [Self.originKey: $0] } ?? [:]) { $1 },
      to: directory.appending(Self.weightsFile))
  }

  private static let baseKey = "ragbench_base"
  private static let originKey = "ragbench_origin"

  /// What an adapter's folder says of the model it was trained on.
  ///
  /// - Parameter directory: the adapter's folder.
  /// - Returns: the model's name if it is known, and the checksums of its files if it was trained here.
  /// - Throws: `FileError`; `InputError`.
  public static func base(
    of directory: FilePath
  ) throws -> (name: String?, fingerprint: String?) {
    (
      try LoRAConfiguration(path: directory.appending(settingsFile)).baseModel,
      try SafetensorsFile(directory.appending(weightsFile)).metadata[baseKey]
    )
  }
}
