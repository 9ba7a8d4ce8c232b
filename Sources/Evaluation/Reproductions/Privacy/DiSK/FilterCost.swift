import Basics
import Models
import Privacy
import Tensors
import Training

/// D6: what a step costs with the filter: time beside DP-Adam, and copies of the parameters.
struct FilterCost: PaperExperiment {
  let scale: ExperimentScale
  let texts: [String]

  var parts: [ExperimentPart] {
    [ExperimentPart(name: "D6", isTimed: true) { try measure() }]
  }

  /// Median seconds of a step of each kind, taken in turns, so that all see the same machine.
  private func measure() throws -> JSONObject {
    let size = scale.small
    let pieces = ByteLanguageModel.pieces(of: texts, bytes: size.pieceBytes, seed: 0)
    let rounds = scale.hasWholeGrid ? 25 : 3
    let filters: [GradientFilter] = [
      .none, .kalman(try KalmanGains(gain: 0.7)),
      .kalman(try KalmanGains(gain: 0.7, lookAhead: 0.5)),
    ]
    let runs = try filters.map { filter in
      let model = try ByteLanguageModel(size, seed: 0)
      let experiment = PrivateExperiment(
        noiseMultiplier: 1, rate: Double(size.batch) / Double(pieces.count), steps: rounds + 2,
        rule: .adamW(), learningRate: 1e-3, filter: filter, clipping: .automatic(), seed: 0,
        recordsAtOnce: 32)
      return (
        model: model, training: try experiment.training(model.task, pieces),
        optimizer: experiment.optimizer(model.task)
      )
    }
    var seconds: [[Double]] = Array(repeating: [], count: filters.count)
    for step in 0..<rounds + 2 {
      for (number, run) in runs.enumerated() {
        let batch = run.training.sampler.batch(at: step).map { pieces[$0] }
        let start = ContinuousClock.now
        _ = run.training.source.computeGradient(of: batch, at: step)
        run.optimizer.step()
        if step >= 2 { seconds[number].append((ContinuousClock.now - start) / .seconds(1)) }
      }
    }
    let medians = try seconds.map { try Self.median($0) }
    let state = (runs[1].training.source as? any CheckpointedState)?.savedState()
    let numbers = state?.tensors.reduce(0) { $0 + $1.value.count } ?? 0
    let parameters = runs[1].model.task.parameters.reduce(0) { $0 + $1.count }
    return [
      "one": .number(medians[1] / medians[0]), "two": .number(medians[2] / medians[0]),
      "copies": .number(Double(numbers) / Double(parameters)),
    ]
  }

  private static func median(_ values: [Double]) throws -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { throw InputError("no step was timed") }
    return sorted[sorted.count / 2]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let one = try results.number("D6", "one")
    let two = try results.number("D6", "two")
    let copies = try results.number("D6", "copies")
    return [
      .init(
        id: "D6", claim: "time of a step beside DP-Adam: one evaluation 1.1, two 2.2",
        paper: "at most 1.1 and 2.2",
        ours: "\(Format.decimals(one, 2)) and \(Format.decimals(two, 2))",
        verdict: .of(one <= 1.1 && two <= 2.2),
        note:
          "medians of steps in turns, one thread, small language model; a measurement of this machine"
      ),
      .init(
        id: "D6", claim: "memory: two copies of the parameters", paper: "2",
        ours: Format.decimals(copies, 2), verdict: .of(copies == 2),
        note: "what the filter holds between steps"),
    ]
  }
}
