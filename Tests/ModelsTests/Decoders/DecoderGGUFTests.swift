import Basics
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// Tiny Llamas as GGUF files, written here as llama.cpp's converter writes them.
@Suite struct DecoderGGUFTests {
  /// Name, ggml's sizes and numbers of each tensor.
  private typealias Stored = (name: String, sizes: [UInt64], values: [Float])

  private let bench = GGUFBench()

  /// The rows of queries and keys with the two components that turn together side by side.
  private static func sideBySide(_ weight: Tensor, heads: Int) -> [Float] {
    // weights.reshape(heads, 2, size / 2, columns).swapaxes(1, 2) of LlamaModel.permute
    let (columns, size) = (weight.columns, weight.rows / heads)
    let values = weight.values
    var result: [Float] = []
    for head in 0..<heads {
      for c in 0..<size / 2 {
        for half in 0..<2 {
          let row = head * size + half * (size / 2) + c
          result += values[row * columns..<(row + 1) * columns]
        }
      }
    }
    return result
  }

  private static func tensors(_ tiny: TinyDecoder) throws -> [Stored] {
    let weights = try tiny.weights()
    let c = weights.configuration
    return try DecoderWeightNames(c).expected.map { name, shape in
      let tensor = try weights.tensor(name)
      var values = tensor.values
      var stored = name.replacing("model.layers.", with: "blk.")
      for (from, to) in [
        ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
        ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
      ] { stored = stored.replacing(from, with: to) }
      if stored.contains("attn_q.") { values = sideBySide(tensor, heads: c.heads) }
      if stored.contains("attn_k.") { values = sideBySide(tensor, heads: c.keyValueHeads) }
      return (stored, shape.reversed().map(UInt64.init), values)
    }
  }

  private static func keys(_ c: DecoderConfiguration) -> [(String, [UInt8])] {
    func int(_ value: Int) -> [UInt8] { GGUFBytes.value(4, GGUFBytes.number(UInt32(value))) }
    func float(_ value: Float) -> [UInt8] {
      GGUFBytes.value(6, GGUFBytes.number(value.bitPattern))
    }
    let tokens = (0..<c.vocabularySize).flatMap { GGUFBytes.text("t\($0)") }
    return [
      ("general.architecture", GGUFBytes.value(8, GGUFBytes.text("llama"))),
      ("llama.block_count", int(c.layers)), ("llama.context_length", int(c.maximumTokens)),
      ("llama.embedding_length", int(c.hiddenSize)),
      ("llama.feed_forward_length", int(c.intermediateSize)),
      ("llama.attention.head_count", int(c.heads)),
      ("llama.attention.head_count_kv", int(c.keyValueHeads)),
      ("llama.attention.key_length", int(c.headSize)),
      ("llama.rope.dimension_count", int(c.headSize)),
      ("llama.attention.layer_norm_rms_epsilon", float(Float(c.normEpsilon))),
      ("llama.rope.freq_base", float(Float(c.rotaryBase))),
      ("tokenizer.ggml.bos_token_id", int(1)), ("tokenizer.ggml.eos_token_id", int(2)),
      (
        "tokenizer.ggml.tokens",
        GGUFBytes.array(8, count: UInt64(c.vocabularySize), tokens)
      ),
    ]
  }

  private func bytes(_ tensors: [Stored], _ keys: [(String, [UInt8])]) -> [UInt8] {
    var file = GGUFBytes()
    file.keys = keys
    for (name, sizes, values) in tensors {
      file.tensors.append(
        .init(name: name, sizes: sizes, type: 0, offset: UInt64(file.data.count)))
      for value in values { file.data += GGUFBytes.number(value.bitPattern) }
      file.data += [UInt8](repeating: 0, count: (32 - file.data.count % 32) % 32)
    }
    return file.bytes
  }

