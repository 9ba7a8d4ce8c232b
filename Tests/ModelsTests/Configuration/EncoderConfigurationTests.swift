import Basics
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// What `config.json` may say; FAULTS.md row 11.
@Suite struct EncoderConfigurationTests {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func read(_ model: String, _ changes: [String: JSONValue?]) throws -> EncoderConfiguration
  {
    var object = try JSONParser.parse(contentsOf: Checkout.fixture("models/\(model)/config.json"))
      .requiredObject()
    for (key, value) in changes { object[key] = value }
    try directory.write("config.json", text: JSONValue.object(object).serialized())
    return try EncoderConfiguration(directory: directory.path)
  }

  @Test func bertIsRead() throws {
    let configuration = try read("tiny-bert", [:])
    #expect(configuration.family == .bert && configuration.hiddenSize == 32)
    #expect(configuration.layers == 2 && configuration.heads == 4)
    #expect(configuration.intermediateSize == 64 && configuration.vocabularySize == 200)
    #expect(configuration.positions == 160 && configuration.maximumTokens == 160)
    #expect(configuration.tokenTypes == 2 && configuration.relativeAttentionBuckets == 0)
    #expect(configuration.activation == .gelu && configuration.layerNormEpsilon == 1e-12)
    #expect(configuration.positionOffset == 0)
  }

  @Test func mpnetIsRead() throws {
    let configuration = try read("tiny-mpnet", [:])
    #expect(configuration.family == .mpnet && configuration.positions == 162)
    #expect(configuration.positionOffset == 2 && configuration.maximumTokens == 160)
    #expect(configuration.tokenTypes == 0 && configuration.relativeAttentionBuckets == 32)
  }

