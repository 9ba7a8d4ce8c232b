public import SystemPackage

extension TransformerDecoder {
  /// Loads a decoder for inference, with an adapter put in its weights.
  ///
  /// - Parameters:
  ///   - directory: The model's folder.
  ///   - adapter: The folder of a LoRA adapter that belongs to it; nil: none.
  /// - Throws: `InputError` for weights that do not fit; `FileError`; `MemoryShortage`.
  public init(directory: FilePath, adapter: FilePath? = nil) throws {
    var weights = try DecoderWeights(directory: directory)
    if let adapter {
      let model = try TrainableDecoder(weights)
      _ = try LoRAAdapter(directory: adapter, on: model, isTrainable: false)
      weights = model.weights
    }
    try self.init(weights)
  }
}
