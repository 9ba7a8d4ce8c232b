import Basics
import Privacy
import Tensors
import Training

/// D4: how far the filtered gradient is from the full clipped gradient along a training, beside
/// κ / (2 − κ) of the unfiltered error.
struct FilterError: PaperExperiment {
  static let gains = [0.7, 0.3, 0.1]
  private static let learningRate = 1.5e-3

  let scale: ExperimentScale
  let noise: CalibratedNoise

  /// Mean of `‖m − G‖²` over every tenth step after the first quarter.
  func error(gain: Double?, seed: UInt64) throws -> Double {
    var world = ClassWorld(seed: seed)
    let records = world.records(scale.records)
    let task = try Perceptron(width: 48, seed: seed)
    var experiment = PrivateExperiment(
      noiseMultiplier: try noise.multiplier(
        epsilon: FilterAccuracy.epsilon, rate: FilterAccuracy.rate, steps: scale.steps),
      rate: FilterAccuracy.rate, steps: scale.steps, learningRate: Self.learningRate, seed: seed)
    if let gain { experiment.filter = .kalman(try KalmanGains(gain: gain)) }
    let training = try experiment.training(task, records)
    let optimizer = experiment.optimizer(task)
    let clipping = try Clipping(function: experiment.clipping)
    var errors: [Double] = []
    for step in 0..<scale.errorSteps {
      _ = training.source.computeGradient(
        of: training.sampler.batch(at: step).map { records[$0] }, at: step)
      if step >= scale.errorSteps / 4, step % 10 == 0 || scale.errorSteps < 10 {
        let filtered = task.parameters.map { $0.gradient?.values ?? [] }
        // E of the sampled sum over B is the mean over all records.
        let full = try ExplicitGradients.privateSum(task, records, clipping, atOnce: 1024).map {
          $0.map { $0 / Float(records.count) }
        }
        let distance = ExplicitGradients.distance(filtered, full)
        errors.append(distance * distance)
        for (parameter, values) in zip(task.parameters, filtered) {
          parameter.updateGradient { gradient in
            for i in gradient.indices { gradient[i] = values[i] }
          }
        }
      }
      optimizer.step()
    }
    return try Spread(errors).mean
  }

  private static func name(_ gain: Double?, _ seed: UInt64) -> String {
    "D4 error, κ \(gain.map { "\($0)" } ?? "none"), seed \(seed)"
  }

  var parts: [ExperimentPart] {
    ([nil] + Self.gains).flatMap { gain in
      scale.seeds.map { seed in
        ExperimentPart(name: Self.name(gain, seed)) {
          ["error": .number(try error(gain: gain, seed: seed))]
        }
      }
    }
  }

  func rows(_ results: ExperimentResults) throws -> [Reproduction.Row] {
    let ratios = try Self.gains.map { gain in
      try Spread(
        scale.seeds.map {
          try results.number(Self.name(gain, $0), "error")
            / results.number(Self.name(nil, $0), "error")
        })
    }
    let expected = Self.gains.map { $0 / (2 - $0) }
    func list(_ texts: [String]) -> String {
      zip(Self.gains, texts).map { "κ \($0): \($1)" }.joined(separator: ", ")
    }
    return [
      .init(
        id: "D4", claim: "the error of the gradient falls to κ/(2 − κ) in training too",
        paper: list(expected.map { Format.decimals($0, 3) }), ours: list(ratios.map { $0.text() }),
        verdict: .of(zip(ratios, expected).allSatisfy { abs($0.mean / $1 - 1) <= 0.15 }),
        note: "‖m − clipped full gradient‖² over the unfiltered; within 15 %")
    ]
  }
}
