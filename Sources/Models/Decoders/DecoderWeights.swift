import Basics
public import SystemPackage
import Tensors

/// Where a decoder's weights come from: a folder of Hugging Face's layout, a GGUF file, a seed, or a
/// model in training.
///
/// Tensors are read one by one when a model is built from them, so that no more than one of them is
/// in memory beside the model. Names and shapes have been checked before.
public struct DecoderWeights: Sendable {
  /// Deviation of new weights, `initializer_range` of `transformers`.
  public static let initialDeviation = 0.02

  /// The sizes.
  public let configuration: DecoderConfiguration
  /// What the weights are called in messages.
  let origin: String
  /// Bytes that reading all tensors for good takes: none for Float32 in a mapped file.
  let expandedBytes: Int
  private let read: @Sendable (String) throws -> Tensor

  /// Weights from anywhere.
  ///
  /// - Parameters:
  ///   - configuration: the sizes.
  ///   - origin: what the weights are called in messages.
  ///   - expandedBytes: bytes that all tensors take once they are read.
  ///   - read: a name of ``DecoderWeightNames`` to the tensor, of the expected shape.
  init(
    _ configuration: DecoderConfiguration, origin: String, expandedBytes: Int,
    read: @escaping @Sendable (String) throws -> Tensor
  ) {
    self.configuration = configuration
    self.origin = origin
    self.expandedBytes = expandedBytes
    self.read = read
  }

  /// Opens a model's folder: `config.json` and safetensors, or one GGUF file.
  ///
  /// - Parameter directory: the folder, or a GGUF file.
  /// - Throws: `FileError`, or `InputError` with all tensors that are missing or have other shapes.
  public init(directory: FilePath) throws {
    if !directory.isDirectory, directory.exists {
      try self.init(gguf: GGUFFile(directory))
    } else if directory.appending("config.json").exists {
      try self.init(safetensors: directory)
    } else {
      let names = try DirectoryListing.names(in: directory).filter { $0.hasSuffix(".gguf") }
      guard names.count == 1 else {
        throw InputError(
          "expected config.json or one GGUF file, found \(names.count) GGUF files",
          at: Place(file: directory.shown))
      }
      try self.init(gguf: GGUFFile(directory.appending(names[0])))
    }
  }

  private init(safetensors directory: FilePath) throws {
    let configuration = try DecoderConfiguration(directory: directory)
    let set = try WeightSet(directory: directory)
    // A tied head may be written all the same, and old releases wrote the rotary frequencies.
    let ignored =
      set.names.filter { $0.hasSuffix(".rotary_emb.inv_freq") }
      + (configuration.tiesWordTable ? [DecoderWeightNames.head] : [])
    let bytes = try set.requireTensors(
      prefix: "", expected: DecoderWeightNames(configuration).expected, ignored: ignored)
    self.init(configuration, origin: directory.shown, expandedBytes: bytes) {
      try set.tensor($0)
    }
  }

  /// New weights as `transformers` makes them: normal numbers with deviation 0.02, gains 1.
  ///
  /// - Parameters:
  ///   - configuration: the sizes.
  ///   - seed: of the numbers; each tensor has a stream of its own.
  public init(_ configuration: DecoderConfiguration, seed: UInt64) {
    let expected = DecoderWeightNames(configuration).expected
    let places = Dictionary(
      uniqueKeysWithValues: expected.enumerated().map { ($1.name, (stream: $0, shape: $1.shape)) })
    self.init(
      configuration, origin: "seed \(seed)", expandedBytes: 4 * configuration.parameterCount
    ) { name in
      guard let (stream, shape) = places[name] else {
        preconditionFailure("DecoderWeights: no tensor '\(name)'")
      }
      let isGain = shape.count == 1
      var values = [Float](repeating: isGain ? 1 : 0, count: shape.reduce(1, *))
      if !isGain {
        values.withUnsafeMutableBufferPointer {
          Philox.addGaussians(
            to: $0, scale: Self.initialDeviation, seed: seed, stream: UInt64(stream))
        }
      }
      return try Tensor(values, shape: shape)
    }
  }

  /// A tensor by its name in `transformers`.
  ///
  /// - Throws: `InputError` at a number that is not finite.
  func tensor(_ name: String) throws -> Tensor { try read(name) }

  /// The weight of a part of a layer.
  func tensor(_ layer: Int, _ part: DecoderWeightNames.Part) throws -> Tensor {
    try read(DecoderWeightNames.weight(layer, part))
  }
}
