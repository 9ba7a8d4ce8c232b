public import Basics
public import SystemPackage

/// `config.json`.
extension DecoderConfiguration {
  private static let architecture = "LlamaForCausalLM"

  /// Reads `config.json`; what no decoder here computes is refused by name.
  ///
  /// Dropout of attention is read over: nothing here drops anything.
  ///
  /// - Parameter directory: the model's folder.
  /// - Throws: `FileError` or `InputError` naming the key and the value.
  public init(directory: FilePath) throws {
    let path = directory.appending("config.json")
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    try Self.checkSupported(object, at: place)
    let rotary = try object.optionalObject("rope_parameters", at: place)
    let heads = try object.int("num_attention_heads", at: place)
    let hidden = try object.int("hidden_size", at: place)
    vocabularySize = try object.int("vocab_size", at: place)
    hiddenSize = hidden
    intermediateSize = try object.int("intermediate_size", at: place)
    layers = try object.int("num_hidden_layers", at: place)
    self.heads = heads
    keyValueHeads = try object.optionalInt("num_key_value_heads", at: place) ?? heads
    headSize =
      try object.optionalInt("head_dim", at: place)
      ?? (heads > 0 && hidden % heads == 0 ? hidden / heads : 0)
    maximumTokens = try object.optionalInt("max_position_embeddings", at: place) ?? 2048
    normEpsilon = try object.optionalDouble("rms_norm_eps", at: place) ?? 1e-6
    rotaryBase =
      try rotary?.optionalDouble("rope_theta", at: place.inside("rope_parameters"))
      ?? object.optionalDouble("rope_theta", at: place) ?? 10_000
    tiesWordTable = try object.optionalBool("tie_word_embeddings", at: place) ?? false
    beginToken = try Self.tokens("bos_token_id", in: object, at: place).first
    endTokens = try Self.tokens("eos_token_id", in: object, at: place)
    let generation = directory.appending("generation_config.json")
    if generation.exists {
      // Chat models end a turn with other tokens than a text.
      let place = Place(file: generation.shown)
      let object = try JSONParser.parse(contentsOf: generation).requiredObject(at: place)
      let more = try Self.tokens("eos_token_id", in: object, at: place)
      endTokens += more.filter { !endTokens.contains($0) }
    }
    try check(at: place)
  }

  /// One token, a list of them, or none.
  private static func tokens(
    _ key: String, in object: JSONObject, at place: Place
  ) throws -> [Int32] {
    switch object[key] {
    case nil, .null: return []
    case .array: return try object.ints(key, at: place).map { try token($0, key, at: place) }
    default: return [try token(object.int(key, at: place), key, at: place)]
    }
  }

  private static func token(_ value: Int, _ key: String, at place: Place) throws -> Int32 {
    guard value >= 0, let token = Int32(exactly: value) else {
      throw InputError("'\(key)' is \(value), expected a token id", at: place)
    }
    return token
  }

  private static func checkSupported(_ object: JSONObject, at place: Place) throws {
    func refuse(_ key: String, _ value: String, _ implemented: String) -> InputError {
      InputError("'\(key)' is \(value), implemented is \(implemented)", at: place)
    }
    let type = try object.string("model_type", at: place)
    guard type == "llama" else { throw refuse("model_type", "'\(type)'", "llama") }
    let names = try object.optionalArray("architectures", at: place)?.compactMap(\.stringValue)
    if let names, !names.contains(architecture) {
      throw refuse("architectures", "\(names)", architecture)
    }
    let activation = try object.optionalString("hidden_act", at: place) ?? "silu"
    guard activation == "silu" else { throw refuse("hidden_act", "'\(activation)'", "silu") }
    for key in ["attention_bias", "mlp_bias"]
    where try object.optionalBool(key, at: place) == true {
      throw refuse(key, "true", "false")
    }
    for key in ["rope_parameters", "rope_scaling"] {
      guard let rotary = try object.optionalObject(key, at: place) else { continue }
      let place = place.inside(key)
      let kind =
        try rotary.optionalString("rope_type", at: place)
        ?? rotary.optionalString("type", at: place) ?? "default"
      guard kind == "default" else {
        throw refuse("\(key).rope_type", "'\(kind)'", "default")
      }
      let share = try rotary.optionalDouble("partial_rotary_factor", at: place) ?? 1
      guard share == 1 else { throw refuse("\(key).partial_rotary_factor", "\(share)", "1") }
    }
    if let value = object["quantization_config"], value != .null {
      throw refuse("quantization_config", value.summary, "none")
    }
  }

  /// What `config.json` says of such a model, as `transformers` of versions 4 and 5 read it.
  public var json: JSONObject {
    var object: JSONObject = [
      "architectures": .array([.string(Self.architecture)]), "attention_bias": .bool(false),
      "attention_dropout": .number(0),
    ]
    object["bos_token_id"] = beginToken.map { JSONValue(Int($0)) } ?? .null
    object["dtype"] = .string("float32")
    object["eos_token_id"] = Self.value(of: endTokens)
    object["head_dim"] = JSONValue(headSize)
    object["hidden_act"] = .string("silu")
    object["hidden_size"] = JSONValue(hiddenSize)
    object["initializer_range"] = .number(DecoderWeights.initialDeviation)
    object["intermediate_size"] = JSONValue(intermediateSize)
    object["max_position_embeddings"] = JSONValue(maximumTokens)
    object["mlp_bias"] = .bool(false)
    object["model_type"] = .string("llama")
    object["num_attention_heads"] = JSONValue(heads)
    object["num_hidden_layers"] = JSONValue(layers)
    object["num_key_value_heads"] = JSONValue(keyValueHeads)
    object["pretraining_tp"] = JSONValue(1)
    object["rms_norm_eps"] = .number(normEpsilon)
    object["rope_parameters"] = ["rope_theta": .number(rotaryBase), "rope_type": "default"]
    object["rope_theta"] = .number(rotaryBase)
    object["tie_word_embeddings"] = .bool(tiesWordTable)
    object["use_cache"] = .bool(true)
    object["vocab_size"] = JSONValue(vocabularySize)
    return object
  }

  /// What `generation_config.json` says.
  public var generationJSON: JSONObject {
    [
      "bos_token_id": beginToken.map { JSONValue(Int($0)) } ?? .null,
      "eos_token_id": Self.value(of: endTokens),
    ]
  }

  private static func value(of tokens: [Int32]) -> JSONValue {
    switch tokens.count {
    case 0: .null
    case 1: JSONValue(Int(tokens[0]))
    default: .array(tokens.map { JSONValue(Int($0)) })
    }
  }
}
