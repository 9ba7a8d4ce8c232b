import Basics

/// A BERT encoder in an ONNX graph: tensors under the names of `transformers`, and what
/// `config.json` would say.
///
/// Exports keep the names of tables, norms and biases; the matrices of linear layers have lost
/// theirs and lie transposed. A matrix is found from its bias: the sum that adds it, and the product
/// before that sum. Quantised tables and matrices are dequantised.
struct BERTExport {
  /// A tensor of the encoder.
  struct Tensor {
    var name: String
    var shape: [Int]
    var values: [Float]
  }

  /// Tensors in the order of the layers.
  private(set) var tensors: [Tensor] = []
  /// The content of `config.json`.
  private(set) var configuration: JSONObject = [:]

  private let graph: ONNXGraph
  private let place: Place
  private let prefix: String
  /// Nodes that take a value.
  private let consumers: [String: [Int]]

  private static let words = "embeddings.word_embeddings.weight"

  /// Finds the encoder.
  ///
  /// - Parameter graph: The graph.
  /// - Throws: `InputError` that names what is missing or not understood.
  init(_ graph: ONNXGraph) throws {
    self.graph = graph
    place = Place(file: graph.file.path.shown)
    let names = graph.tensors.keys.sorted(by: utf8Precedes)
    let endings = [Self.words, Self.words + "_quantized"]
    guard
      let (table, ending) = names.lazy.compactMap({ name in
        endings.first { name.hasSuffix($0) }.map { (name, $0) }
      }).first
    else {
      throw InputError("no BERT encoder: there is no '\(Self.words)'", at: place)
    }
    prefix = String(table.dropLast(ending.count))
    var consumers: [String: [Int]] = [:]
    for (number, node) in graph.nodes.enumerated() {
      for input in node.inputs { consumers[input, default: []].append(number) }
    }
    self.consumers = consumers
    try read()
  }

  private mutating func read() throws {
    let words = try table(Self.words)
    let hidden = words.shape[1]
    let positions = try table("embeddings.position_embeddings.weight")
    let types = try table("embeddings.token_type_embeddings.weight")
    tensors = [words, positions, types]
    try addNorm("embeddings.LayerNorm", hidden)
    var layers = 0
    var wide = 0
    while graph.tensors[prefix + "encoder.layer.\(layers).output.dense.bias"] != nil {
      let base = "encoder.layer.\(layers)."
      for name in ["query", "key", "value"] {
        try addLinear(base + "attention.self." + name, inputs: hidden)
      }
      try addLinear(base + "attention.output.dense", inputs: hidden)
      try addNorm(base + "attention.output.LayerNorm", hidden)
      wide = try addLinear(base + "intermediate.dense", inputs: hidden)
      try addLinear(base + "output.dense", inputs: wide)
      try addNorm(base + "output.LayerNorm", hidden)
      layers += 1
    }
    guard layers > 0 else { throw InputError("no BERT encoder: it has no layers", at: place) }
    guard graph.nodes.contains(where: { $0.operation == "Erf" || $0.operation == "Gelu" }) else {
      throw InputError("no BERT encoder: its activation is not GELU", at: place)
    }
    let epsilon = graph.nodes.lazy.filter { $0.operation == "LayerNormalization" }
      .compactMap(\.epsilon).first
    configuration = [
      "model_type": "bert", "hidden_size": JSONValue(hidden),
      "num_hidden_layers": JSONValue(layers), "num_attention_heads": JSONValue(try heads(hidden)),
      "intermediate_size": JSONValue(wide), "hidden_act": "gelu",
      "max_position_embeddings": JSONValue(positions.shape[0]),
      "vocab_size": JSONValue(words.shape[0]), "type_vocab_size": JSONValue(types.shape[0]),
      "layer_norm_eps": .number(epsilon.map(Double.init) ?? 1e-12),
    ]
  }

  /// Heads from the shape that splits them: it ends with their number and their width.
  private func heads(_ hidden: Int) throws -> Int {
    func constant(_ name: String) -> [Int]? {
      if let tensor = graph.tensors[name] { return graph.integers(tensor) }
      guard let number = graph.producers[name] else { return nil }
      let node = graph.nodes[number]
      if node.operation == "Unsqueeze" || node.operation == "Cast" {
        return node.inputs.first.flatMap(constant)
      }
      return node.constant.flatMap { graph.integers($0) }
    }
    var found: Set<Int> = []
    for node in graph.nodes where ["Concat", "Reshape"].contains(node.operation) {
      let ends: [Int]
      if node.operation == "Concat" {
        let last = node.inputs.suffix(2).compactMap { constant($0) }
        guard node.inputs.count == 4, last.count == 2, last.allSatisfy({ $0.count == 1 }) else {
          continue
        }
        ends = last.flatMap(\.self)
      } else {
        guard node.inputs.count == 2, let shape = constant(node.inputs[1]), shape.count == 4 else {
          continue
        }
        ends = Array(shape.suffix(2))
      }
      let width = ends[1]
      guard width > 1, width <= hidden, hidden % width == 0 else { continue }
      // Newer exports leave the number of heads to be inferred.
      if ends[0] == -1 || ends[0] == hidden / width { found.insert(hidden / width) }
    }
    guard found.count == 1, let heads = found.first else {
      throw InputError(
        "the number of attention heads cannot be told: \(found.count) candidates", at: place)
    }
    return heads
  }

