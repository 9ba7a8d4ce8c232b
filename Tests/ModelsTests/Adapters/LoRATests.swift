import Basics
import Glibc
import SystemPackage
import Tensors
import TestSupport
import Testing

@testable import Models

/// LoRA against `peft` (Tests/Fixtures/decoders/*-lora).
@Suite struct LoRATests {
  private func golden(_ name: String) throws -> TinyDecoder {
    try TinyDecoder(name, golden: name + "-lora")
  }

  @Test(arguments: TinyDecoder.names) func adaptersOfPEFT(name: String) throws {
    let tiny = try golden(name)
    let decoder = try tiny.trainable()
    let adapter = try LoRAAdapter(directory: tiny.adapter, on: decoder, isTrainable: true)
    expectClose(
      decoder.logits(of: tiny.inputs), try tiny.logits(), absolute: 5e-5)
    for checkpoints in [false, true] {
      decoder.checkpointsLayers = checkpoints
      for parameter in adapter.parameters { parameter.clearGradient() }
      let tape = Tape(in: ComputeContext(threads: 2))
      let loss = tape.mean(decoder.exampleLosses(of: tiny.examples, on: tape))
      expectClose(
        Double(loss.value.values[0]), try tiny.golden.description.double("loss"), absolute: 5e-6)
      tape.backward(from: loss)
      expectGradients(
        adapter.parameters,
        try adapter.parameters.map { try tiny.golden.array("gradient/\($0.name)") }, name)
    }
    #expect(
      tiny.golden.names.filter { $0.hasPrefix("gradient/") }.count == adapter.parameters.count)
    #expect(decoder.parameters.allSatisfy { !$0.isTrainable && $0.gradient == nil })
  }

  @Test(arguments: TinyDecoder.names) func mergedAndUnmerged(name: String) throws {
    let tiny = try golden(name)
    let decoder = try tiny.trainable()
    let plain = decoder.logits(of: tiny.inputs)
    let adapter = try LoRAAdapter(directory: tiny.adapter, on: decoder, isTrainable: false)
    let adapted = decoder.logits(of: tiny.inputs)
    let expected = try tiny.golden.array("merged_logits")
    // The decoder that generates has the updates in its weights.
    let generating = try TransformerDecoder(decoder.weights).logits(of: [tiny.inputs.last ?? []])
    expectClose(generating, expected, absolute: 5e-5)
    try adapter.merge()
    #expect(adapter.isMerged)
    let merged = decoder.logits(of: [tiny.inputs.last ?? []])
    expectClose(merged, expected, absolute: 5e-5)
    #expect(merged == generating)
    try adapter.unmerge()
    #expect(decoder.logits(of: tiny.inputs) == adapted)
    adapter.detach()
    #expect(decoder.logits(of: tiny.inputs) == plain && plain != adapted)
    // The folder that is saved with an adapter is the merged model.
    _ = try LoRAAdapter(directory: tiny.adapter, on: decoder, isTrainable: false)
    let temporary = try TemporaryDirectory()
    try decoder.save(to: temporary.file("merged"))
    let saved = try TransformerDecoder(DecoderWeights(directory: temporary.file("merged")))
    #expect(try saved.logits(of: [tiny.inputs.last ?? []]) == merged)
  }

  @Test(arguments: TinyDecoder.names) func foldersRoundTrip(name: String) throws {
    let tiny = try golden(name)
    let decoder = try tiny.trainable()
    let adapter = try LoRAAdapter(directory: tiny.adapter, on: decoder, isTrainable: true)
    let temporary = try TemporaryDirectory()
    let folder = temporary.file("adapter")
    try adapter.save(to: folder)
    let values = adapter.parameters.map(\.value.values)
    adapter.detach()
    let again = try LoRAAdapter(directory: folder, on: decoder, isTrainable: true)
    #expect(again.configuration.rank == adapter.configuration.rank)
    #expect(again.configuration.scale == adapter.configuration.scale)
    #expect(again.parameters.map(\.value.values) == values)
    // Key by key what peft wrote.
    func settings(_ folder: FilePath) throws -> JSONObject {
      try JSONParser.parse(contentsOf: folder.appending("adapter_config.json")).requiredObject()
    }
    let (saved, written) = (try settings(folder), try settings(tiny.adapter))
    for key in [
      "peft_type", "task_type", "r", "lora_alpha", "use_rslora", "bias", "target_modules",
    ] {
      #expect(saved[key] == written[key], "\(key)")
    }
    func shapes(_ folder: FilePath) throws -> [String: [Int]] {
      let file = try SafetensorsFile(folder.appending("adapter_model.safetensors"))
      return Dictionary(uniqueKeysWithValues: file.entries.map { ($0.name, $0.shape) })
    }
    #expect(try shapes(folder) == shapes(tiny.adapter))
  }

  @Test func newAdaptersChangeNothingYet() throws {
    let tiny = try TinyDecoder("tiny-llama")
    let decoder = try tiny.trainable()
    let plain = decoder.logits(of: tiny.inputs)
    let configuration = LoRAConfiguration(rank: 16, targets: .allLinear, isRankStabilized: true)
    #expect(configuration.scale == 2)
    let adapter = try LoRAAdapter(configuration, on: decoder, seed: 7)
    #expect(adapter.parameters.count == 2 * 7 * 2)
    #expect(decoder.logits(of: tiny.inputs) == plain)
    for parameter in adapter.parameters {
      let values = parameter.value.values
      if parameter.name.hasSuffix("lora_B.weight") {
        #expect(values.allSatisfy { $0 == 0 })
        continue
      }
      // Uniform in ±1/√inputs: the deviation is 1/√(3 inputs).
      let bound = 1 / Double(parameter.shape[1]).squareRoot()
      #expect(values.allSatisfy { abs(Double($0)) <= bound })
      expectClose(
        norm(values) / Double(values.count).squareRoot(), bound / 3.0.squareRoot(), absolute: 0,
        relative: 0.15, parameter.name)
    }
    let values = adapter.parameters.map(\.value.values)
    adapter.detach()
    let same = try LoRAAdapter(configuration, on: decoder, seed: 7)
    #expect(same.parameters.map(\.value.values) == values)
    #expect(
      refusal { _ = try LoRAAdapter(configuration, on: decoder, seed: 7) }
        == "LoRA: the model has an adapter")
    same.detach()
    let other = try LoRAAdapter(configuration, on: decoder, seed: 8)
    #expect(other.parameters.map(\.value.values) != values)
  }

  private func paths(_ targets: LoRAConfiguration.Targets) throws -> [String] {
    try targets.layers(of: TinyDecoder("tiny-llama").trainable()).map(\.path)
  }

  @Test func targets() throws {
    #expect(
      try paths(.suffixes(["self_attn.q_proj", "model.layers.1.mlp.up_proj"])) == [
        "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj",
        "model.layers.1.mlp.up_proj",
      ])
    #expect(
      try paths(.pattern(#"model\.layers\.0\..*\.(q|v)_proj"#)) == [
        "model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj",
      ])
    #expect(try paths(.allLinear).count == 14)
    #expect(
      refusal { _ = try paths(.pattern("q_proj")) }?.contains("match no linear layer") == true)
    #expect(refusal { _ = try paths(.pattern("(")) }?.contains("no regular expression") == true)
    #expect(
      refusal { _ = try paths(.suffixes(["_proj"])) }
        == "LoRA: '_proj' is no linear layer of the model; there are q_proj, k_proj, v_proj, o_proj,"
        + " gate_proj, up_proj, down_proj")
    #expect(refusal { _ = try paths(.suffixes(["lm_head"])) }?.contains("'lm_head'") == true)
  }

  @Test func foreignAdaptersAreRefused() throws {
    let tiny = try TinyDecoder("tiny-llama")
    let other = try TinyDecoder("tiny-llama-tied")
    func load(_ folder: FilePath, isTrainable: Bool = false) -> String? {
      refusal {
        _ = try LoRAAdapter(directory: folder, on: tiny.trainable(), isTrainable: isTrainable)
      }
    }
    #expect(
      load(other.adapter)?.contains(
        "q_proj.lora_B.weight: expected [32, 3], found [64, 3]") == true)
    let source = try JSONParser.parse(contentsOf: tiny.adapter.appending("adapter_config.json"))
      .requiredObject()
    let changes: [(String, JSONValue, String)] = [
      ("peft_type", "IA3", "'peft_type' is \"IA3\""), ("use_dora", true, "'use_dora' is true"),
      ("bias", "all", "'bias' is \"all\""), ("fan_in_fan_out", true, "'fan_in_fan_out'"),
      ("modules_to_save", ["lm_head"], "'modules_to_save' is [\"lm_head\"]"),
      ("rank_pattern", ["q_proj": 2], "'rank_pattern'"), ("layers_to_transform", [0], "'layers_to"),
      ("r", 0, "'r' is 0"), ("r", 5, "lora_A.weight: expected [5, 32], found [4, 32]"),
      ("lora_dropout", 1.5, "'lora_dropout' is 1.5"),
      ("target_modules", ["c_attn"], "'c_attn' is no linear layer"),
      (
        "target_modules", ["q_proj"], "unexpected: base_model.model.model.layers.0.self_attn.v_proj"
      ),
      (
        "target_modules", ["q_proj", "v_proj", "up_proj"],
        "missing: base_model.model.model.layers.0.mlp"
      ),
    ]
    for (key, value, message) in changes {
      let folder = try TemporaryDirectory()
      var object = source
      object[key] = value
      try folder.write("adapter_config.json", text: JSONValue.object(object).serialized())
      try folder.write(
        "adapter_model.safetensors",
        FileBytes.read(tiny.adapter.appending("adapter_model.safetensors"), limit: 1 << 20))
      let found = load(folder.path)
      #expect(found?.contains(message) == true, "\(key): \(found ?? "accepted")")
    }
    // Dropout: used, but not trained on.
    let folder = try TemporaryDirectory()
    var object = source
    object["lora_dropout"] = 0.1
    try folder.write("adapter_config.json", text: JSONValue.object(object).serialized())
    try folder.write(
      "adapter_model.safetensors",
      FileBytes.read(tiny.adapter.appending("adapter_model.safetensors"), limit: 1 << 20))
    #expect(load(folder.path) == nil)
    #expect(load(folder.path, isTrainable: true)?.contains("'lora_dropout' is 0.1") == true)
  }

  /// The same mechanism on an encoder, whose layers have biases: gradients against differences.
  @Test func encodersToo() throws {
    let encoder = try TrainableTransformer(directory: Checkout.fixture("models/tiny-bert"))
    let tokens = [TokenSequence(ids: [3, 9, 27, 50], typeIDs: [0, 0, 0, 0])]
    let adapter = try LoRAAdapter(
      LoRAConfiguration(rank: 2, targets: .suffixes(["query", "intermediate.dense"])), on: encoder,
      seed: 1)
    #expect(adapter.parameters.count == 8)
    var random = Philox(seed: 2)
    for parameter in adapter.parameters {
      parameter.update { values, _ in
        for i in values.indices { values[i] = Float.random(in: -0.5...0.5, using: &random) }
      }
    }
    let weights = (0..<128).map { _ in Float.random(in: -1...1, using: &random) }
    let context = ComputeContext()
    func output(_ tape: Tape) -> Variable {
      tape.sum(encoder.states(of: tokens, on: tape), weights: weights)
    }
    let tape = Tape(in: context)
    tape.backward(from: output(tape))
    for parameter in adapter.parameters {
      let gradient = try #require(parameter.gradient).values
      let size = norm(gradient)
      let before = parameter.value
      func moved(_ step: Double) throws -> Double {
        try parameter.assign(
          Tensor(
            zip(before.values, gradient).map { $0 + Float(step * Double($1) / size) },
            shape: parameter.shape))
        return Double(output(Tape(in: context, mode: .forwardOnly)).value.values[0])
      }
      let h = 4e-3
      let difference = (try moved(h) - moved(-h)) / (2 * h)
      try parameter.assign(before)
      expectClose(difference, size, absolute: 2e-3, relative: 5e-3, parameter.name)
    }
  }
}
