/// Names and shapes of an encoder's tensors, as `transformers` writes them.
struct EncoderWeightNames {
  static let words = "embeddings.word_embeddings.weight"
  static let positions = "embeddings.position_embeddings.weight"
  static let tokenTypes = "embeddings.token_type_embeddings.weight"
  static let embeddingNorm = "embeddings.LayerNorm"
  static let relativeBias = "encoder.relative_attention_bias.weight"
  /// Parts of a checkpoint that are no part of the encoder: the pooler, task heads, buffers.
  static let ignored = [
    "pooler.", "embeddings.position_ids", "cls.", "lm_head.", "classifier.", "qa_outputs.",
  ]

  /// Names within one layer, without `.weight` and `.bias`.
  struct Layer {
    let qkv: [String]
    let attentionOutput: String
    let attentionNorm: String
    let intermediate: String
    let output: String
    let outputNorm: String
  }

  let configuration: EncoderConfiguration

  init(_ configuration: EncoderConfiguration) { self.configuration = configuration }

  func layer(_ number: Int) -> Layer {
    let base = "encoder.layer.\(number)."
    let attention = base + "attention."
    let isBERT = configuration.family == .bert
    return Layer(
      qkv: isBERT
        ? ["query", "key", "value"].map { attention + "self." + $0 }
        : ["q", "k", "v"].map { attention + "attn." + $0 },
      attentionOutput: attention + (isBERT ? "output.dense" : "attn.o"),
      attentionNorm: attention + (isBERT ? "output.LayerNorm" : "LayerNorm"),
      intermediate: base + "intermediate.dense",
      output: base + "output.dense",
      outputNorm: base + "output.LayerNorm")
  }

  /// Full names of a LayerNorm's weight and bias; checkpoints of 2019 call them gamma and beta.
  func norm(_ name: String, in set: WeightSet, prefix: String) -> (weight: String, bias: String) {
    set.contains(prefix + name + ".gamma")
      ? (name + ".gamma", name + ".beta") : (name + ".weight", name + ".bias")
  }

  /// Every tensor the encoder needs.
  func expected(in set: WeightSet, prefix: String) -> [(name: String, shape: [Int])] {
    let hidden = configuration.hiddenSize
    let wide = configuration.intermediateSize
    var result: [(name: String, shape: [Int])] = [
      (Self.words, [configuration.vocabularySize, hidden]),
      (Self.positions, [configuration.positions, hidden]),
    ]
    func addNorm(_ name: String) {
      let (weight, bias) = norm(name, in: set, prefix: prefix)
      result += [(weight, [hidden]), (bias, [hidden])]
    }
    func addLinear(_ name: String, _ outputs: Int, _ inputs: Int) {
      result += [(name + ".weight", [outputs, inputs]), (name + ".bias", [outputs])]
    }
    if configuration.tokenTypes > 0 {
      result.append((Self.tokenTypes, [configuration.tokenTypes, hidden]))
    }
    if configuration.relativeAttentionBuckets > 0 {
      result.append(
        (Self.relativeBias, [configuration.relativeAttentionBuckets, configuration.heads]))
    }
    addNorm(Self.embeddingNorm)
    for number in 0..<configuration.layers {
      let layer = layer(number)
      for name in layer.qkv { addLinear(name, hidden, hidden) }
      addLinear(layer.attentionOutput, hidden, hidden)
      addNorm(layer.attentionNorm)
      addLinear(layer.intermediate, wide, hidden)
      addLinear(layer.output, hidden, wide)
      addNorm(layer.outputNorm)
    }
    return result
  }
}
