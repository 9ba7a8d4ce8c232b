import Basics
import Tensors

/// The sizes of a decoder of the Llama family.
///
/// - SeeAlso: Touvron et al. 2023; `LlamaConfig` of Hugging Face `transformers`.
public struct DecoderConfiguration: Sendable, Equatable {
  /// Rows of the word table.
  public var vocabularySize: Int
  /// Width of the token states.
  public var hiddenSize: Int
  /// Width of the feed-forward layer.
  public var intermediateSize: Int
  /// Number of layers.
  public var layers: Int
  /// Query heads.
  public var heads: Int
  /// Heads of keys and values; divides `heads`.
  public var keyValueHeads: Int
  /// Width of a head, even; `heads × headSize` need not be `hiddenSize`.
  public var headSize: Int
  /// Tokens of the longest sequence: the context.
  public var maximumTokens: Int
  /// Added to the mean square in RMSNorm.
  public var normEpsilon: Double
  /// Base of the rotary positions, θ.
  public var rotaryBase: Double
  /// Whether the word table is the head too.
  public var tiesWordTable: Bool
  /// The token that begins a text, if the model has one.
  public var beginToken: Int32?
  /// Tokens that end a text.
  public var endTokens: [Int32]

  /// Sizes of a new model.
  ///
  /// - Parameters:
  ///   - vocabularySize: rows of the word table.
  ///   - hiddenSize: width of the token states.
  ///   - intermediateSize: width of the feed-forward layer.
  ///   - layers: number of layers.
  ///   - heads: query heads.
  ///   - keyValueHeads: nil: as many as `heads`.
  ///   - headSize: nil: `hiddenSize / heads`.
  ///   - maximumTokens: the context.
  ///   - normEpsilon: added to the mean square.
  ///   - rotaryBase: base of the rotary positions.
  ///   - tiesWordTable: whether the word table is the head too.
  ///   - beginToken: begins a text.
  ///   - endTokens: end a text.
  /// - Throws: `InputError` naming the value that no decoder can have.
  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int,
    keyValueHeads: Int? = nil, headSize: Int? = nil, maximumTokens: Int,
    normEpsilon: Double = 1e-5, rotaryBase: Double = 10_000, tiesWordTable: Bool = true,
    beginToken: Int32? = nil, endTokens: [Int32] = []
  ) throws {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layers = layers
    self.heads = heads
    self.keyValueHeads = keyValueHeads ?? heads
    self.headSize = headSize ?? (heads > 0 && hiddenSize % heads == 0 ? hiddenSize / heads : 0)
    self.maximumTokens = maximumTokens
    self.normEpsilon = normEpsilon
    self.rotaryBase = rotaryBase
    self.tiesWordTable = tiesWordTable
    self.beginToken = beginToken
    self.endTokens = endTokens
    try check(at: Place())
  }

  /// Width of a row of queries, keys and values.
  var attentionWidth: Int { (heads + 2 * keyValueHeads) * headSize }

  /// Bytes of the table of rotary positions.
  var rotaryBytes: Int { RotaryTable.bytes(positions: maximumTokens, headSize: headSize) }

  /// Numbers in all weights; a tied head counts once.
  public var parameterCount: Int {
    DecoderWeightNames(self).expected.reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  /// Refuses sizes that no decoder can have, before any memory is taken.
  func check(at place: Place) throws {
    func require(_ name: String, _ value: Int, upTo limit: Int) throws {
      guard (1...limit).contains(value) else {
        throw InputError("'\(name)' is \(value), expected 1 to \(limit)", at: place)
      }
    }
    try require("vocab_size", vocabularySize, upTo: 4_194_304)
    try require("hidden_size", hiddenSize, upTo: 32_768)
    try require("intermediate_size", intermediateSize, upTo: 262_144)
    try require("num_hidden_layers", layers, upTo: 512)
    try require("num_attention_heads", heads, upTo: 1024)
    try require("num_key_value_heads", keyValueHeads, upTo: 1024)
    try require("max_position_embeddings", maximumTokens, upTo: 1 << 21)
    guard heads % keyValueHeads == 0 else {
      throw InputError(
        "'num_key_value_heads' is \(keyValueHeads), which does not divide 'num_attention_heads'"
          + " \(heads)", at: place)
    }
    guard headSize > 0 else {
      throw InputError(
        "'num_attention_heads' is \(heads), which does not divide 'hidden_size' \(hiddenSize),"
          + " and there is no 'head_dim'", at: place)
    }
    guard headSize % 2 == 0, headSize <= 1024 else {
      throw InputError("'head_dim' is \(headSize), expected even, 2 to 1024", at: place)
    }
    // As a Float32 it must not vanish: states of zeros would be divided by zero.
    guard Float(normEpsilon) > 0, normEpsilon < 1 else {
      throw InputError(
        "'rms_norm_eps' is \(normEpsilon), expected above 0 and below 1", at: place)
    }
    guard rotaryBase >= 1, rotaryBase <= 1e12 else {
      throw InputError("'rope_theta' is \(rotaryBase), expected 1 to 1e12", at: place)
    }
    for token in (beginToken.map { [$0] } ?? []) + endTokens {
      guard token >= 0, token < vocabularySize else {
        throw InputError(
          "the token \(token) begins or ends texts, 'vocab_size' is \(vocabularySize)", at: place)
      }
    }
  }
}