  /// A table, dequantised where it was quantised.
  private func table(_ name: String) throws -> Tensor {
    let full = prefix + name
    let tensor: Tensor
    if let plain = graph.tensors[full], let values = graph.floats(plain) {
      tensor = Tensor(name: name, shape: plain.shape, values: values)
    } else if let quantised = graph.tensors[full + "_quantized"] {
      tensor = Tensor(
        name: name, shape: quantised.shape,
        values: try dequantised(
          quantised, scale: full + "_scale", zero: full + "_zero_point", axis: 0))
    } else {
      throw InputError("there is no table '\(name)' of numbers", at: place)
    }
    guard tensor.shape.count == 2 else {
      throw InputError("'\(name)' has shape \(tensor.shape), expected two dimensions", at: place)
    }
    return tensor
  }

  private func vector(_ name: String, _ count: Int) throws -> Tensor {
    guard let tensor = graph.tensors[prefix + name], let values = graph.floats(tensor),
      tensor.shape == [count]
    else {
      throw InputError("'\(name)' is missing or not [\(count)] numbers", at: place)
    }
    return Tensor(name: name, shape: [count], values: values)
  }

  private mutating func addNorm(_ name: String, _ width: Int) throws {
    tensors += [try vector(name + ".weight", width), try vector(name + ".bias", width)]
  }

  @discardableResult
  private mutating func addLinear(_ name: String, inputs: Int) throws -> Int {
    guard let shape = graph.tensors[prefix + name + ".bias"]?.shape, shape.count == 1 else {
      throw InputError("'\(name).bias' is missing", at: place)
    }
    let outputs = shape[0]
    let matrix = try matrix(of: name)
    guard matrix.shape == [inputs, outputs] else {
      throw InputError(
        "the matrix of '\(name)' has shape \(matrix.shape), expected [\(inputs), \(outputs)]",
        at: place)
    }
    var turned = [Float](repeating: 0, count: inputs * outputs)
    for input in 0..<inputs {
      for output in 0..<outputs {
        turned[output * inputs + input] = matrix.values[input * outputs + output]
      }
    }
    tensors += [
      Tensor(name: name + ".weight", shape: [outputs, inputs], values: turned),
      try vector(name + ".bias", outputs),
    ]
    return outputs
  }

  /// The matrix of the product whose sum with the bias is the layer, `[inputs, outputs]`.
  private func matrix(of name: String) throws -> (shape: [Int], values: [Float]) {
    let bias = prefix + name + ".bias"
    let sums = (consumers[bias] ?? []).map { graph.nodes[$0] }
    guard sums.count == 1, sums[0].operation == "Add",
      let product = sums[0].inputs.first(where: { $0 != bias })
    else {
      throw InputError("'\(name).bias' is not added to one product", at: place)
    }
    var value = product
    // Between product and sum a quantised product is scaled.
    for _ in 0..<4 {
      guard let number = graph.producers[value] else { break }
      let node = graph.nodes[number]
      switch node.operation {
      case "MatMul":
        if let found = try weights(node.inputs.last ?? "") { return found }
      case "MatMulInteger":
        guard node.inputs.count >= 2, let tensor = graph.tensors[node.inputs[1]] else { break }
        let base =
          node.inputs[1].hasSuffix("_quantized")
          ? String(node.inputs[1].dropLast("_quantized".count)) : node.inputs[1]
        return (
          tensor.shape,
          try dequantised(
            tensor, scale: base + "_scale",
            zero: node.inputs.count > 3 ? node.inputs[3] : base + "_zero_point", axis: 1)
        )
      case "Cast": value = node.inputs.first ?? ""
      case "Mul":
        guard
          let next = node.inputs.first(where: { input in
            graph.producers[input].map {
              ["Cast", "MatMulInteger"].contains(graph.nodes[$0].operation)
            } ?? false
          })
        else { break }
        value = next
      default: break
      }
    }
    throw InputError("the matrix of '\(name)' cannot be found", at: place)
  }

  /// A constant matrix: plain, or dequantised by a node.
  private func weights(_ name: String) throws -> (shape: [Int], values: [Float])? {
    if let tensor = graph.tensors[name], let values = graph.floats(tensor) {
      return (tensor.shape, values)
    }
    guard let number = graph.producers[name] else { return nil }
    let node = graph.nodes[number]
    guard node.operation == "DequantizeLinear", node.inputs.count >= 2,
      let tensor = graph.tensors[node.inputs[0]]
    else { return nil }
    return (
      tensor.shape,
      try dequantised(
        tensor, scale: node.inputs[1], zero: node.inputs.count > 2 ? node.inputs[2] : nil,
        axis: node.axis ?? 1)
    )
  }

  /// (value − zero point) · scale, with one scale for all or one for each index of an axis.
  private func dequantised(
    _ tensor: ONNXGraph.Tensor, scale: String, zero: String?, axis: Int
  ) throws -> [Float] {
    let shown = TerminalText.excerpt(tensor.name)
    guard let integers = graph.integers(tensor),
      let scales = graph.tensors[scale].flatMap({ graph.floats($0) }), !scales.isEmpty
    else {
      throw InputError("'\(shown)' is quantised in a way that is not read", at: place)
    }
    let zeros = zero.flatMap { graph.tensors[$0] }.flatMap { graph.integers($0) } ?? [0]
    let axis = axis < 0 ? axis + tensor.shape.count : axis
    guard tensor.shape.indices.contains(axis),
      [1, tensor.shape[axis]].contains(scales.count), [1, tensor.shape[axis]].contains(zeros.count)
    else {
      throw InputError(
        "'\(shown)' has \(scales.count) scales and \(zeros.count) zero points for shape"
          + " \(tensor.shape)", at: place)
    }
    let inner = tensor.shape[(axis + 1)...].reduce(1, *)
    return integers.enumerated().map { position, value in
      let part = inner == 0 ? 0 : position / inner % tensor.shape[axis]
      return Float(value - zeros[zeros.count == 1 ? 0 : part])
        * scales[scales.count == 1 ? 0 : part]
    }
  }
}
