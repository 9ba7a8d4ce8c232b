import Basics
public import SystemPackage
public import Tensors

/// What `config.json` says of a transformer encoder.
///
/// - SeeAlso: `BertConfig` and `MPNetConfig` of Hugging Face `transformers`.
public struct EncoderConfiguration: Sendable, Equatable {
  /// The families of encoders that are implemented.
  public enum Family: String, Sendable, CaseIterable {
    /// BERT: learned absolute positions, token types.
    case bert
    /// MPNet: positions from 2 on, relative position buckets, no token types.
    case mpnet
  }

  /// The family.
  public let family: Family
  /// Width of the token states.
  public let hiddenSize: Int
  /// Number of layers.
  public let layers: Int
  /// Attention heads; divides `hiddenSize`.
  public let heads: Int
  /// Width of the feed-forward layer.
  public let intermediateSize: Int
  /// The feed-forward layer's activation.
  public let activation: Activation
  /// Rows of the position table.
  public let positions: Int
  /// Rows of the word table.
  public let vocabularySize: Int
  /// Rows of the token type table; 0 for families without one.
  public let tokenTypes: Int
  /// Added to the variance in LayerNorm.
  public let layerNormEpsilon: Float
  /// Buckets of the relative position bias; 0 for families without one.
  public let relativeAttentionBuckets: Int

  /// Tokens of the longest sequence, template tokens included.
  public var maximumTokens: Int { positions - positionOffset }

  /// Row of the position table that the first token takes.
  public var positionOffset: Int { family == .mpnet ? 2 : 0 }

  /// Reads `config.json`, refusing values that no encoder can have before any memory is taken.
  ///
  /// - Parameter directory: the model's folder.
  /// - Throws: `FileError` or `InputError` naming the key and the value.
  public init(directory: FilePath) throws {
    let path = directory.appending("config.json")
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    func size(_ key: String, from least: Int = 1, upTo limit: Int) throws -> Int {
      let value = try object.int(key, at: place)
      guard (least...limit).contains(value) else {
        throw InputError("'\(key)' is \(value), expected \(least) to \(limit)", at: place)
      }
      return value
    }
    let type = try object.string("model_type", at: place)
    guard let family = Family(rawValue: type) else {
      let known = Family.allCases.map(\.rawValue).joined(separator: ", ")
      throw InputError("'model_type' is '\(type)', implemented are \(known)", at: place)
    }
    self.family = family
    hiddenSize = try size("hidden_size", upTo: 16_384)
    layers = try size("num_hidden_layers", upTo: 256)
    heads = try size("num_attention_heads", upTo: 1024)
    intermediateSize = try size("intermediate_size", upTo: 131_072)
    positions = try size("max_position_embeddings", upTo: 131_072)
    vocabularySize = try size("vocab_size", upTo: 4_194_304)
    tokenTypes = family == .bert ? try size("type_vocab_size", upTo: 1024) : 0
    let buckets = RelativePositionBias.bucketCounts
    relativeAttentionBuckets =
      family == .mpnet
      ? try size(
        "relative_attention_num_buckets", from: buckets.lowerBound, upTo: buckets.upperBound) : 0
    guard hiddenSize % heads == 0 else {
      throw InputError(
        "'num_attention_heads' is \(heads), which does not divide 'hidden_size' \(hiddenSize)",
        at: place)
    }
    let epsilon = try object.optionalDouble("layer_norm_eps", at: place) ?? 1e-12
    // As a Float32 it must not vanish: constant states would be divided by zero.
    guard Float(epsilon) > 0, epsilon < 1 else {
      throw InputError("'layer_norm_eps' is \(epsilon), expected above 0 and below 1", at: place)
    }
    layerNormEpsilon = Float(epsilon)
    activation = try Self.activation(object.string("hidden_act", at: place), at: place)
    let scheme = try object.optionalString("position_embedding_type", at: place) ?? "absolute"
    guard scheme == "absolute" else {
      throw InputError(
        "'position_embedding_type' is '\(scheme)', implemented is absolute", at: place)
    }
    guard maximumTokens > 0 else {
      throw InputError(
        "'max_position_embeddings' is \(positions), expected above \(positionOffset)", at: place)
    }
  }

  private static func activation(_ name: String, at place: Place) throws -> Activation {
    switch name {
    case "gelu": .gelu
    case "gelu_new", "gelu_pytorch_tanh": .geluTanh
    case "relu": .relu
    default:
      throw InputError(
        "'hidden_act' is '\(name)', implemented are gelu, gelu_new, gelu_pytorch_tanh, relu",
        at: place)
    }
  }
}
