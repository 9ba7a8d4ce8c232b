import Basics
public import Tensors

/// A decoder of the Llama family for generation and scoring: packed weights, a cache of keys and
/// values, nothing kept for gradients.
///
/// A token's state has the same bits whether it is computed alone with a cache, with its whole
/// sequence, or beside other sequences, and those of ``TrainableDecoder``, at any number of threads.
///
/// - SeeAlso: `modeling_llama.py` of `transformers`.
public struct TransformerDecoder: Sendable {
  private struct Layer: Sendable {
    let inputNorm: Tensor
    let qkv: PackedWeight
    let attentionOutput: PackedWeight
    let attentionNorm: Tensor
    let gateAndUp: PackedWeight
    let down: PackedWeight
  }

  /// The sizes.
  public let configuration: DecoderConfiguration
  /// The head; the word table where there is none of its own.
  private let head: PackedWeight
  /// The word table, if the head is another.
  private let words: Tensor?
  private let norm: Tensor
  private let layers: [Layer]
  private let rotary: RotaryTable

  /// Tokens that one pass computes; more are divided.
  static let passTokens = 512

  /// Packs the weights, one tensor after the other.
  ///
  /// Takes 4 bytes a weight (a tied word table lies in memory once) and, on the way, the largest tensor
  /// once more.
  ///
  /// - Parameter weights: where they come from.
  /// - Throws: `InputError` at a number that is not finite; `MemoryShortage`.
  public init(_ weights: DecoderWeights) throws {
    let c = weights.configuration
    configuration = c
    let largest = DecoderWeightNames(c).expected.map { $0.shape.reduce(4, *) }.max() ?? 0
    try MemoryBudget.require(
      4 * c.parameterCount + 2 * largest + c.rotaryBytes, for: "the model in '\(weights.origin)'")
    head = try PackedWeight(
      weights.tensor(
        c.tiesWordTable ? DecoderWeightNames.words : DecoderWeightNames.head))
    words = c.tiesWordTable ? nil : try weights.tensor(DecoderWeightNames.words)
    norm = try weights.tensor(DecoderWeightNames.norm)
    layers = try (0..<c.layers).map { n in
      Layer(
        inputNorm: try weights.tensor(n, .inputNorm),
        qkv: try PackedWeight(
          stacking: [.query, .key, .value].map { try weights.tensor(n, $0) }),
        attentionOutput: try PackedWeight(weights.tensor(n, .attentionOutput)),
        attentionNorm: try weights.tensor(n, .attentionNorm),
        gateAndUp: try PackedWeight(stacking: [.gate, .up].map { try weights.tensor(n, $0) }),
        down: try PackedWeight(weights.tensor(n, .down)))
    }
    rotary = RotaryTable(
      positions: c.maximumTokens, headSize: c.headSize, base: c.rotaryBase)
  }

  /// An empty cache for one sequence.
  ///
  /// - Parameter tokens: tokens that must have room, at most the context.
  /// - Returns: the cache.
  /// - Throws: `MemoryShortage`.
  public func makeCache(tokens: Int) throws -> KeyValueCache {
    let c = configuration
    precondition(tokens <= c.maximumTokens, "makeCache: \(tokens) of \(c.maximumTokens) tokens")
    try MemoryBudget.require(
      KeyValueCache.bytes(
        layers: c.layers, keyValueHeads: c.keyValueHeads, headSize: c.headSize, tokens: tokens),
      for: "the keys and values of \(tokens) tokens")
    return KeyValueCache(
      layers: c.layers, keyValueHeads: c.keyValueHeads, headSize: c.headSize, tokens: tokens)
  }

  /// States of new tokens after the last norm; their keys and values go into the caches.
  ///
  /// - Parameters:
  ///   - inputs: the new tokens of each sequence, ids within the vocabulary.
  ///   - caches: one for each sequence, with room.
  ///   - context: where it runs.
  /// - Returns: `[tokens, hidden]`, sequences one behind the other.
  public func states(
    of inputs: [[Int32]], caches: [KeyValueCache], in context: ComputeContext
  ) -> Tensor {
    precondition(inputs.count == caches.count, "states: \(inputs.count), \(caches.count) caches")
    let epsilon = Float(configuration.normEpsilon)
    let ids = inputs.flatMap(\.self)
    let boundaries = Packing(lengths: inputs.map(\.count)).boundaries
    var x =
      words.map { context.embed([($0, ids)], rows: ids.count) } ?? context.rows(of: head, ids)
    for (number, layer) in layers.enumerated() {
      let qkv = context.linear(
        context.rmsNorm(x, weight: layer.inputNorm, epsilon: epsilon), layer.qkv, bias: nil)
      let attended = context.cachedAttention(
        qkv, boundaries: boundaries, caches: caches, layer: number, heads: configuration.heads,
        rotary: rotary)
      let y = context.sum(x, context.linear(attended, layer.attentionOutput, bias: nil))
      let wide = context.swiGLU(
        context.linear(
          context.rmsNorm(y, weight: layer.attentionNorm, epsilon: epsilon), layer.gateAndUp,
          bias: nil))
      x = context.sum(y, context.linear(wide, layer.down, bias: nil))
    }
    for (cache, input) in zip(caches, inputs) { cache.advance(by: input.count) }
    return context.rmsNorm(x, weight: norm, epsilon: epsilon)
  }

  /// States of each sequence's last token: prompts of any lengths, in passes of 512 tokens.
  ///
  /// - Parameters:
  ///   - inputs: the new tokens of each sequence, none empty.
  ///   - caches: one for each sequence, with room.
  ///   - context: where it runs.
  /// - Returns: `[sequences, hidden]`.
  /// - Throws: `CancellationError`.
  public func lastStates(
    of inputs: [[Int32]], caches: [KeyValueCache], in context: ComputeContext
  ) throws -> Tensor {
    let result = context.tensor([inputs.count, configuration.hiddenSize])
    try forEachPass(inputs) { parts in
      let states = states(
        of: parts.map { Array(inputs[$0.sequence][$0.tokens]) },
        caches: parts.map { caches[$0.sequence] }, in: context)
      var row = 0
      for (sequence, tokens) in parts {
        row += tokens.count
        guard tokens.upperBound == inputs[sequence].count else { continue }
        context.copyRow(row - 1, of: states, to: sequence, of: result)
      }
    }
    return result
  }

  /// Scores of all tokens of the vocabulary.
  ///
  /// - Parameters:
  ///   - states: `[rows, hidden]`.
  ///   - context: where it runs.
  /// - Returns: `[rows, vocabulary]`, before the softmax.
  public func logits(of states: Tensor, in context: ComputeContext) -> Tensor {
    context.linear(states, head, bias: nil)
  }

  /// Calls `body` with stretches of sequences, together at most ``passTokens``, each sequence in order.
  func forEachPass(
    _ inputs: [[Int32]], _ body: ([(sequence: Int, tokens: Range<Int>)]) throws -> Void
  ) throws {
    var parts: [(sequence: Int, tokens: Range<Int>)] = []
    var room = Self.passTokens
    for (sequence, input) in inputs.enumerated() {
      var start = 0
      while start < input.count {
        let end = min(input.count, start + room)
        parts.append((sequence, start..<end))
        room -= end - start
        start = end
        guard room == 0 else { continue }
        try Task.checkCancellation()
        try body(parts)
        (parts, room) = ([], Self.passTokens)
      }
    }
    if !parts.isEmpty { try body(parts) }
  }
}
