import Basics
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// Configuration, seeds and folders of decoders.
@Suite struct DecoderFileTests {
  private static func edited(
    _ name: String, _ edit: (inout JSONObject) -> Void
  ) throws -> TemporaryDirectory {
    let folder = try TemporaryDirectory()
    let source = Checkout.fixture("decoders/\(name)")
    var object = try JSONParser.parse(contentsOf: source.appending("config.json")).requiredObject()
    edit(&object)
    try folder.write("config.json", text: JSONValue.object(object).serialized())
    try folder.write(
      "model.safetensors", FileBytes.read(source.appending("model.safetensors"), limit: 1 << 20))
    return folder
  }

  @Test func sizesOfTheTinyModels() throws {
    let plain = try DecoderConfiguration(directory: Checkout.fixture("decoders/tiny-llama"))
    #expect(
      try plain
        == DecoderConfiguration(
          vocabularySize: 100, hiddenSize: 32, intermediateSize: 64, layers: 2, heads: 4,
          keyValueHeads: 2, maximumTokens: 64, tiesWordTable: false, beginToken: 1, endTokens: [2]))
    let tied = try DecoderConfiguration(directory: Checkout.fixture("decoders/tiny-llama-tied"))
    #expect(tied.headSize == 16 && tied.rotaryBase == 500 && tied.normEpsilon == 1e-6)
    #expect(tied.tiesWordTable && tied.maximumTokens == 48)
  }

  /// The form of version 4: θ beside the other keys; end tokens in both files.
  @Test func olderConfigurations() throws {
    let folder = try Self.edited("tiny-llama-tied") { object in
      object["rope_parameters"] = .null
      object["rope_scaling"] = .null
      object["rope_theta"] = 500
      object["eos_token_id"] = [2, 3]
    }
    try folder.write("generation_config.json", text: #"{"eos_token_id": [3, 4]}"#)
    let found = try DecoderConfiguration(directory: folder.path)
    #expect(found.rotaryBase == 500 && found.endTokens == [2, 3, 4])
  }

  private static let refused: [(String, JSONValue, String)] = [
    ("model_type", "mistral", "'model_type' is 'mistral'"),
    ("architectures", ["LlamaForSequenceClassification"], "'architectures'"),
    ("hidden_act", "gelu", "'hidden_act' is 'gelu'"),
    ("attention_bias", true, "'attention_bias' is true"),
    ("mlp_bias", true, "'mlp_bias' is true"),
    ("rope_scaling", ["rope_type": "llama3", "factor": 8], "'rope_scaling.rope_type' is 'llama3'"),
    ("rope_scaling", ["type": "linear"], "'rope_scaling.rope_type' is 'linear'"),
    ("rope_parameters", ["rope_type": "yarn"], "'rope_parameters.rope_type' is 'yarn'"),
    ("quantization_config", ["bits": 4], "'quantization_config'"),
    ("vocab_size", 0, "'vocab_size' is 0"), ("hidden_size", -32, "'hidden_size' is -32"),
    ("num_hidden_layers", 9_000_000_000_000, "'num_hidden_layers' is 9000000000000"),
    ("num_attention_heads", 0, "'num_attention_heads' is 0"),
    ("num_key_value_heads", 3, "'num_key_value_heads' is 3, which does not divide"),
    ("head_dim", 7, "'head_dim' is 7, expected even"),
    ("rms_norm_eps", 1e-60, "'rms_norm_eps' is"), ("rms_norm_eps", 1, "'rms_norm_eps' is 1"),
    ("rope_parameters", ["rope_theta": 0.5], "'rope_theta' is 0.5"),
    ("eos_token_id", 100, "the token 100"), ("bos_token_id", -1, "'bos_token_id' is -1"),
    ("max_position_embeddings", 0, "'max_position_embeddings' is 0"),
    ("vocab_size", 101, "model.embed_tokens.weight: expected [101, 32], found [100, 32]"),
    ("num_hidden_layers", 3, "missing: model.layers.2.self_attn.q_proj.weight [32, 32]"),
    ("num_hidden_layers", 1, "unexpected: model.layers.1."),
    ("intermediate_size", 32, "mlp.down_proj.weight: expected [32, 32], found [32, 64]"),
  ]

  @Test(arguments: refused.indices) func whatDoesNotFitIsRefused(index: Int) throws {
    let (key, value, message) = Self.refused[index]
    let folder = try Self.edited("tiny-llama") { $0[key] = value }
    let found = refusal { _ = try DecoderWeights(directory: folder.path) }
    #expect(found?.contains(message) == true, "\(key): \(found ?? "accepted")")
  }

  /// A head of its own in a model that is said to be tied is read over, and the other way round missed.
  @Test func headsAndTies() throws {
    let tied = try Self.edited("tiny-llama") { $0["tie_word_embeddings"] = true }
    let weights = try DecoderWeights(directory: tied.path)
    #expect(try TrainableDecoder(weights).parameters.allSatisfy { $0.name != "lm_head.weight" })
    let untied = try Self.edited("tiny-llama-tied") { $0["tie_word_embeddings"] = false }
    #expect(
      refusal { _ = try DecoderWeights(directory: untied.path) }?.contains(
        "missing: lm_head.weight [100, 32]") == true)
  }

  @Test func newWeightsAreThoseOfTransformers() throws {
    let configuration = try DecoderConfiguration(
      vocabularySize: 500, hiddenSize: 64, intermediateSize: 96, layers: 2, heads: 4,
      keyValueHeads: 2, maximumTokens: 32)
    func make(_ seed: UInt64) throws -> TrainableDecoder {
      try TrainableDecoder(DecoderWeights(configuration, seed: seed))
    }
    let (model, same, other) = (try make(1), try make(1), try make(2))
    #expect(model.parameters.map(\.value.values) == same.parameters.map(\.value.values))
    #expect(configuration.parameterCount == model.parameters.reduce(0) { $0 + $1.count })
    for (parameter, differing) in zip(model.parameters, other.parameters) {
      let values = parameter.value.values
      if parameter.shape.count == 1 {
        #expect(values.allSatisfy { $0 == 1 })
      } else {
        #expect(values != differing.value.values)
        let deviation = norm(values) / Double(values.count).squareRoot()
        // The standard error of a deviation is 0.02 / √(2 n).
        expectClose(
          deviation, 0.02, absolute: 5 * 0.02 / Double(2 * values.count).squareRoot(),
          parameter.name)
      }
    }
    // Nothing learned: the loss is that of guessing.
    let tape = Tape(in: ComputeContext(), mode: .forwardOnly)
    let loss = model.meanLoss(of: [MaskedTokens(completion: Array(0..<30))], on: tape)
    expectClose(Double(loss.value.values[0]), 6.2146, absolute: 0.1)
  }

  @Test(arguments: TinyDecoder.names) func whatIsSavedIsReadAgain(name: String) throws {
    let tiny = try TinyDecoder(name)
    let temporary = try TemporaryDirectory()
    let decoder = try tiny.trainable()
    let folder = temporary.file("saved")
    try decoder.save(to: folder)
    let again = try TrainableDecoder(DecoderWeights(directory: folder))
    #expect(again.configuration == decoder.configuration)
    #expect(again.parameters.map(\.name) == decoder.parameters.map(\.name))
    #expect(again.parameters.map(\.value.values) == decoder.parameters.map(\.value.values))
    // As transformers wrote it: the same tensors, and every key of config.json that says something.
    func entries(_ folder: FilePath) throws -> [String: [Int]] {
      let file = try SafetensorsFile(folder.appending("model.safetensors"))
      #expect(file.metadata == ["format": "pt"])
      return Dictionary(uniqueKeysWithValues: file.entries.map { ($0.name, $0.shape) })
    }
    #expect(try entries(folder) == entries(tiny.directory))
    func settings(_ folder: FilePath) throws -> JSONObject {
      try JSONParser.parse(contentsOf: folder.appending("config.json")).requiredObject()
    }
    let (saved, written) = (try settings(folder), try settings(tiny.directory))
    for (key, value) in written.members
    where !["transformers_version", "pad_token_id"].contains(key) {
      #expect(saved[key] == value || saved[key]?.doubleValue == value.doubleValue, "\(key)")
    }
  }
}
