import Basics
public import SystemPackage
public import Tensors

/// The encoder of BERT and MPNet on a tape; see ``TransformerEncoder``, whose values it has to the bit.
public final class TrainableTransformer: TrainableEncoder, AdaptableModel {
  private struct Norm {
    let weight: Parameter
    let bias: Parameter
  }

  private struct Layer {
    let qkv: [LinearLayer]
    let attentionOutput: LinearLayer
    let attentionNorm: Norm
    let intermediate: LinearLayer
    let output: LinearLayer
    let outputNorm: Norm
  }

  /// The sizes.
  public let configuration: EncoderConfiguration
  /// All parameters, in the order of the architecture, named as in the weight file without its prefix.
  public let parameters: [Parameter]
  /// The linear layers by their paths, such as `encoder.layer.0.attention.self.query`.
  public let linearLayers: [(path: String, layer: LinearLayer)]
  /// What stands before the names in the weight file.
  public let prefix: String
  /// Whether only the layers' inputs are kept for the gradient: less memory, a third more time.
  public var checkpointsLayers = false

  private let words: Parameter
  private let positions: Parameter
  private let tokenTypes: Parameter?
  private let embeddingNorm: Norm
  private let layers: [Layer]
  private let relativeBias: RelativeBias?

  /// Width of the token states.
  public var dimension: Int { configuration.hiddenSize }
  /// Tokens of the longest sequence.
  public var maximumTokens: Int? { configuration.maximumTokens }
  /// Rows of the word table.
  public var vocabularySize: Int { configuration.vocabularySize }

  /// Reads configuration and weights.
  ///
  /// - Parameter directory: holds `config.json` and the weights.
  /// - Throws: `InputError` listing everything that does not fit.
  public init(directory: FilePath) throws {
    let configuration = try EncoderConfiguration(directory: directory)
    self.configuration = configuration
    let names = EncoderWeightNames(configuration)
    let set = try WeightSet(directory: directory)
    let prefix = try set.prefix(before: EncoderWeightNames.words)
    self.prefix = prefix
    let expected = names.expected(in: set, prefix: prefix)
    let tensors = try set.tensors(
      prefix: prefix, expected: expected, ignored: EncoderWeightNames.ignored)
    let parameters = expected.compactMap { name, _ in tensors[name].map { Parameter(name, $0) } }
    self.parameters = parameters
    let byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    func parameter(_ name: String) -> Parameter {
      guard let parameter = byName[name] else {
        preconditionFailure("TrainableTransformer: '\(name)' was not asked for")
      }
      return parameter
    }
    func norm(_ name: String) -> Norm {
      let (weight, bias) = names.norm(name, in: set, prefix: prefix)
      return Norm(weight: parameter(weight), bias: parameter(bias))
    }
    var linearLayers: [(path: String, layer: LinearLayer)] = []
    func linear(_ name: String) -> LinearLayer {
      let layer = LinearLayer(
        weight: parameter(name + ".weight"), bias: parameter(name + ".bias"))
      linearLayers.append((name, layer))
      return layer
    }
    words = parameter(EncoderWeightNames.words)
    positions = parameter(EncoderWeightNames.positions)
    tokenTypes = configuration.tokenTypes > 0 ? parameter(EncoderWeightNames.tokenTypes) : nil
    embeddingNorm = norm(EncoderWeightNames.embeddingNorm)
    layers = (0..<configuration.layers).map { number in
      let layer = names.layer(number)
      return Layer(
        qkv: layer.qkv.map(linear), attentionOutput: linear(layer.attentionOutput),
        attentionNorm: norm(layer.attentionNorm), intermediate: linear(layer.intermediate),
        output: linear(layer.output), outputNorm: norm(layer.outputNorm))
    }
    self.linearLayers = linearLayers
    let buckets = configuration.relativeAttentionBuckets
    relativeBias =
      buckets > 0
      ? RelativeBias(table: parameter(EncoderWeightNames.relativeBias)) {
        RelativePositionBias.bucket(of: $0, buckets: buckets)
      } : nil
  }

  /// The sum of the tables' rows.
  public func embeddings(
    of sequences: [TokenSequence], packing: Packing?, on tape: Tape
  ) -> Variable {
    for sequence in sequences {
      precondition(
        sequence.ids.count <= configuration.maximumTokens
          && sequence.typeIDs.count == sequence.ids.count,
        "embeddings: a sequence of \(sequence.ids.count) tokens, the encoder takes \(configuration.maximumTokens)"
      )
    }
    let offset = configuration.positionOffset
    var tables = [
      (table: words, ids: sequences.flatMap(\.ids)),
      (
        table: positions,
        ids: sequences.flatMap { $0.ids.indices.map { Int32($0 + offset) } }
      ),
    ]
    if let tokenTypes { tables.append((tokenTypes, sequences.flatMap(\.typeIDs))) }
    return tape.embedding(
      tables, packing: packing ?? Packing(lengths: sequences.map(\.ids.count)))
  }

  /// States of all tokens after the last layer.
  public func states(from embeddings: Variable, on tape: Tape) -> Variable {
    var x = normalise(embeddings, residual: nil, embeddingNorm, on: tape)
    for layer in layers {
      x =
        checkpointsLayers
        ? tape.checkpointed([x]) { tape, x in self.apply(layer, to: x[0], on: tape) }
        : apply(layer, to: x, on: tape)
    }
    return x
  }

  private func apply(_ layer: Layer, to x: Variable, on tape: Tape) -> Variable {
    let attended = tape.attention(
      tape.linear(x, layer.qkv), heads: configuration.heads, relativeBias: relativeBias)
    let y = normalise(
      tape.linear(attended, layer.attentionOutput), residual: x, layer.attentionNorm, on: tape)
    let wide = tape.activation(tape.linear(y, layer.intermediate), configuration.activation)
    return normalise(tape.linear(wide, layer.output), residual: y, layer.outputNorm, on: tape)
  }

  private func normalise(
    _ x: Variable, residual: Variable?, _ norm: Norm, on tape: Tape
  ) -> Variable {
    tape.layerNorm(
      x, residual: residual, weight: norm.weight, bias: norm.bias,
      epsilon: configuration.layerNormEpsilon)
  }
}
