import Basics
import Tensors

/// GGUF files of the architecture `llama`.
///
/// Quantised numbers become Float32: a model takes 4 bytes a weight, whatever the file does (6.4 times
/// the file at Q4_1, 3.8 times at Q8_0). Tensors are expanded one by one.
///
/// - SeeAlso: ggml-org/llama.cpp: `convert_hf_to_gguf.py`, `LlamaModel`; ggml-org/ggml: `docs/gguf.md`.
extension DecoderWeights {
  /// Opens the weights of a GGUF file.
  ///
  /// - Parameter file: the file.
  /// - Throws: `InputError` naming the key or tensor that does not fit: another architecture, scaled
  ///   positions, experts, tensors missing, too many or of another shape, a vocabulary of another size
  ///   than the word table.
  public init(gguf file: GGUFFile) throws {
    let place = Place(file: file.path.shown)
    let configuration = try DecoderConfiguration(gguf: file)
    let names = DecoderWeightNames(configuration)
    var entries: [String: GGUFFile.Entry] = [:]
    var problems: [String] = []
    for (name, shape) in names.expected {
      let stored = Self.ggufName(of: name)
      guard let entry = file.entry(stored) else {
        problems.append("missing: \(stored) \(shape)")
        continue
      }
      if entry.shape != shape {
        problems.append("\(stored): expected \(shape), found \(entry.shape)")
      }
      entries[name] = entry
    }
    let wanted = Set(names.expected.map { UTF8Key(Self.ggufName(of: $0.name)) })
    problems += file.entries.filter { !wanted.contains(UTF8Key($0.name)) }.map {
      "unexpected: \(TerminalText.excerpt($0.name))"
    }
    guard problems.isEmpty else {
      throw InputError(
        "the weights do not fit the metadata: \(problems.joined(separator: "; "))", at: place)
    }
    let size = configuration.headSize
    self.init(
      configuration, origin: file.path.shown,
      expandedBytes: entries.values.reduce(0) { $0 + $1.expandedBytes }
    ) { [entries] name in
      guard let entry = entries[name] else {
        preconditionFailure("DecoderWeights: no tensor '\(name)'")
      }
      let tensor = try file.tensor(entry)
      let isTurned =
        entry.name.hasSuffix(".attn_q.weight") || entry.name.hasSuffix(".attn_k.weight")
      return isTurned ? try Self.halvesApart(tensor, headSize: size) : tensor
    }
  }

  /// Undoes what llama.cpp does to the rows of queries and keys: it puts the two components that turn
  /// together side by side (2c, 2c + 1), `transformers` half a head apart (c, c + size / 2).
  static func halvesApart(_ weight: Tensor, headSize: Int) throws -> Tensor {
    let (half, columns) = (headSize / 2, weight.columns)
    let values = weight.withValues { from in
      [Float](unsafeUninitializedCapacity: weight.count) { to, count in
        for row in 0..<weight.rows {
          let (head, part) = (row / headSize, row % headSize)
          let source = head * headSize + 2 * (part % half) + part / half
          for column in 0..<columns {
            to[row * columns + column] = from[source * columns + column]
          }
        }
        count = weight.count
      }
    }
    return try Tensor(values, shape: weight.shape)
  }

  private static func ggufName(of name: String) -> String {
    switch name {
    case DecoderWeightNames.words: return "token_embd.weight"
    case DecoderWeightNames.norm: return "output_norm.weight"
    case DecoderWeightNames.head: return "output.weight"
    default: break
    }
    let parts = name.split(separator: ".")
    // model.layers.N.PART.weight
    let path = parts.dropFirst(3).dropLast().joined(separator: ".")
    guard parts.count > 4, let part = DecoderWeightNames.Part(rawValue: path) else {
      preconditionFailure("DecoderWeights: no GGUF name of '\(name)'")
    }
    let stored =
      switch part {
      case .inputNorm: "attn_norm"
      case .query: "attn_q"
      case .key: "attn_k"
      case .value: "attn_v"
      case .attentionOutput: "attn_output"
      case .attentionNorm: "ffn_norm"
      case .gate: "ffn_gate"
      case .up: "ffn_up"
      case .down: "ffn_down"
      }
    return "blk.\(parts[2]).\(stored).weight"
  }
}

extension DecoderConfiguration {
  /// Reads the metadata `llama.…` of a GGUF file.
  ///
  /// - Throws: `InputError` naming the key and the value.
  init(gguf file: GGUFFile) throws {
    let metadata = file.metadata
    let place = Place(file: file.path.shown)
    let architecture = try metadata.required("general.architecture", metadata.string)
    guard architecture == "llama" else {
      throw InputError(
        "'general.architecture' is '\(TerminalText.excerpt(architecture))', implemented is llama",
        at: place)
    }
    func int(_ key: String) throws -> Int { try metadata.required("llama." + key, metadata.int) }
    if let kind = try metadata.string("llama.rope.scaling.type"), kind != "none" {
      throw InputError(
        "'llama.rope.scaling.type' is '\(TerminalText.excerpt(kind))', implemented is none",
        at: place)
    }
    if let experts = try metadata.int("llama.expert_count"), experts != 0 {
      throw InputError(
        "'llama.expert_count' is \(experts), implemented is 0 (no mixture of experts)", at: place)
    }
    hiddenSize = try int("embedding_length")
    intermediateSize = try int("feed_forward_length")
    layers = try int("block_count")
    let heads = try int("attention.head_count")
    self.heads = heads
    keyValueHeads = try metadata.int("llama.attention.head_count_kv") ?? heads
    maximumTokens = try int("context_length")
    normEpsilon = try metadata.required(
      "llama.attention.layer_norm_rms_epsilon", metadata.double)
    rotaryBase = try metadata.double("llama.rope.freq_base") ?? 10_000
    headSize =
      try metadata.int("llama.attention.key_length")
      ?? (heads > 0 && hiddenSize % heads == 0 ? hiddenSize / heads : 0)
    for key in ["llama.rope.dimension_count", "llama.attention.value_length"] {
      guard let value = try metadata.int(key), value != headSize else { continue }
      throw InputError("'\(key)' is \(value), implemented is the head size \(headSize)", at: place)
    }
    guard let table = file.entry("token_embd.weight"), table.shape.count == 2 else {
      throw InputError("there is no word table 'token_embd.weight'", at: place)
    }
    let rows = table.shape[0]
    vocabularySize = rows
    // The vocabulary must fit the weights: ids without a row could be met.
    if let tokens = try metadata.strings("tokenizer.ggml.tokens"), tokens.count != vocabularySize {
      throw InputError(
        "the vocabulary has \(tokens.count) tokens, the word table \(vocabularySize) rows",
        at: place)
    }
    if let stated = try metadata.int("llama.vocab_size"), stated != vocabularySize {
      throw InputError(
        "'llama.vocab_size' is \(stated), the word table has \(vocabularySize) rows", at: place)
    }
    tiesWordTable = file.entry("output.weight") == nil
    func token(_ key: String) throws -> Int32? {
      guard let value = try metadata.int("tokenizer.ggml." + key) else { return nil }
      guard (0..<rows).contains(value) else {
        throw InputError(
          "'tokenizer.ggml.\(key)' is \(value), the vocabulary has \(rows) tokens",
          at: place)
      }
      return Int32(value)
    }
    beginToken = try token("bos_token_id")
    var ends: [Int32] = []
    for key in ["eos_token_id", "eot_token_id"] {
      if let end = try token(key), !ends.contains(end) { ends.append(end) }
    }
    endTokens = ends
    try check(at: place)
  }
}