  @Test(
    arguments: [
      ("gelu", .gelu), ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh), ("relu", .relu),
    ] as [(String, Activation)])
  func activations(name: String, activation: Activation) throws {
    #expect(try read("tiny-bert", ["hidden_act": .string(name)]).activation == activation)
  }

  @Test func whatOldFilesLackHasDefaults() throws {
    let configuration = try read(
      "tiny-bert", ["layer_norm_eps": nil, "position_embedding_type": nil])
    #expect(configuration.layerNormEpsilon == 1e-12)
  }

  @Test(
    arguments: [
      ("num_attention_heads", .integer(5), "'num_attention_heads' is 5, which does not divide"),
      ("num_attention_heads", .integer(0), "'num_attention_heads' is 0, expected 1 to 1024"),
      ("num_attention_heads", .integer(-4), "'num_attention_heads' is -4"),
      ("num_hidden_layers", .integer(0), "'num_hidden_layers' is 0, expected 1 to 256"),
      ("num_hidden_layers", .integer(1 << 40), "'num_hidden_layers' is 1099511627776"),
      ("hidden_size", .integer(0), "'hidden_size' is 0"),
      ("hidden_size", .string("32"), "'hidden_size': expected an integer"),
      ("hidden_size", .number(32.5), "'hidden_size': expected an integer"),
      ("hidden_size", .integer(.max), "'hidden_size' is 9223372036854775807"),
      ("vocab_size", .integer(1 << 40), "'vocab_size' is 1099511627776, expected 1 to 4194304"),
      ("vocab_size", .integer(-1), "'vocab_size' is -1"),
      ("intermediate_size", .integer(0), "'intermediate_size' is 0"),
      ("intermediate_size", .null, "'intermediate_size': expected an integer, found null"),
      ("max_position_embeddings", .integer(0), "'max_position_embeddings' is 0"),
      ("type_vocab_size", .integer(0), "'type_vocab_size' is 0"),
      ("layer_norm_eps", .number(-1e-12), "'layer_norm_eps' is -1e-12"),
      ("layer_norm_eps", .integer(0), "'layer_norm_eps' is 0"),
      ("layer_norm_eps", .integer(1), "'layer_norm_eps' is 1"),
      ("layer_norm_eps", .number(1e-300), "'layer_norm_eps' is 1e-300, expected above 0"),
      ("layer_norm_eps", .string("nan"), "'layer_norm_eps': expected a number"),
      ("hidden_act", .string("swish"), "'hidden_act' is 'swish', implemented are gelu"),
      ("model_type", .string("llama"), "'model_type' is 'llama', implemented are bert, mpnet"),
      ("model_type", .string("BERT"), "'model_type' is 'BERT'"),
      (
        "position_embedding_type", .string("relative_key"),
        "'position_embedding_type' is 'relative_key', implemented is absolute"
      ),
    ] as [(String, JSONValue, String)])
  func badValues(key: String, value: JSONValue, message: String) throws {
    let error = #expect(throws: InputError.self) { try read("tiny-bert", [key: value]) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    #expect(error?.place.file?.hasSuffix("config.json") == true)
  }

  @Test(arguments: ["hidden_size", "num_attention_heads", "hidden_act", "model_type", "vocab_size"])
  func missingKeys(key: String) throws {
    let error = #expect(throws: InputError.self) { try read("tiny-bert", [key: nil]) }
    #expect(error?.message.contains("'\(key)' is missing") == true, "\(error?.message ?? "")")
  }

  /// Fewer than four buckets have no logarithmic ones and would divide by zero; with 512 the single
  /// distances reach the largest distance.
  @Test(arguments: [0, 1, 2, 3, 512, 1024, -32])
  func bucketCountsWithoutASense(count: Int) throws {
    let error = #expect(throws: InputError.self) {
      try read("tiny-mpnet", ["relative_attention_num_buckets": .integer(Int64(count))])
    }
    #expect(
      error?.message == "'relative_attention_num_buckets' is \(count), expected 4 to 511")
  }

  @Test func positionsMustHoldAToken() throws {
    let error = #expect(throws: InputError.self) {
      try read("tiny-mpnet", ["max_position_embeddings": .integer(2)])
    }
    #expect(error?.message.contains("'max_position_embeddings' is 2, expected above 2") == true)
  }

  @Test(arguments: [
    "", "[]", "null", "{", "{\"model_type\":\"bert\",\"model_type\":\"bert\"}", "{}",
  ])
  func noConfiguration(text: String) throws {
    try directory.write("config.json", text: text)
    #expect(throws: InputError.self) { try EncoderConfiguration(directory: directory.path) }
  }

  @Test func aMissingFileIsNoInput() throws {
    #expect(throws: FileError.self) { try EncoderConfiguration(directory: directory.path) }
  }

  @Test(arguments: ["tiny-bert", "tiny-mpnet"])
  func damageNeverTraps(model: String) throws {
    let bytes = try FileBytes.read(
      Checkout.fixture("models/\(model)/config.json"), limit: 1 << 16)
    func load(_ bytes: [UInt8]) throws {
      try directory.write("config.json", bytes)
      do {
        let configuration = try EncoderConfiguration(directory: directory.path)
        #expect(configuration.hiddenSize % configuration.heads == 0)
      } catch is InputError {}
    }
    for mask: UInt8 in [0xFF, 0x01, 0x04] {
      try Damage.flipping(bytes, mask: mask) { damaged, _ in try load(damaged) }
    }
    try Damage.truncating(bytes, step: 7) { damaged, _ in try load(damaged) }
  }

  /// Sizes that `config.json` and the weights do not share are all listed.
  @Test func weightsOfAnotherSize() throws {
    _ = try read("tiny-bert", ["hidden_size": .integer(64), "num_hidden_layers": .integer(3)])
    try directory.write(
      "model.safetensors",
      FileBytes.read(Checkout.fixture("models/tiny-bert/model.safetensors"), limit: 1 << 24))
    let error = #expect(throws: InputError.self) {
      try TransformerEncoder(directory: directory.path)
    }
    let message = error?.message ?? ""
    #expect(
      message.contains(
        "embeddings.word_embeddings.weight: expected [200, 64], found [200, 32]"))
    #expect(message.contains("missing: encoder.layer.2.output.dense.weight [64, 64]"))
  }
}
