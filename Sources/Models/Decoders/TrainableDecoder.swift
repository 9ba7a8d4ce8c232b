import Basics
public import Tensors

/// The decoder of the Llama family on a tape; ``TransformerDecoder`` has its values to the bit.
///
/// Queries, keys, values, gates and ups are parameters of their own, named as in `transformers`; their
/// products stand side by side.
public final class TrainableDecoder: AdaptableModel {
  private struct Layer {
    let inputNorm: Parameter
    let qkv: [LinearLayer]
    let attentionOutput: LinearLayer
    let attentionNorm: Parameter
    let gate: LinearLayer
    let up: LinearLayer
    let down: LinearLayer
  }

  /// The sizes.
  public let configuration: DecoderConfiguration
  /// All parameters, in the order of the architecture, named as in the weight file. A tied head is the
  /// word table and no parameter of its own.
  public let parameters: [Parameter]
  /// The linear layers by their paths, such as `model.layers.0.self_attn.q_proj`, without the head.
  public let linearLayers: [(path: String, layer: LinearLayer)]
  /// Whether only the layers' inputs are kept for the gradient: less memory, a third more time.
  public var checkpointsLayers = false

  private let words: Parameter
  private let layers: [Layer]
  private let norm: Parameter
  private let head: LinearLayer
  private let rotary: RotaryTable

  /// Reads the weights.
  ///
  /// - Parameter weights: where they come from. Float32 files stay mapped until a weight is changed.
  /// - Throws: `InputError` at a number that is not finite; `MemoryShortage`.
  public init(_ weights: DecoderWeights) throws {
    let c = weights.configuration
    configuration = c
    try MemoryBudget.require(
      weights.expandedBytes + c.rotaryBytes, for: "the model in '\(weights.origin)'")
    let parameters = try DecoderWeightNames(c).expected.map {
      Parameter($0.name, try weights.tensor($0.name))
    }
    self.parameters = parameters
    let byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    func parameter(_ name: String) -> Parameter {
      guard let parameter = byName[name] else {
        preconditionFailure("TrainableDecoder: '\(name)' was not asked for")
      }
      return parameter
    }
    var linearLayers: [(path: String, layer: LinearLayer)] = []
    func linear(_ number: Int, _ part: DecoderWeightNames.Part) -> LinearLayer {
      let layer = LinearLayer(weight: parameter(DecoderWeightNames.weight(number, part)))
      linearLayers.append((DecoderWeightNames.path(number, part), layer))
      return layer
    }
    layers = (0..<c.layers).map { n in
      Layer(
        inputNorm: parameter(DecoderWeightNames.weight(n, .inputNorm)),
        qkv: [.query, .key, .value].map { linear(n, $0) },
        attentionOutput: linear(n, .attentionOutput),
        attentionNorm: parameter(DecoderWeightNames.weight(n, .attentionNorm)),
        gate: linear(n, .gate), up: linear(n, .up), down: linear(n, .down))
    }
    self.linearLayers = linearLayers
    words = parameter(DecoderWeightNames.words)
    norm = parameter(DecoderWeightNames.norm)
    head = LinearLayer(
      weight: c.tiesWordTable ? words : parameter(DecoderWeightNames.head))
    rotary = RotaryTable(positions: c.maximumTokens, headSize: c.headSize, base: c.rotaryBase)
  }

  /// The weights as they are now, low-rank updates added, for a ``TransformerDecoder`` or a file. What
  /// is trained afterwards does not change them.
  public var weights: DecoderWeights {
    let values = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0.value) })
    let updates = Dictionary(
      uniqueKeysWithValues: linearLayers.compactMap { path, layer in
        layer.update.map { (path + ".weight", LowRankProduct($0)) }
      })
    return DecoderWeights(
      configuration, origin: "the model in training",
      expandedBytes: 4 * configuration.parameterCount
    ) { name in
      guard let value = values[name] else {
        preconditionFailure("TrainableDecoder: no tensor '\(name)'")
      }
      return try updates[name]?.added(to: value) ?? value
    }
  }

  /// Rows of the word table, where gradient attacks want their gradient (``Tape/watched(_:)``).
  ///
  /// - Parameters:
  ///   - sequences: none longer than the context, ids within the vocabulary.
  ///   - packing: nil: each sequence is an example.
  ///   - tape: where it runs.
  /// - Returns: `[tokens, hidden]`.
  public func embeddings(
    of sequences: [[Int32]], packing: Packing? = nil, on tape: Tape
  ) -> Variable {
    precondition(
      sequences.allSatisfy { $0.count <= configuration.maximumTokens },
      "embeddings: a sequence of \(sequences.map(\.count).max() ?? 0) tokens, the context is"
        + " \(configuration.maximumTokens)")
    return tape.embedding(
      [(words, sequences.flatMap(\.self))],
      packing: packing ?? Packing(lengths: sequences.map(\.count)))
  }

  /// States of all tokens after the last norm, each token seeing itself and those before it.
  ///
  /// - Parameters:
  ///   - embeddings: `[tokens, hidden]`, packed; what `embeddings(of:packing:on:)` gave.
  ///   - tape: where it runs.
  /// - Returns: `[tokens, hidden]`.
  public func states(from embeddings: Variable, on tape: Tape) -> Variable {
    var x = embeddings
    for layer in layers {
      x =
        checkpointsLayers
        ? tape.checkpointed([x]) { tape, x in self.apply(layer, to: x[0], on: tape) }
        : apply(layer, to: x, on: tape)
    }
    return normalised(x, norm, on: tape)
  }

  /// Scores of all tokens of the vocabulary after each row, before the softmax.
  ///
  /// - Parameters:
  ///   - states: `[rows, hidden]`.
  ///   - tape: where it runs.
  /// - Returns: `[rows, vocabulary]`; training takes `losses(of:on:)`, which never holds them all.
  public func logits(of states: Variable, on tape: Tape) -> Variable { tape.linear(states, head) }

  /// Losses of the right tokens after some rows, in nats.
  ///
  /// - Parameters:
  ///   - targets: for each row the token that should follow; a negative one leaves the row out.
  ///   - states: `[rows, hidden]`.
  ///   - tape: where it runs.
  /// - Returns: `[rows, 1]`.
  public func losses(of targets: [Int], after states: Variable, on tape: Tape) -> Variable {
    tape.vocabularyLoss(states, head: head, targets: targets)
  }

  private func apply(_ layer: Layer, to x: Variable, on tape: Tape) -> Variable {
    let c = configuration
    let attended = tape.attention(
      tape.linear(normalised(x, layer.inputNorm, on: tape), layer.qkv), heads: c.heads,
      keyValueHeads: c.keyValueHeads, isCausal: true, rotary: rotary)
    let y = tape.add(x, tape.linear(attended, layer.attentionOutput))
    let inner = normalised(y, layer.attentionNorm, on: tape)
    let wide = tape.swiGLU(
      gate: tape.linear(inner, layer.gate), up: tape.linear(inner, layer.up))
    return tape.add(y, tape.linear(wide, layer.down))
  }

  private func normalised(_ x: Variable, _ weight: Parameter, on tape: Tape) -> Variable {
    tape.rmsNorm(x, weight: weight, epsilon: Float(configuration.normEpsilon))
  }
}