  @Test(arguments: TinyDecoder.names) func theSameModelAsSafetensors(name: String) throws {
    let tiny = try TinyDecoder(name)
    let expected = try tiny.trainable()
    let file = try bench.open(
      bytes(Self.tensors(tiny), Self.keys(expected.configuration)))
    let found = try TrainableDecoder(DecoderWeights(gguf: file))
    var configuration = found.configuration
    configuration.normEpsilon = expected.configuration.normEpsilon
    #expect(configuration == expected.configuration)
    #expect(Float(found.configuration.normEpsilon) == Float(expected.configuration.normEpsilon))
    #expect(found.parameters.map(\.name) == expected.parameters.map(\.name))
    for (a, b) in zip(found.parameters, expected.parameters) {
      #expect(a.value.values == b.value.values, "\(a.name)")
    }
    let decoder = try TransformerDecoder(DecoderWeights(directory: file.path))
    #expect(try decoder.logits(of: tiny.inputs) == expected.logits(of: tiny.inputs))
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let tiny = try TinyDecoder("tiny-llama")
    let configuration = try tiny.weights().configuration
    let (tensors, keys) = (try Self.tensors(tiny), Self.keys(configuration))
    func int(_ value: Int) -> [UInt8] { GGUFBytes.value(4, GGUFBytes.number(UInt32(value))) }
    func text(_ value: String) -> [UInt8] { GGUFBytes.value(8, GGUFBytes.text(value)) }
    func expectRefusal(
      _ message: String, _ tensors: [Stored], _ keys: [(String, [UInt8])],
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let file = try bench.open(bytes(tensors, keys))
      let found = refusal { _ = try DecoderWeights(gguf: file) }
      #expect(
        found?.contains(message) == true, "\(message): \(found ?? "accepted")",
        sourceLocation: sourceLocation)
    }
    func with(_ key: String, _ value: [UInt8]) -> [(String, [UInt8])] {
      keys.filter { $0.0 != key } + [(key, value)]
    }
    try expectRefusal(
      "'general.architecture' is 'gemma'", tensors, with("general.architecture", text("gemma")))
    try expectRefusal(
      "'llama.rope.scaling.type' is 'yarn'", tensors, with("llama.rope.scaling.type", text("yarn")))
    try expectRefusal("'llama.expert_count' is 8", tensors, with("llama.expert_count", int(8)))
    try expectRefusal(
      "'llama.rope.dimension_count' is 4", tensors, with("llama.rope.dimension_count", int(4)))
    try expectRefusal(
      "'num_hidden_layers' is 4000000000", tensors, with("llama.block_count", int(4_000_000_000)))
    try expectRefusal("missing: blk.2.attn_norm.weight", tensors, with("llama.block_count", int(3)))
    try expectRefusal(
      "unexpected: blk.1.attn_q.weight", tensors, with("llama.block_count", int(1)))
    try expectRefusal(
      "the vocabulary has 2 tokens, the word table 100 rows", tensors,
      with(
        "tokenizer.ggml.tokens",
        GGUFBytes.array(8, count: 2, GGUFBytes.text("a") + GGUFBytes.text("b"))))
    try expectRefusal("'llama.vocab_size' is 99", tensors, with("llama.vocab_size", int(99)))
    try expectRefusal(
      "'tokenizer.ggml.eos_token_id' is 100", tensors, with("tokenizer.ggml.eos_token_id", int(100))
    )
    try expectRefusal(
      "'llama.embedding_length' is missing", tensors,
      keys.filter { $0.0 != "llama.embedding_length" })
    try expectRefusal(
      "unexpected: rope_freqs.weight", tensors + [("rope_freqs.weight", [4], [1, 1, 1, 1])], keys)
    try expectRefusal("no word table", tensors.filter { $0.name != "token_embd.weight" }, keys)
    // Without a head of its own the word table is it.
    let tied = try bench.open(bytes(tensors.filter { $0.name != "output.weight" }, keys))
    #expect(try DecoderWeights(gguf: tied).configuration.tiesWordTable)
  }
}
