import Basics
import Tensors

/// What a loop remembers besides parameters and moments: losses, evaluations, the best parameters.
final class Ledger: CheckpointedState {
  private(set) var losses: [TrainingResult.Point] = []
  private(set) var evaluations: [TrainingResult.Point] = []
  private(set) var bestStep: Int?
  private(set) var evaluationsSinceBest = 0
  /// The parameters at the best evaluation; they share memory until the next update.
  private(set) var best: [Tensor] = []
  private var bestValue = -Double.infinity
  private var sum = 0.0
  private var count = 0

  func add(_ loss: Double?) {
    guard let loss else { return }
    sum += loss
    count += 1
  }

  func closeReport(at step: Int) -> Double? {
    let mean = count > 0 ? sum / Double(count) : nil
    losses.append(TrainingResult.Point(step: step, value: mean))
    (sum, count) = (0, 0)
    return mean
  }

  func note(_ value: Double, at step: Int, parameters: [Parameter]) {
    evaluations.append(TrainingResult.Point(step: step, value: value))
    guard value > bestValue else {
      evaluationsSinceBest += 1
      return
    }
    (bestValue, bestStep, evaluationsSinceBest) = (value, step, 0)
    best = parameters.map(\.value)
  }

  var stateName: String { "loop" }

  func savedState() -> StateRecord {
    func list(_ points: [TrainingResult.Point]) -> JSONValue {
      .array(
        points.map { .array([JSONValue($0.step), $0.value.map { .number($0) } ?? .null]) })
    }
    var record = StateRecord()
    record.values = [
      "losses": list(losses), "evaluations": list(evaluations),
      "evaluationsSinceBest": JSONValue(evaluationsSinceBest), "sum": .number(sum),
      "count": JSONValue(count),
    ]
    if let bestStep {
      record.values["bestStep"] = JSONValue(bestStep)
      record.values["bestValue"] = .number(bestValue)
    }
    record.tensors = best.enumerated().map { ("best/\($0)", $1) }
    return record
  }

  func restore(_ record: StateRecord) throws {
    func points(_ key: String) throws -> [TrainingResult.Point] {
      try record.values.array(key).map { pair in
        guard let cells = pair.arrayValue, cells.count == 2, let step = cells[0].intValue else {
          throw InputError("'\(key)' is no list of steps and values")
        }
        return TrainingResult.Point(step: step, value: cells[1].doubleValue)
      }
    }
    losses = try points("losses")
    evaluations = try points("evaluations")
    evaluationsSinceBest = try record.values.int("evaluationsSinceBest")
    sum = try record.values.double("sum")
    count = try record.values.int("count")
    bestStep = try record.values.optionalInt("bestStep")
    bestValue = try record.values.optionalDouble("bestValue") ?? -.infinity
    best = (0..<record.tensors.count).compactMap { record.tensor("best/\($0)") }
    guard best.count == record.tensors.count else {
      throw InputError("the best parameters are incomplete")
    }
  }
}
