import Basics
public import SystemPackage
public import Tensors

/// The encoder of BERT and MPNet: post-norm transformer layers with full self-attention.
///
/// Sequences of any lengths are packed one behind the other; nothing is padded.
///
/// - SeeAlso: Devlin et al. 2019; Song et al. 2020; `modeling_bert.py` and `modeling_mpnet.py` of
///   `transformers`.
public struct TransformerEncoder: SequenceEncoder {
  private struct Layer: Sendable {
    let qkv: PackedWeight
    let qkvBias: Tensor
    let attentionOutput: PackedWeight
    let attentionOutputBias: Tensor
    let attentionNorm: Norm
    let intermediate: PackedWeight
    let intermediateBias: Tensor
    let output: PackedWeight
    let outputBias: Tensor
    let outputNorm: Norm
  }

  private struct Norm: Sendable {
    let weight: Tensor
    let bias: Tensor
  }

  /// The sizes.
  public let configuration: EncoderConfiguration
  private let words: Tensor
  private let positions: Tensor
  private let tokenTypes: Tensor?
  private let embeddingNorm: Norm
  private let layers: [Layer]
  private let relativeBias: Tensor?

  /// Width of the token states.
  public var dimension: Int { configuration.hiddenSize }
  /// Tokens of the longest sequence.
  public var maximumTokens: Int? { configuration.maximumTokens }

  /// Reads configuration and weights.
  ///
  /// - Parameters:
  ///   - directory: holds `config.json` and the weights.
  ///   - allowNonFinite: whether NaN and infinities in weights are let through.
  /// - Throws: `InputError` listing everything that does not fit.
  public init(directory: FilePath, allowNonFinite: Bool = false) throws {
    let configuration = try EncoderConfiguration(directory: directory)
    self.configuration = configuration
    let names = EncoderWeightNames(configuration)
    let set = try WeightSet(directory: directory, allowNonFinite: allowNonFinite)
    let prefix = try set.prefix(before: EncoderWeightNames.words)
    let expected = names.expected(in: set, prefix: prefix)
    let tensors = try set.tensors(
      prefix: prefix, expected: expected, ignored: EncoderWeightNames.ignored)
    // The weights of the layers are packed anew; query, key and value once more on the way.
    let packed = expected.reduce(0) { sum, tensor in
      let isPacked = tensor.shape.count == 2 && !tensor.name.hasPrefix("embeddings.")
      return sum + (isPacked ? tensor.shape.reduce(4, *) : 0)
    }
    try MemoryBudget.require(
      packed + 12 * configuration.hiddenSize * configuration.hiddenSize + 8 << 20,
      for: "the model in '\(directory.shown)'")
    func tensor(_ name: String) throws -> Tensor {
      guard let tensor = tensors[name] else {
        preconditionFailure("TransformerEncoder: '\(name)' was not asked for")
      }
      return tensor
    }
    func norm(_ name: String) throws -> Norm {
      let (weight, bias) = names.norm(name, in: set, prefix: prefix)
      return Norm(weight: try tensor(weight), bias: try tensor(bias))
    }
    words = try tensor(EncoderWeightNames.words)
    positions = try tensor(EncoderWeightNames.positions)
    tokenTypes = configuration.tokenTypes > 0 ? try tensor(EncoderWeightNames.tokenTypes) : nil
    embeddingNorm = try norm(EncoderWeightNames.embeddingNorm)
    layers = try (0..<configuration.layers).map { number in
      let layer = names.layer(number)
      let biases = try layer.qkv.flatMap { try tensor($0 + ".bias").values }
      return Layer(
        qkv: try PackedWeight(stacking: layer.qkv.map { try tensor($0 + ".weight") }),
        qkvBias: try Tensor(biases, shape: [biases.count]),
        attentionOutput: try PackedWeight(tensor(layer.attentionOutput + ".weight")),
        attentionOutputBias: try tensor(layer.attentionOutput + ".bias"),
        attentionNorm: try norm(layer.attentionNorm),
        intermediate: try PackedWeight(tensor(layer.intermediate + ".weight")),
        intermediateBias: try tensor(layer.intermediate + ".bias"),
        output: try PackedWeight(tensor(layer.output + ".weight")),
        outputBias: try tensor(layer.output + ".bias"),
        outputNorm: try norm(layer.outputNorm))
    }
    relativeBias =
      configuration.relativeAttentionBuckets > 0
      ? try RelativePositionBias.expanded(
        tensor(EncoderWeightNames.relativeBias), maximumTokens: configuration.maximumTokens)
      : nil
  }

  /// States of all tokens after the last layer.
  ///
  /// - Parameters:
  ///   - sequences: none longer than `maximumTokens`, ids within the vocabulary.
  ///   - context: where it runs.
  /// - Returns: `states`, `[tokens, hidden]`, sequences one behind the other, and `boundaries`, the
  ///   start of each and, last, the number of tokens.
  public func states(
    of sequences: [TokenSequence], in context: ComputeContext
  ) -> (states: Tensor, boundaries: [Int]) {
    var boundaries = [0]
    for sequence in sequences {
      precondition(
        sequence.ids.count <= configuration.maximumTokens
          && sequence.typeIDs.count == sequence.ids.count,
        "states: a sequence of \(sequence.ids.count) tokens, the encoder takes \(configuration.maximumTokens)"
      )
      boundaries.append((boundaries.last ?? 0) + sequence.ids.count)
    }
    var tables = [
      (table: words, ids: sequences.flatMap(\.ids)),
      (
        table: positions,
        ids: sequences.flatMap { sequence in
          sequence.ids.indices.map { Int32($0 + configuration.positionOffset) }
        }
      ),
    ]
    if let tokenTypes { tables.append((tokenTypes, sequences.flatMap(\.typeIDs))) }
    var x = context.embed(tables, rows: boundaries.last ?? 0)
    x = normalise(x, residual: nil, embeddingNorm, in: context)
    for layer in layers {
      let attended = context.selfAttention(
        context.linear(x, layer.qkv, bias: layer.qkvBias), boundaries: boundaries,
        heads: configuration.heads, relativeBias: relativeBias)
      x = normalise(
        context.linear(attended, layer.attentionOutput, bias: layer.attentionOutputBias),
        residual: x, layer.attentionNorm, in: context)
      let wide = context.linear(
        x, layer.intermediate, bias: layer.intermediateBias, activation: configuration.activation)
      x = normalise(
        context.linear(wide, layer.output, bias: layer.outputBias), residual: x, layer.outputNorm,
        in: context)
    }
    return (x, boundaries)
  }

  /// One vector for each sequence.
  public func vectors(
    of sequences: [TokenSequence], pooling: Pooling, in context: ComputeContext
  ) -> Tensor {
    let (states, boundaries) = states(of: sequences, in: context)
    switch pooling {
    case .mean: return context.meanPool(states, boundaries: boundaries)
    case .cls: return context.firstPool(states, boundaries: boundaries)
    }
  }

  private func normalise(
    _ x: Tensor, residual: Tensor?, _ norm: Norm, in context: ComputeContext
  ) -> Tensor {
    context.layerNorm(
      x, residual: residual, weight: norm.weight, bias: norm.bias,
      epsilon: configuration.layerNormEpsilon)
  }
}
