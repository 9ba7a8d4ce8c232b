import Basics
import Privacy
import Tensors
import Training

/// D3: the filter costs no privacy: ε is that of DP-SGD to the bit, and one record moves the sum of the
/// combined gradients by at most C.
struct FilterPrivacy: PaperExperiment {
  static let weights = [0.57, 0.86, 1, 1.43, 2]

  /// ε by three accountants after private training with a filter.
  static func epsilons(_ filter: GradientFilter) throws -> [Double] {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 3)
    var experiment = PrivateExperiment(
      noiseMultiplier: 1.1, rate: 0.1, steps: 50, learningRate: 0.01, seed: 1)
    experiment.filter = filter
    let training = try experiment.training(
      task, VectorTask.records(200, inputs: 6, outputs: 4, seed: 4))
    _ = try training.loop(
      TrainingSettings(steps: 50), optimizer: experiment.optimizer(task),
      schedule: Schedule(.constant, totalSteps: 50)
    ).run()
    let accountants: [any PrivacyAccountant] = [
      RenyiAccountant(), PRVAccountant(), PLDAccountant(),
    ]
    return try accountants.map { try training.ledger.epsilon(by: $0) }
  }

  /// How far one record moves the sum of gradients combined with weights c and 1 − c, over C: an
  /// ordinary record, and one with a huge gradient.
  static func largestMove(weight: Double) throws -> Double {
    let task = try VectorTask(inputs: 6, outputs: 4, seed: 3)
    let length = 0.5
    let ahead = try task.parameters.map { parameter in
      try Tensor(parameter.value.values.map { $0 * 1.3 - 0.1 }, shape: parameter.shape)
    }
    let points = [
      GradientPoint(coefficient: weight, values: ahead),
      GradientPoint(coefficient: 1 - weight),
    ]
    func sum(_ records: [VectorTask.Record]) throws -> [[Float]] {
      try ExplicitGradients.privateSum(
        task, records, Clipping(length: length, function: .vanilla), points: points)
    }
    let records = VectorTask.records(6, inputs: 6, outputs: 4, seed: 4)
    var huge = records[2]
    huge.targets = huge.targets.map { $0.map { $0 + 1e5 } }
    let without = try sum(Array(records[..<2] + records[3...]))
    return try [records[2], huge].map { added in
      let with = try sum(Array(records[..<2] + [added] + records[3...]))
      return ExplicitGradients.distance(with, without) / length
    }.max() ?? .infinity
  }

  var parts: [ExperimentPart] {
    [
      ExperimentPart(name: "D3") {
        let plain = try Self.epsilons(.none)
        let one = try Self.epsilons(.kalman(KalmanGains(gain: 0.3)))
        let two = try Self.epsilons(.kalman(KalmanGains(gain: 0.7, lookAhead: 0.5)))
        let moves = try Self.weights.map { try Self.largestMove(weight: $0) }
        return [
          "isSame": .bool(plain == one && plain == two), "epsilon": .number(plain[1]),
          "moves": .array(moves.map { .number($0) }),
        ]
      }
    ]
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let result = try results["D3"]
    let largest = try result.doubles("moves").max() ?? .infinity
    let isSame = try result.bool("isSame")
    return [
      .init(
        id: "D3", claim: "the account of DP-SGD holds for the filter", paper: "the same ε",
        ours:
          "\(isSame ? "the same bits" : "not the same"): \(Format.decimals(try result.double("epsilon"), 4))",
        verdict: .of(isSame),
        note: "σ 1.1, q 0.1, 50 steps, δ 1e-5; by RDP, PRV and PLD, both forms"),
      .init(
        id: "D3", claim: "one record moves the combined sum by at most C", paper: "1 C",
        ours: "\(Format.decimals(largest, 6)) C", verdict: .of(largest <= 1 + 1e-6),
        note: "c 0.57, 0.86, 1, 1.43, 2; the largest, with a record of huge gradient"),
    ]
  }
}
