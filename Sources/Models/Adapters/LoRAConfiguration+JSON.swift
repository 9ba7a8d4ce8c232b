import Basics
import SystemPackage

/// `adapter_config.json` of `peft`.
extension LoRAConfiguration {
  /// Reads an adapter's settings; what is not computed here is refused by name.
  ///
  /// - Parameter path: the file.
  /// - Throws: `FileError` or `InputError` naming the key and the value.
  init(path: FilePath) throws {
    let place = Place(file: path.shown)
    let object = try JSONParser.parse(contentsOf: path).requiredObject(at: place)
    try Self.checkSupported(object, at: place)
    rank = try object.int("r", at: place)
    alpha = try object.double("lora_alpha", at: place)
    isRankStabilized = try object.optionalBool("use_rslora", at: place) ?? false
    dropout = try object.optionalDouble("lora_dropout", at: place) ?? 0
    baseModel = try object.optionalString("base_model_name_or_path", at: place)
    switch object["target_modules"] {
    case .string("all-linear"): targets = .allLinear
    case .string(let pattern): targets = .pattern(pattern)
    default: targets = .suffixes(try object.strings("target_modules", at: place))
    }
    try check(at: place)
  }

  /// Refuses settings that no adapter can have.
  func check(at place: Place) throws {
    guard (1...65_536).contains(rank) else {
      throw InputError("'r' is \(rank), expected 1 to 65536", at: place)
    }
    guard scale.isFinite else {
      throw InputError(
        "'lora_alpha' is \(alpha) with 'r' \(rank), expected a scale that Float32 can hold",
        at: place)
    }
    guard (0..<1).contains(dropout) else {
      throw InputError("'lora_dropout' is \(dropout), expected 0 up to below 1", at: place)
    }
  }

  private static func checkSupported(_ object: JSONObject, at place: Place) throws {
    func refuse(_ key: String, _ implemented: String) -> InputError {
      let value = object[key] ?? .null
      return InputError(
        "'\(key)' is \((try? value.serialized()) ?? value.summary), implemented is \(implemented)",
        at: place)
    }
    guard try object.string("peft_type", at: place) == "LORA" else {
      throw refuse("peft_type", "LORA")
    }
    for key in ["fan_in_fan_out", "use_dora", "lora_bias", "use_qalora", "use_bdlora"]
    where object[key] != .bool(false) && object[key] != .null && object[key] != nil {
      throw refuse(key, "false")
    }
    if let bias = try object.optionalString("bias", at: place), bias != "none" {
      throw refuse("bias", "none")
    }
    // Each of them trains, stores or places something that is not read here.
    for key in [
      "modules_to_save", "layers_to_transform", "layers_pattern", "layer_replication",
      "rank_pattern", "alpha_pattern", "exclude_modules", "target_parameters",
      "trainable_token_indices", "alora_invocation_tokens", "megatron_config",
    ] {
      switch object[key] {
      case nil, .null: continue
      case .array(let list) where list.isEmpty: continue
      case .object(let members) where members.count == 0: continue
      default: throw refuse(key, "none")
      }
    }
  }

  /// The settings as `peft` reads them.
  ///
  /// - Parameters:
  ///   - task: the kind of model, such as `CAUSAL_LM`; nil: none is named.
  ///   - paths: the adapted layers, written where `targets` is not a pattern.
  /// - Returns: the object.
  func json(task: String?, paths: [String]) -> JSONObject {
    var object: JSONObject = [
      "alpha_pattern": [:], "auto_mapping": .null,
      "base_model_name_or_path": baseModel.map { .string($0) } ?? .null, "bias": "none",
      "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
    ]
    object["layers_pattern"] = .null
    object["layers_to_transform"] = .null
    object["lora_alpha"] = Int(exactly: alpha).map { JSONValue($0) } ?? .number(alpha)
    object["lora_dropout"] = .number(dropout)
    object["modules_to_save"] = .null
    object["peft_type"] = "LORA"
    object["r"] = JSONValue(rank)
    object["rank_pattern"] = [:]
    object["target_modules"] =
      switch targets {
      case .suffixes(let names): .array(names.map { .string($0) })
      case .pattern(let pattern): .string(pattern)
      case .allLinear: .array(paths.map { .string($0) })
      }
    object["task_type"] = task.map { .string($0) } ?? .null
    object["use_dora"] = false
    object["use_rslora"] = .bool(isRankStabilized)
    return object
  }
}
