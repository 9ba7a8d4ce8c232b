import Basics
public import SystemPackage
import Tensors

/// Writing of a trained model into a folder that `transformers`, `sentence-transformers` and this
/// program load.
public enum TrainedModelFiles {
  private static let weightFiles: Set = ["model.safetensors", "model.safetensors.index.json"]

  /// Writes an encoder's folder: the source's tokenizer and settings with new weights.
  ///
  /// - Parameters:
  ///   - encoder: what was trained.
  ///   - directory: a new folder, or one that a write before this left unfinished.
  ///   - source: the model's folder and card that training began with.
  ///   - name: the new card's name.
  ///   - origin: where it comes from, for the card.
  /// - Returns: the new card. It is written last: a folder with a card is complete.
  /// - Throws: `FileError`; `InputError` if the source is no longer what it was.
  @discardableResult
  public static func write(
    _ encoder: any TrainableEncoder, to directory: FilePath, source: ModelDirectory, name: String,
    origin: String
  ) throws -> ModelCard {
    let prefix = (encoder as? TrainableTransformer)?.prefix ?? ""
    try write(
      encoder.parameters.map { (prefix + $0.name, $0.value) }, to: directory, source: source.path,
      keepsSentenceFiles: true)
    var card = source.card
    card.name = name
    card.title = name
    card.source = origin
    card.files = try ModelFiles(in: directory, queryDirectory: nil).records()
    try card.write(to: directory)
    return card
  }

  /// Writes weights beside the other files of a model.
  ///
  /// - Parameters:
  ///   - tensors: names and values; the source's other floating-point tensors stand behind them.
  ///   - directory: the new folder.
  ///   - source: the folder whose other files are copied.
  ///   - keepsSentenceFiles: whether modules and pooling are copied, and other tensors kept.
  ///   - configure: changes `config.json`, if there is one.
  /// - Throws: `FileError` or `InputError`.
  static func write(
    _ tensors: [(name: String, value: Tensor)], to directory: FilePath, source: FilePath,
    keepsSentenceFiles: Bool, configure: (inout JSONObject) -> Void = { _ in }
  ) throws {
    try DirectoryListing.create(directory)
    for path in try ModelFiles(in: source, queryDirectory: nil).paths
    where !path.hasSuffix(".safetensors") && !weightFiles.contains(path) {
      let isSentenceFile = path.contains("/") || path == "modules.json"
      guard keepsSentenceFiles || !isSentenceFile else { continue }
      let target = directory.appending(path)
      try DirectoryListing.create(target.removingLastComponent())
      if path == "config.json" {
        let place = Place(file: source.appending(path).shown)
        var object = try JSONParser.parse(contentsOf: source.appending(path))
          .requiredObject(at: place)
        // Weights are written as Float32, whatever they were.
        for key in ["torch_dtype", "dtype"] where object[key] != nil {
          object[key] = .string("float32")
        }
        configure(&object)
        try AtomicFile.write(
          JSONValue.object(object).serialized(pretty: true) + "\n", to: target)
      } else {
        try AtomicFile.write(
          FileBytes.read(source.appending(path), limit: 1 << 30), to: target)
      }
    }
    var all = tensors.map { ($0.name, $0.value) }
    if keepsSentenceFiles {
      let written = Set(tensors.map { UTF8Key($0.name) })
      all += try WeightSet(directory: source).floatingPointTensors().filter {
        !written.contains(UTF8Key($0.0))
      }
    }
    try SafetensorsWriter.write(
      all.map { ($0.0, $0.1.shape, $0.1) }, metadata: ["format": "pt"],
      to: directory.appending("model.safetensors"))
  }
}
