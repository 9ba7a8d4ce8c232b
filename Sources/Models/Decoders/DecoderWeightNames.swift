/// Names and shapes of a decoder's tensors, as `LlamaForCausalLM` of `transformers` has them.
struct DecoderWeightNames {
  static let words = "model.embed_tokens.weight"
  static let norm = "model.norm.weight"
  static let head = "lm_head.weight"

  /// The parts of a layer: names after `model.layers.N.`, without `.weight`.
  enum Part: String, CaseIterable {
    case inputNorm = "input_layernorm"
    case query = "self_attn.q_proj"
    case key = "self_attn.k_proj"
    case value = "self_attn.v_proj"
    case attentionOutput = "self_attn.o_proj"
    case attentionNorm = "post_attention_layernorm"
    case gate = "mlp.gate_proj"
    case up = "mlp.up_proj"
    case down = "mlp.down_proj"

    /// Whether it is a linear layer, and no norm.
    var isLinear: Bool { self != .inputNorm && self != .attentionNorm }
  }

  let configuration: DecoderConfiguration

  init(_ configuration: DecoderConfiguration) { self.configuration = configuration }

  /// Path of a part, such as `model.layers.0.self_attn.q_proj`.
  static func path(_ layer: Int, _ part: Part) -> String {
    "model.layers.\(layer).\(part.rawValue)"
  }

  static func weight(_ layer: Int, _ part: Part) -> String { path(layer, part) + ".weight" }

  /// Every tensor, in the order of the architecture.
  var expected: [(name: String, shape: [Int])] {
    let c = configuration
    var result = [(name: Self.words, shape: [c.vocabularySize, c.hiddenSize])]
    for layer in 0..<c.layers {
      result += Part.allCases.map { (Self.weight(layer, $0), shape(of: $0)) }
    }
    result.append((Self.norm, [c.hiddenSize]))
    if !c.tiesWordTable { result.append((Self.head, [c.vocabularySize, c.hiddenSize])) }
    return result
  }

  private func shape(of part: Part) -> [Int] {
    let c = configuration
    return switch part {
    case .inputNorm, .attentionNorm: [c.hiddenSize]
    case .query: [c.heads * c.headSize, c.hiddenSize]
    case .key, .value: [c.keyValueHeads * c.headSize, c.hiddenSize]
    case .attentionOutput: [c.hiddenSize, c.heads * c.headSize]
    case .gate, .up: [c.intermediateSize, c.hiddenSize]
    case .down: [c.hiddenSize, c.intermediateSize]
    }
  }
}
