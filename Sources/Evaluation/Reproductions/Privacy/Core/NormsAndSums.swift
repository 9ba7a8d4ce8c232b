import Basics
import Models
import Privacy
import Tensors
import Training

/// C2: lengths of single records' gradients without those gradients, on every kind of layer, against
/// one backward pass for each record.
struct NormsAndSums: PaperExperiment {
  /// The largest relative differences of a task.
  struct Difference {
    var norms = 0.0
    var sums = 0.0
  }

  /// Compares each parameter's length and the clipped sum; what is below a tenth of a record's whole
  /// gradient is compared with that.
  static func difference<Task: PerRecordTask>(
    _ task: Task, _ records: [Task.Example]
  ) throws -> Difference {
    let context = ComputeContext()
    let each = ExplicitGradients.each(task, records)
    var difference = Difference()
    for method in [ExampleNorms.Method.mixed, .gram, .instantiated] {
      var captured: [ParameterGradient] = []
      let tape = Tape(in: context) { captured.append($0) }
      tape.backward(from: tape.sum(task.losses(of: records, on: tape)))
      let found = Dictionary(
        uniqueKeysWithValues: ExampleNorms.squares(of: captured, by: method, in: context).map {
          ($0.parameter.name, $0.squares)
        })
      for record in records.indices {
        let squares = each[record].map(ExplicitGradients.square)
        let whole = squares.reduce(0, +).squareRoot()
        for (number, parameter) in task.parameters.enumerated() where parameter.isTrainable {
          let norm = (found[parameter.name]?[record] ?? 0).squareRoot()
          let expected = squares[number].squareRoot()
          difference.norms = max(
            difference.norms, abs(norm - expected) / max(expected, 0.1 * whole, 1e-30))
        }
      }
      for function in [Clipping.Function.vanilla, .automatic()] {
        let clipping = try Clipping(length: 0.5, function: function)
        let expected = ExplicitGradients.clippedSum(
          each, clipping, names: task.parameters.map(\.name)
        ).map { $0.map { Float($0) } }
        let sum = try ExplicitGradients.privateSum(task, records, clipping, method: method)
        let length = expected.map(ExplicitGradients.square).reduce(0, +).squareRoot()
        difference.sums = max(
          difference.sums, ExplicitGradients.distance(sum, expected) / length)
      }
    }
    return difference
  }

  /// Each kind of layer.
  static func differences() throws -> [(name: String, difference: Difference)] {
    let small = ExperimentScale.tiny(seed: 1).small
    let pieces = (0..<5).map { number in
      MaskedTokens(completion: (0..<6 + 2 * number).map { Int32(($0 * 37 + number * 11) % 256) })
    }
    let adapted = try ByteLanguageModel(small, seed: 5)
    let adapter = try LoRAAdapter(
      LoRAConfiguration(rank: 2, targets: .allLinear), on: adapted.decoder, seed: 6)
    for parameter in adapter.parameters {
      parameter.update { values, _ in
        for i in values.indices { values[i] += 0.1 * Float(i % 7 - 3) }
      }
    }
    return [
      (
        "linear and bias, sequences",
        try difference(
          VectorTask(inputs: 7, outputs: 5, seed: 9),
          VectorTask.records(5, inputs: 7, outputs: 5, seed: 10))
      ),
      (
        "linear, one row",
        try difference(
          VectorTask(inputs: 7, outputs: 5, seed: 9),
          VectorTask.records(5, inputs: 7, outputs: 5, rows: 1, seed: 11))
      ),
      (
        "LayerNorm",
        try difference(
          VectorTask(inputs: 7, outputs: 5, seed: 9, normalised: true),
          VectorTask.records(5, inputs: 7, outputs: 5, seed: 10))
      ),
      (
        "tables, RMSNorm, attention, tied head",
        try difference(TinyDecoder(seed: 6), TinyDecoder.texts(6, seed: 7))
      ),
      (
        "encoder used twice", try difference(TwinTask(seed: 3), TwinTask.records(6, seed: 4))
      ),
      (
        "Llama decoder", try difference(ByteLanguageModel(small, seed: 5).task, pieces)
      ),
      (
        "LoRA", try difference(LanguageModelTask(adapted.decoder, adapter: adapter), pieces)
      ),
    ]
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "C2") {
        JSONObject(
          try Self.differences().map { name, difference in
            (
              name,
              .object(["norms": .number(difference.norms), "sums": .number(difference.sums)])
            )
          })
      }
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let kinds = try results["C2"].members.map { name, value in
      let object = try value.requiredObject()
      return (name, norms: try object.double("norms"), sums: try object.double("sums"))
    }
    func row(_ claim: String, _ worst: Double) -> Reproduction.Row {
      .init(
        id: "C2", claim: claim, paper: "below 1e-4",
        ours: "\(scientific(worst)) at most", verdict: .of(worst < 1e-4),
        note: kinds.map(\.0).joined(separator: ", ")
          + "; sequences are packed, there is no padding")
    }
    return [
      row(
        "lengths of records' gradients against explicit ones", kinds.map(\.norms).max() ?? .infinity
      ),
      row("clipped sums against explicit ones", kinds.map(\.sums).max() ?? .infinity),
    ]
  }
}
