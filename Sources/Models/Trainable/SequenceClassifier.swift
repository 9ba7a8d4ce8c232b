import Basics
public import SystemPackage
public import Tensors

/// A transformer with a head that sorts texts into classes, as `BertForSequenceClassification` and
/// `MPNetForSequenceClassification` of `transformers` have it (without dropout).
///
/// The head reads the state of the first token: `W₂ tanh(W₁ h + b₁) + b₂`.
public final class SequenceClassifier {
  /// The encoder.
  public let encoder: TrainableTransformer
  /// The classes' names, in the order of the scores.
  public let labels: [String]
  private let dense: LinearLayer
  private let output: LinearLayer

  /// Puts a head on an encoder.
  ///
  /// - Parameters:
  ///   - directory: a model's folder. If it holds a head for as many classes, that is used; else the
  ///     head is new: normal numbers with deviation 0.02, biases 0. BERT's inner layer is its pooler,
  ///     used where it is there.
  ///   - labels: the classes' names, two or more.
  ///   - seed: of a new head.
  /// - Throws: `InputError` if the weights do not fit.
  public init(directory: FilePath, labels: [String], seed: UInt64) throws {
    precondition(labels.count >= 2, "SequenceClassifier: \(labels.count) classes")
    let encoder = try TrainableTransformer(directory: directory)
    self.encoder = encoder
    self.labels = labels
    let set = try WeightSet(directory: directory)
    let hidden = encoder.dimension
    let names = HeadNames(encoder.configuration.family)
    func parameter(_ name: String, _ shape: [Int], stored: String, stream: UInt64) throws
      -> Parameter
    {
      if let entry = set.shape(of: stored), entry == shape {
        let found = try set.tensors(prefix: "", expected: [(stored, shape)], ignored: [""])
        if let tensor = found[stored] { return Parameter(name, tensor) }
      }
      var values = [Float](repeating: 0, count: shape.reduce(1, *))
      if shape.count == 2 {
        values.withUnsafeMutableBufferPointer {
          Philox.addGaussians(to: $0, scale: 0.02, seed: seed, stream: stream)
        }
      }
      return Parameter(name, try Tensor(values, shape: shape))
    }
    func layer(_ name: String, _ outputs: Int, stream: UInt64, isInEncoder: Bool) throws
      -> LinearLayer
    {
      let stored = (isInEncoder ? encoder.prefix : "") + name
      return LinearLayer(
        weight: try parameter(
          name + ".weight", [outputs, hidden], stored: stored + ".weight", stream: stream),
        bias: try parameter(name + ".bias", [outputs], stored: stored + ".bias", stream: stream))
    }
    dense = try layer(names.dense, hidden, stream: 0, isInEncoder: names.denseIsInEncoder)
    output = try layer(names.output, labels.count, stream: 1, isInEncoder: false)
  }

  /// Parameters of the head.
  public var headParameters: [Parameter] { dense.parameters + output.parameters }
  /// All parameters, the encoder's first.
  public var parameters: [Parameter] { encoder.parameters + headParameters }

  /// Scores of the classes.
  ///
  /// - Parameters:
  ///   - sequences: none longer than the encoder takes, none empty.
  ///   - tape: where it runs.
  /// - Returns: `[sequences, classes]`, before the softmax.
  public func scores(of sequences: [TokenSequence], on tape: Tape) -> Variable {
    let first = tape.firstPool(encoder.states(of: sequences, on: tape))
    return tape.linear(tape.tanh(tape.linear(first, dense)), output)
  }

  /// Writes a model that `transformers` loads by its auto class.
  ///
  /// - Parameters:
  ///   - directory: a new folder.
  ///   - source: the folder the encoder was read from.
  ///   - origin: where it comes from, kept in `config.json`; nil: nothing is said.
  /// - Throws: `FileError`; `InputError` if the source is no longer what it was.
  public func save(to directory: FilePath, source: FilePath, origin: String? = nil) throws {
    let family = encoder.configuration.family
    let names = HeadNames(family)
    var tensors = encoder.parameters.map { (family.rawValue + "." + $0.name, $0.value) }
    for parameter in headParameters {
      let inEncoder = names.denseIsInEncoder && parameter.name.hasPrefix(names.dense + ".")
      tensors.append(((inEncoder ? family.rawValue + "." : "") + parameter.name, parameter.value))
    }
    try TrainedModelFiles.write(
      tensors, to: directory, source: source, keepsSentenceFiles: false
    ) { configuration in
      configuration["architectures"] = .array([.string(names.architecture)])
      if let origin { configuration["ragbench_origin"] = .string(origin) }
      configuration["problem_type"] = .string("single_label_classification")
      configuration["id2label"] = .object(
        JSONObject(labels.enumerated().map { ("\($0)", JSONValue.string($1)) }))
      configuration["label2id"] = .object(
        JSONObject(labels.enumerated().map { ($1, JSONValue($0)) }))
    }
  }
}

/// Names of the heads of `transformers`.
private struct HeadNames {
  let dense: String
  let output: String
  let denseIsInEncoder: Bool
  let architecture: String

  init(_ family: EncoderConfiguration.Family) {
    switch family {
    case .bert:
      (dense, output, denseIsInEncoder) = ("pooler.dense", "classifier", true)
      architecture = "BertForSequenceClassification"
    case .mpnet:
      (dense, output, denseIsInEncoder) = ("classifier.dense", "classifier.out_proj", false)
      architecture = "MPNetForSequenceClassification"
    }
  }
}
