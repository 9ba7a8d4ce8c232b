import Basics
import TestSupport

@testable import Tensors

/// One operation with inputs, as the golden file describes it; also the subject of the finite
/// differences and of the tests of threads and checkpoints.
struct OperationCase: CustomStringConvertible {
  let name: String
  let operation: String
  let description: String
  /// Names of all inputs, in the order of the reference.
  let inputs: [String]
  let attributes: JSONObject
  let values: [String: Tensor]

  /// Inputs that are parameters of the operation, not variables.
  private static let parameterNames: Set = [
    "w", "b", "w2", "w3", "b3", "weight", "bias", "table", "a", "c",
  ]

  init(_ object: JSONObject, values: [String: Tensor]) throws {
    name = try object.string("name")
    operation = try object.string("operation")
    description = name
    inputs = try object.strings("inputs")
    attributes = object
    self.values = values
  }

  static func all() throws -> (golden: GoldenArrays, cases: [OperationCase]) {
    let golden = try GoldenArrays("autodiff", "operations")
    let cases = try golden.description.objects("cases").map { object in
      let name = try object.string("name")
      var values: [String: Tensor] = [:]
      for input in try object.strings("inputs") {
        values[input] = try Tensor(
          golden.array("\(name)/\(input)"), shape: golden.shape("\(name)/\(input)"))
      }
      return try OperationCase(object, values: values)
    }
    return (golden, cases)
  }

  private func integers(_ key: String) throws -> [Int] { try attributes.ints(key) }

  private var packing: Packing? {
    (try? attributes.ints("lengths")).map { Packing(lengths: $0) }
  }

  /// One evaluation: variables and parameters by name.
  final class Run {
    var variables: [String: Variable] = [:]
    var parameters: [String: Parameter] = [:]
    var output: Variable?

    func gradient(_ name: String) -> [Float]? {
      (variables[name]?.gradient ?? parameters[name]?.gradient)?.values
    }
  }

  /// Enters the inputs on a tape.
  func enter(_ tape: Tape, frozen: Set<String> = [], values: [String: Tensor]? = nil) throws -> Run
  {
    let run = Run()
    for (name, value) in values ?? self.values {
      if isParameter(name) {
        run.parameters[name] = Parameter(name, value, isTrainable: !frozen.contains(name))
      } else {
        run.variables[name] = tape.input(
          value, packing: packing, requiresGradient: !frozen.contains(name))
      }
    }
    return run
  }

  func isParameter(_ name: String) -> Bool { Self.parameterNames.contains(name) }

  /// Evaluates on inputs that were entered.
  func evaluate(_ run: Run, on tape: Tape) throws -> Variable {
    let x = run.variables["x"]
    let output = try output(
      tape, x: x, other: run.variables["other"] ?? run.variables["up"] ?? run.variables["residual"],
      run.parameters)
    run.output = output
    return output
  }

  private func layer(_ p: [String: Parameter], _ suffix: String) -> LinearLayer? {
    p["w" + suffix].map { LinearLayer(weight: $0, bias: p["b" + suffix]) }
  }

  // One line an operation.
  private func output(
    _ tape: Tape, x: Variable?, other: Variable?, _ p: [String: Parameter]
  ) throws -> Variable {
    if operation == "embedding" {
      let ids = try attributes.array("ids").map {
        ($0.arrayValue ?? []).map { Int32($0.intValue ?? -1) }
      }
      let tables = zip(["a", "b", "c"].compactMap { p[$0] }, ids).map { (table: $0, ids: $1) }
      return tape.embedding(tables, packing: .rows(ids[0].count))
    }
    guard let x else { throw InputError("no x") }
    switch operation {
    case "linear": return tape.linear(x, ["", "2", "3"].compactMap { layer(p, $0) })
    case "activation":
      let name = try attributes.string("activation")
      return tape.activation(x, Activation(rawValue: name) ?? .none)
    case "tanh": return tape.tanh(x)
    case "logSigmoid": return tape.logSigmoid(x)
    case "positivePart": return tape.positivePart(x)
    case "square": return tape.add(tape.multiply(x, x), x)
    case "scaled": return tape.scaled(x, by: 2.5)
    case "shifted": return tape.shifted(x, by: 2.5)
    case "meanPool": return tape.meanPool(x)
    case "firstPool": return tape.firstPool(x)
    case "gather": return tape.gather(x, rows: try integers("rows"))
    case "normalized": return tape.normalized(x)
    case "mean": return tape.mean(x)
    case "sum":
      let weights = try? attributes.array("weights").compactMap { $0.doubleValue.map { Float($0) } }
      return tape.sum(x, weights: weights)
    case "crossEntropy":
      let excluded = try? attributes.array("excluded").map { list in
        (list.arrayValue ?? []).compactMap(\.intValue)
      }
      return tape.crossEntropy(
        x, targets: try integers("targets"), excluded: excluded,
        keepsTarget: attributes["decoupled"] == nil)
    case "attention":
      let bias = p["table"].map { table in
        RelativeBias(table: table) { max(-2, min(2, $0)) + 2 }
      }
      let heads = try attributes.int("heads")
      let shared = try attributes.int("shared")
      let size = x.value.columns / (heads + 2 * shared)
      let rotary =
        attributes["rotary"] == nil
        ? nil : RotaryTable(positions: x.packing.longest, headSize: size)
      return tape.attention(
        x, heads: heads, keyValueHeads: shared, isCausal: attributes["causal"] != nil,
        rotary: rotary, relativeBias: bias)
    default: break
    }
    if operation == "layerNorm" || operation == "rmsNorm" {
      let epsilon = Float(try attributes.double("epsilon"))
      guard let weight = p["weight"] else { throw InputError("no weight") }
      guard let bias = p["bias"] else { return tape.rmsNorm(x, weight: weight, epsilon: epsilon) }
      return tape.layerNorm(x, residual: other, weight: weight, bias: bias, epsilon: epsilon)
    }
    if operation == "vocabularyLoss", let head = layer(p, "") {
      return tape.vocabularyLoss(
        x, head: head, targets: try integers("targets"), block: try attributes.int("block"))
    }
    guard let other else { throw InputError("unknown operation '\(operation)'") }
    switch operation {
    case "add": return tape.add(x, other)
    case "concatenated": return tape.concatenated([x, other])
    case "subtract": return tape.subtract(x, other)
    case "multiply": return tape.multiply(x, other)
    case "swiGLU": return tape.swiGLU(gate: x, up: other)
    case "similarity":
      return tape.similarity(x, other, scale: Float(try attributes.double("scale")))
    case "rowProducts": return tape.rowProducts(x, other)
    default: throw InputError("unknown operation '\(operation)'")
    }
  }
}
