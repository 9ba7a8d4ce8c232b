import Basics
import Privacy
import Tensors
import Training

/// C5: one record more or less moves the sum by at most C, whatever the record is; and the same test
/// notices what is done wrong.
struct Sensitivity: PaperExperiment {
  static let functions: [Clipping.Function] = [
    .vanilla, .automatic(), .automatic(stability: 0.001), .normalised, .global,
  ]

  let trials: Int

  /// How far a record moves the sum, over C, in random trials: ordinary records, huge ones, ones with
  /// NaN and infinity, added to batches of 0 to 6.
  static func largestMove(trials: Int) throws -> (any: Double, notFinite: Double) {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 8)
    var random = Philox(seed: 9)
    var (largest, notFinite) = (0.0, 0.0)
    for trial in 0..<trials {
      let function = functions[trial % functions.count]
      let style: Clipping.Style = trial % 2 == 0 ? .flat : .perParameter
      let length = Double.random(in: 0.1...3, using: &random)
      let clipping = try Clipping(length: length, function: function, style: style)
      var records = VectorTask.records(
        trial % 7, inputs: 6, outputs: 4, seed: UInt64(100 + trial))
      let before = try ExplicitGradients.privateSum(task, records, clipping)
      var extra = VectorTask.records(1, inputs: 6, outputs: 4, seed: UInt64(500 + trial))[0]
      // Not in step with the clipping functions.
      let kind = (trial + trial / 5) % 5
      switch kind {
      case 1: extra.rows[0][2] = .nan
      case 2: extra.rows = extra.rows.map { $0.map { $0 * 1e6 } }
      case 3: extra.targets[0][1] = .infinity
      case 4: extra.rows = extra.rows.map { $0.map { $0 * 1e15 } }
      default: break
      }
      records.insert(extra, at: trial % (records.count + 1))
      let after = try ExplicitGradients.privateSum(task, records, clipping, atOnce: 1 + trial % 4)
      let moved = ExplicitGradients.distance(before, after) / length
      // NaN counts as the worst.
      largest = moved <= largest ? largest : moved
      if kind == 1 || kind == 3 { notFinite = moved <= notFinite ? notFinite : moved }
    }
    return (largest, notFinite)
  }

  /// Negatives from the batch, each record's gradient shortened: over C. All records are the same but
  /// the one that goes: with it the others have something to be told from, and all the same gradient.
  static func moveOfBatchNegatives() throws -> Double {
    let task = try TwinTask(seed: 10, comparesBatch: true)
    let texts = TwinTask.records(2, seed: 11)
    let records = Array(repeating: texts[0], count: 7) + [texts[1]]
    let clipping = try Clipping(length: 0.01, function: .vanilla)
    return ExplicitGradients.distance(
      try ExplicitGradients.privateSum(task, records, clipping),
      try ExplicitGradients.privateSum(task, Array(records.dropLast()), clipping)) / 0.01
  }

  /// The mean over all rows of a batch in place of each record's own.
  final class RowAverage: PerRecordTask {
    let inner: VectorTask
    init(_ inner: VectorTask) { self.inner = inner }
    var parameters: [Parameter] { inner.parameters }
    func losses(of examples: [VectorTask.Record], on tape: Tape) -> Variable {
      let rows = examples.reduce(0) { $0 + $1.rows.count }
      return tape.scaled(inner.losses(of: examples, on: tape), by: 1000 / Float(rows))
    }
  }

  /// Averages over a batch's tokens: over C.
  static func moveOfBatchAverages() throws -> Double {
    let task = RowAverage(try VectorTask(inputs: 6, outputs: 4, seed: 11))
    let records = VectorTask.records(6, inputs: 6, outputs: 4, seed: 12)
    var longest = VectorTask.records(1, inputs: 6, outputs: 4, seed: 13)[0]
    longest.rows = Array(repeating: longest.rows[0], count: 60)
    longest.targets = Array(repeating: longest.targets[0], count: 60)
    let clipping = try Clipping(length: 200, function: .vanilla)
    return ExplicitGradients.distance(
      try ExplicitGradients.privateSum(task, records, clipping),
      try ExplicitGradients.privateSum(task, records + [longest], clipping)) / 200
  }

  /// The sum over the number of records that happen to be there: over C / B.
  static func moveOfRandomDivisor() throws -> (divided: Double, sum: Double) {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 11)
    let record = VectorTask.records(6, inputs: 6, outputs: 4, seed: 12)[0]
    func shifted(_ by: Float) -> VectorTask.Record {
      VectorTask.Record(rows: record.rows, targets: record.targets.map { $0.map { $0 + by } })
    }
    let clipping = try Clipping(length: 1, function: .normalised)
    let records = Array(repeating: record, count: 3) + [shifted(50)]
    let before = try ExplicitGradients.privateSum(task, records, clipping)
    let after = try ExplicitGradients.privateSum(task, records + [shifted(-50)], clipping)
    func divided(_ sum: [[Float]], by count: Float) -> [[Float]] {
      sum.map { $0.map { $0 / count } }
    }
    return (
      5 * ExplicitGradients.distance(divided(before, by: 4), divided(after, by: 5)),
      ExplicitGradients.distance(before, after)
    )
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "C5") { [trials] in
        let moves = try Self.largestMove(trials: trials)
        return [
          "move": .number(moves.any), "notFinite": .number(moves.notFinite),
          "negatives": .number(try Self.moveOfBatchNegatives()),
          "averages": .number(try Self.moveOfBatchAverages()),
          "divisor": .number(try Self.moveOfRandomDivisor().divided),
        ]
      }
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    func number(_ key: String) throws -> Double { try results.number("C5", key) }
    let move = try number("move")
    let wrong = try ["negatives", "averages", "divisor"].map(number)
    return [
      .init(
        id: "C5", claim: "one record moves the sum by at most C", paper: "1 C",
        ours: "\(Format.decimals(move, 6)) C", verdict: .of(move <= 1 + 1e-5),
        note:
          "\(trials) random neighbours: ordinary, huge, NaN, infinite, beside empty batches; those with NaN or infinity move it by \(scientific(try number("notFinite"))) C"
      ),
      .init(
        id: "C5",
        claim:
          "the test notices negatives from the batch, averages over its tokens, division by its size",
        paper: "each above 1 C",
        ours: wrong.map { "\(Format.decimals($0, 2)) C" }.joined(separator: ", "),
        verdict: .of(wrong.allSatisfy { $0 > 1.05 }), note: "what must not be done, done on purpose"
      ),
    ]
  }
}
